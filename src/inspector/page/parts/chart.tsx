/** The statechart of one actor: its state, its last transition, and the transitions it can take. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import {
  CHART,
  type Chart,
  type ChartEdge,
  type ChartLayout,
  type ChartLine,
  type ChartState,
  textOf,
} from '../../chart.js';
import type { SessionCommand } from '../../host.js';
import type { StateValue } from '../records.js';
import { isCommand } from '../view/commands.js';
import { arrowHead, roundedPath } from '../view/path.js';
import { activePaths, stateText } from '../view/state-value.js';

interface ChartProps {
  readonly chart: Chart;
  readonly name: string;
  readonly state: StateValue | undefined;
  /** Index of the last transition; null: unknown. */
  readonly taken: number | null;
  /** The record at the cursor took it, not an earlier one. */
  readonly isFresh: boolean;
  /** Absent without commands. */
  readonly command: ((command: SessionCommand) => void) | undefined;
}

/** Pixels; and the share of the screen's height that the rest of the page takes. */
const [LEAST, MOST] = [300, 620];
const MOST_ZOOM = 3;
const elsewhere = () => (innerHeight > 1000 ? 520 : 500);

type PartProps = ChartProps & { readonly active: ReadonlySet<string> };

export function ChartView(given: ChartProps) {
  const { chart, name, state } = given;
  const props: PartProps = { ...given, active: activePaths(state) };
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(800);
  const tallest = useSignal(MOST);
  /** 1: the whole chart fits. */
  const zoom = useSignal(1);
  const pan = useSignal<readonly [x: number, y: number] | null>(null);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      width.value = entry?.contentRect.width ?? 800;
      tallest.value = Math.min(MOST, Math.max(LEAST, innerHeight - elsewhere()));
    });
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [width]);
  const scaleOf = (layout: ChartLayout) =>
    Math.min(1.1, width.value / layout.width, tallest.value / layout.height);
  const layout = scaleOf(chart.tall) > scaleOf(chart.wide) * 1.05 ? chart.tall : chart.wide;
  const scale = Math.min(MOST_ZOOM, scaleOf(layout) * zoom.value);
  const drag = (event: PointerEvent) => {
    if (pan.value === null || box.current === null) return;
    const [x, y] = pan.value;
    box.current.scrollLeft -= event.clientX - x;
    box.current.scrollTop -= event.clientY - y;
    pan.value = [event.clientX, event.clientY];
  };
  return (
    <div class="chart-frame">
      <span class="zoom">
        <button type="button" class="tool" aria-label="Enlarge the chart" onClick={() => (zoom.value *= 1.4)}>
          +
        </button>
        <button
          type="button"
          class="tool"
          aria-label="Reduce the chart"
          disabled={zoom.value <= 1}
          onClick={() => (zoom.value = Math.max(1, zoom.value / 1.4))}
        >
          −
        </button>
        <button type="button" class="tool" disabled={zoom.value <= 1} onClick={() => (zoom.value = 1)}>
          Fit
        </button>
      </span>
      <section
        class={zoom.value > 1 ? 'chart zoomed' : 'chart'}
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the keyboard.
        tabIndex={0}
        aria-label={`Statechart of ${name}`}
        style={{ maxHeight: `${tallest.value + 20}px` }}
        onPointerDown={(event) => {
          if (zoom.value > 1 && event.button === 0) pan.value = [event.clientX, event.clientY];
        }}
        onPointerMove={drag}
        onPointerUp={() => (pan.value = null)}
        onPointerLeave={() => (pan.value = null)}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: a drawing in SVG has no element of its own. */}
        <svg
          role="group"
          aria-label={`Statechart of ${name}, in state ${stateText(state) || 'none'}`}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
          width={layout.width * scale}
          height={layout.height * scale}
        >
          {layout.states.filter(isOuter).map((each) => (
            <StateBox key={each.key} box={each} {...props} />
          ))}
          {layout.edges.map((edge) => (
            <Edge key={`${edge.from} ${edge.to}`} edge={edge} {...props} />
          ))}
          {layout.states
            .filter((each) => !isOuter(each))
            .map((each) => (
              <StateBox key={each.key} box={each} {...props} />
            ))}
        </svg>
      </section>
    </div>
  );
}

