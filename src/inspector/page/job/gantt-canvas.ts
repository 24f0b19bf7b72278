/** Draws the bars of the batches on a canvas. */
import type { LifeSpan } from '../../job/life.js';
import type { Gantt } from '../view/gantt.js';
import { ticks } from '../view/throughput.js';
import type { Timeline } from '../view/timeline.js';

/** Pixels of the lanes' names, and of the axis. */
export const LABELS = 108;
const AXIS = 20;
const LEAST = 1.2;

export interface Drawn {
  readonly width: number;
  readonly line: Timeline;
  /** The shown part of the axis. */
  readonly span: readonly [number, number];
  readonly batch: number | null;
  /** Time of the cursor. */
  readonly at: number;
  readonly critical: ReadonlySet<LifeSpan> | null;
  readonly drag: readonly [number, number] | null;
}

const FILLS: Readonly<Record<LifeSpan['kind'], string>> = {
  running: 'accent',
  queued: 'line-strong',
  permit: 'permit',
  backoff: 'warn',
  held: 'muted',
  ready: 'ready',
  written: 'good',
};

export function drawGantt(canvas: HTMLCanvasElement, gantt: Gantt, drawn: Drawn): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const { width, line, span, batch, at, critical, drag } = drawn;
  const height = gantt.height + AXIS;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const room = Math.max(1, width - LABELS);
  const xOf = (time: number) =>
    LABELS + ((line.xOf(time) - span[0]) / Math.max(1e-9, span[1] - span[0])) * room;

  context.font = `11px ${style.fontFamily}`;
  context.textBaseline = 'middle';
  for (const [i, lane] of gantt.lanes.entries()) {
    if (i % 2 === 0) {
      context.fillStyle = color('sunken');
      context.fillRect(0, lane.y - 4, width, lane.height + 9);
    }
    context.fillStyle = color('ink');
    context.fillText(fitting(context, lane.name, LABELS - 14), 6, lane.y + Math.min(lane.height / 2, 12));
  }
  context.save();
  context.beginPath();
  context.rect(LABELS, 0, room, height);
  context.clip();
  drawAxis(context, drawn, gantt.height, xOf, color);
  const ink = color('ink');
  const colors = new Map(Object.entries(FILLS).map(([kind, name]) => [kind, color(name)]));
  const bad = color('bad');
  for (const { life, span: each, y, height: tall } of gantt.bars) {
    const [x0, x1] = [xOf(each.from), xOf(each.to)];
    if (x1 < LABELS || x0 > width) continue;
    const isOther = batch !== null && life.batch !== batch;
    const isOff = critical !== null && !critical.has(each);
    context.globalAlpha = isOther || isOff ? 0.22 : 1;
    const isFailed = each.end === 'failed' || each.end === 'lost';
    context.fillStyle = isFailed ? bad : (colors.get(each.kind) ?? ink);
    const wide = Math.max(LEAST, x1 - x0 - 0.6);
    context.fillRect(x0, y, wide, tall);
    if (each.end === 'killed') cross(context, x1, y, tall, bad);
    if (
      each.kind === 'running' &&
      each.end === 'done' &&
      life.journaled.some(([stage]) => stage === each.stage)
    ) {
      context.fillStyle = color('good');
      context.fillRect(x0, y + tall - 2, wide, 2);
    }
    if (each.kind === 'running' && wide > 26) {
      context.fillStyle = color('on-accent');
      context.fillText(String(life.batch), x0 + 4, y + tall / 2 + 0.5);
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = ink;
  context.fillRect(Math.round(xOf(at)), 0, 1, gantt.height);
  if (drag !== null) {
    context.globalAlpha = 0.15;
    context.fillStyle = color('accent');
    context.fillRect(Math.min(...drag), 0, Math.abs(drag[1] - drag[0]), gantt.height);
    context.globalAlpha = 1;
  }
  context.restore();
}

function drawAxis(
  context: CanvasRenderingContext2D,
  { line, span, width }: Drawn,
  y: number,
  xOf: (time: number) => number,
  color: (name: string) => string,
): void {
  for (const { from, to, atRest } of line.stretches) {
    if (!atRest) continue;
    context.fillStyle = color('rest');
    context.fillRect(xOf(from), 0, xOf(to) - xOf(from), y);
  }
  context.fillStyle = color('muted');
  const most = Math.max(2, Math.floor((width - LABELS) / 90));
  let last = Number.NEGATIVE_INFINITY;
  for (const { x, text } of ticks(partOf(line, span), most)) {
    const at = LABELS + x * (width - LABELS);
    if (at - last < 74) continue;
    last = at;
    context.fillText(text, at, y + AXIS / 2);
    context.globalAlpha = 0.35;
    context.fillRect(at, 0, 0.5, y);
    context.globalAlpha = 1;
  }
}

/** The shown part as an axis of its own. */
function partOf(line: Timeline, [a, b]: readonly [number, number]): Timeline {
  const wide = Math.max(1e-9, b - a);
  const scaled = (x: number) => (x - a) / wide;
  return {
    xOf: (time) => scaled(line.xOf(time)),
    atOf: (x) => line.atOf(a + x * wide),
    stretches: line.stretches
      .filter(({ x0, x1 }) => x1 > a && x0 < b)
      .map((each) => {
        const [x0, x1] = [Math.max(a, each.x0), Math.min(b, each.x1)];
        return { ...each, from: line.atOf(x0), to: line.atOf(x1), x0: scaled(x0), x1: scaled(x1) };
      }),
  };
}

function cross(context: CanvasRenderingContext2D, x: number, y: number, tall: number, color: string): void {
  context.fillStyle = color;
  context.fillRect(x - 2.5, y - 1, 2.5, tall + 2);
}

/** Shortened to a width, with an ellipsis. */
function fitting(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let short = text.slice(0, 40);
  while (short.length > 1 && context.measureText(`${short}…`).width > width) short = short.slice(0, -1);
  return `${short}…`;
}
