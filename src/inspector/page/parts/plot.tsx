/** Throughput over the session, with uPlot: marks and idle stretches. The slider below has the same axis. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { short } from '../view/format.js';
import { type Curve, ticks } from '../view/throughput.js';
import { type PlacedMark, type Timeline, toneOfMark } from '../view/timeline.js';

interface Props {
  readonly curve: Curve;
  readonly line: Timeline;
  readonly marks: readonly PlacedMark[];
  /** Changes with the colours. */
  readonly theme: string;
  /** Pixels left of the axis, as of the slider. */
  readonly inset: number;
}

export function Plot({ curve, line, marks, theme, inset }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const drawn = useRef({ line, marks });
  drawn.current = { line, marks };
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const made = make(element, inset, () => drawn.current);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [theme, inset]);
  // During the render: a running session redraws the page so often that effects are delayed.
  useLayoutEffect(() => {
    plot.current?.setData([[...curve.xs], [...curve.rowsOut]]);
    // The axis always runs from 0 to 1, so uPlot would keep its labels.
    plot.current?.redraw(true, true);
  }, [curve, theme, inset, marks]);
  return <div class="plot" ref={box} aria-hidden="true" />;
}

function make(element: HTMLElement, inset: number, drawn: () => Pick<Props, 'line' | 'marks'>): uPlot {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const font = `11px ${style.fontFamily}`;
  const axis = {
    stroke: color('muted'),
    font,
    ticks: { show: false },
    grid: { stroke: color('line'), width: 1 },
  };
  const most = () => Math.max(2, Math.floor(element.clientWidth / 110));
  const ink = color('accent');
  return new uPlot(
    {
      width: element.clientWidth,
      height: element.clientHeight,
      padding: [8, 0, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [0, 1] },
        y: { range: (_, __, max) => [0, Math.max(1, max * 1.15)] },
      },
      axes: [
        {
          ...axis,
          size: 20,
          gap: 4,
          grid: { show: false },
          splits: () => ticks(drawn().line, most()).map((tick) => tick.x),
          values: () => ticks(drawn().line, most()).map((tick) => tick.text),
        },
        {
          ...axis,
          size: inset,
          gap: 6,
          space: 18,
          values: (_, values) => values.map((value) => short(value)),
        },
      ],
      series: [{}, { stroke: ink, width: 1.5, fill: `${ink}22`, points: { show: false } }],
      hooks: {
        drawAxes: [(plot) => drawRests(plot, drawn().line, color('rest'))],
        draw: [(plot) => drawMarks(plot, drawn().marks, color)],
      },
    },
    [[], []],
    element,
  );
}

function drawRests(plot: uPlot, line: Timeline, fill: string): void {
  const { left, top, width, height } = plot.bbox;
  plot.ctx.fillStyle = fill;
  for (const { atRest, x0, x1 } of line.stretches)
    if (atRest) plot.ctx.fillRect(left + x0 * width, top, (x1 - x0) * width, height);
}

function drawMarks(plot: uPlot, marks: readonly PlacedMark[], color: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const { left, top, width, height } = bbox;
  // Too many would hide the curve.
  const tallest = marks.filter(({ kind }) => kind !== 'checkpoint').length > 60 ? height / 3 : height;
  for (const { kind, x } of marks) {
    const isCheckpoint = kind === 'checkpoint';
    ctx.fillStyle = color(isCheckpoint ? 'muted' : toneOfMark(kind));
    ctx.globalAlpha = isCheckpoint ? 0.5 : 0.8;
    const tall = isCheckpoint ? Math.min(5 * devicePixelRatio, height) : tallest;
    ctx.fillRect(Math.round(left + x * width), top + height - tall, Math.max(1, devicePixelRatio), tall);
  }
  ctx.globalAlpha = 1;
}