const isOuter = ({ kind }: ChartState) => kind !== 'inner';

const isTaken = (line: ChartLine, { taken }: PartProps) => taken !== null && line.transitions.includes(taken);

function Edge({ edge, ...props }: PartProps & { readonly edge: ChartEdge }) {
  const taken = edge.lines.some((line) => isTaken(line, props));
  const enabled = props.active.has(edge.from);
  const kind = `edge${enabled ? ' enabled' : ''}${taken ? (props.isFresh ? ' taken fresh' : ' taken') : ''}`;
  return (
    <g class={kind}>
      <path class="arrow" d={roundedPath(edge.points, CHART.radius)} />
      <path class="head" d={arrowHead(edge.points)} />
      {edge.lines.map((line, i) => {
        const at = { x: edge.label.x, y: edge.label.y + i * CHART.label, width: edge.label.width };
        return <EdgeLine key={textOf(line)} {...props} line={line} enabled={enabled} {...at} />;
      })}
    </g>
  );
}

interface LineProps extends PartProps {
  readonly line: ChartLine;
  readonly enabled: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

function EdgeLine({ x, y, width, ...props }: LineProps) {
  return (
    <Line {...props} kind={`edge-line${isTaken(props.line, props) ? ' taken' : ''}`}>
      <rect class="edge-ground" x={x} y={y} width={width} height={CHART.label + 1} rx={4} />
      <text class="edge-words" x={x + 6} y={y + 11.5}>
        <LineText line={props.line} />
      </text>
    </Line>
  );
}

function InsideLine({ x, y, width, ...props }: LineProps) {
  const taken = isTaken(props.line, props) ? (props.isFresh ? ' taken fresh' : ' taken') : '';
  return (
    <Line {...props} kind={`inside${taken}`}>
      <rect class="inside-ground" x={x + 5} y={y} width={width - 10} height={CHART.line} rx={4} />
      <text class="inside-words" x={x + CHART.padding} y={y + 11}>
        <LineText line={props.line} />
      </text>
    </Line>
  );
}

type GivenProps = Pick<LineProps, 'line' | 'enabled' | 'command'> & {
  readonly kind: string;
  readonly children: ComponentChildren;
};

/** A transition, as a button if it is a legal command. */
function Line({ line: { event }, enabled, command, kind, children }: GivenProps) {
  if (!enabled || command === undefined || !isCommand(event)) return <g class={kind}>{children}</g>;
  const press = (key: KeyboardEvent) => {
    if (key.key !== 'Enter' && key.key !== ' ') return;
    key.preventDefault();
    key.stopPropagation();
    command(event);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
    <g
      class={`${kind} tellable`}
      role="button"
      tabIndex={0}
      aria-label={`${event}: send to the run`}
      onClick={() => command(event)}
      onKeyDown={press}
    >
      {children}
    </g>
  );
}

function LineText({ line }: { readonly line: ChartLine }) {
  const text = textOf(line);
  if (line.guard === '' || line.event === null) return <>{text}</>;
  return (
    <>
      {line.event} <tspan class="guard">[{line.guard}]</tspan>
    </>
  );
}

function StateBox({ box, ...props }: PartProps & { readonly box: ChartState }) {
  const { x, y, width, height, key, inside } = box;
  const active = props.active.has(key);
  return (
    <g
      class={`state ${box.kind}${active ? ' active' : ''}${box.final ? ' final' : ''}`}
      data-state={key}
      data-active={active}
    >
      <rect x={x} y={y} width={width} height={height} rx={CHART.radius} />
      {box.final && (
        <rect class="inner" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={CHART.radius - 3} />
      )}
      {box.initial && <circle class="initial" cx={x} cy={y + 15.5} r={4} />}
      <text class="name" x={x + CHART.padding} y={y + 20}>
        {box.name}
        {box.kind === 'parallel' && <tspan class="guard"> all at once</tspan>}
      </text>
      {inside.map((line, i) => {
        const at = { x, y: y + CHART.title + i * CHART.line, width };
        return <InsideLine key={textOf(line)} {...props} line={line} enabled={active} {...at} />;
      })}
    </g>
  );
}
