/**
 * Progress as lines of text: pure, so that what a terminal shows can be tested without one.
 *
 * 1. No line is wider than one column less than the terminal, so that none wraps; no more lines than it has rows.
 * 2. What there is no room for goes in order of importance; the order of what stays does not change.
 * 3. Names of pipelines and stages cannot carry escape sequences.
 */
import { amountText } from '../../spending/budget.js';
import { ASCII, type Glyphs, UNICODE } from './glyphs.js';
import type { Progress } from './progress.js';
import { laneLines } from './progress-lanes.js';
import { type Colors, fitted, isWide, type Segment } from './segments.js';
import { compact, grouped, printable, shortened, spanInSeconds, widthOf } from './terminal-text.js';

export interface LinesLayout {
  readonly columns: number;
  readonly rows: number;
  readonly ascii: boolean;
  readonly colors: Colors;
  /** Counts repaints: moves what moves. */
  readonly frame: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The live block: a bar, the metrics of the run, a lane per stage. Two lines and the cursor's leave the rest to lanes. */
export function progressLines(progress: Progress, layout: LinesLayout): string[] {
  const glyphs = layout.ascii ? ASCII : UNICODE;
  const room = Math.max(1, layout.columns - 1);
  const lines = [
    headLine(progress, room, glyphs, layout),
    metricsLine(progress, room, glyphs, layout),
    ...laneLines(progress.stages, room, layout.rows - 3, glyphs, layout.colors),
  ];
  return lines.slice(0, Math.max(1, layout.rows - 1));
}

function headLine(progress: Progress, room: number, glyphs: Glyphs, { colors, frame }: LinesLayout): string {
  const spinner = glyphs.spinner[frame % glyphs.spinner.length] ?? '';
  const { fraction } = progress;
  const percent = fraction === undefined ? '' : `${Math.floor(fraction * 100)}%`.padStart(4);
  const eta = progress.etaMs === undefined ? '' : `ETA ${spanInSeconds(progress.etaMs)}`.padEnd(10);
  const name = shortened(nameOf(progress), Math.max(6, Math.floor(room / 4)), glyphs.ellipsis);
  // The bar has what the others leave; the first to go are the time left, the bar itself, the name.
  for (const tail of eta === '' ? [percent] : [`${percent}${percent && '  '}${eta}`, percent]) {
    const width = room - 2 - widthOf(name) - 2 - (tail === '' ? 0 : widthOf(tail) + 1);
    if (width < 8) continue;
    const shown = percent === '' ? tail : tail.replace(percent, colors.bold(percent));
    const line = `${colors.cyan(spinner)} ${colors.bold(name)}  ${bar(fraction, width, glyphs, colors, frame)}`;
    return tail === '' ? line : `${line} ${shown}`;
  }
  return shortened(`${spinner}${percent || ` ${name}`}`, room, glyphs.ellipsis);
}

function bar(
  fraction: number | undefined,
  width: number,
  glyphs: Glyphs,
  colors: Colors,
  frame: number,
): string {
  if (fraction === undefined) {
    const length = Math.max(2, Math.floor(width / 5));
    const travel = width - length;
    const step = frame % (2 * travel || 1);
    const start = step <= travel ? step : 2 * travel - step;
    return (
      colors.dim(glyphs.rest.repeat(start)) +
      colors.cyan(glyphs.done.repeat(length)) +
      colors.dim(glyphs.rest.repeat(travel - start))
    );
  }
  const halves = Math.floor(fraction * width * 2);
  const whole = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? glyphs.half : '';
  const color = fraction >= 1 ? colors.green : colors.cyan;
  return (
    color(glyphs.done.repeat(whole) + half) + colors.dim(glyphs.rest.repeat(width - whole - half.length))
  );
}

function metricsLine(progress: Progress, room: number, glyphs: Glyphs, layout: LinesLayout): string {
  const { colors, now } = layout;
  const figure = isWide(room) ? grouped : compact;
  const checkpoint = progress.lastCheckpoint;
  const lost = unreadable(progress);
  const segments: Segment[] = [
    { text: `${figure(progress.rowsIn)} ${glyphs.arrow} ${figure(progress.rowsOut)} rows`, leaves: 0 },
    { text: `${figure(progress.rowsPerSecond)}/s`, leaves: 9 },
    ...(lost > 0 ? [{ text: `${figure(lost)} unreadable`, leaves: 7, paint: colors.yellow }] : []),
    ...spentSegment(progress),
    { text: spanInSeconds(progress.elapsedMs), leaves: 5, paint: colors.dim },
  ];
  if (checkpoint !== undefined) {
    segments.push({ text: `saved ${spanInSeconds(now - checkpoint.at)} ago`, leaves: 4, paint: colors.dim });
  }
  return fitted(segments, room, { text: ` ${glyphs.dot} `, paint: colors.dim }, glyphs.ellipsis);
}

/** What the session has spent in money; where no price is known, its calls. */
function spentSegment({ spending }: Progress): Segment[] {
  const { usd, calls } = spending?.certain ?? {};
  if (usd !== undefined) return [{ text: `${amountText('usd', usd)} spent`, leaves: 8 }];
  return calls === undefined ? [] : [{ text: `${grouped(calls)} calls`, leaves: 3 }];
}

/** What no lane shows: rows that the source could not read. */
function unreadable({ rowsSkipped, rowsDeadLettered, stages }: Progress): number {
  return stages.reduce(
    (rest, stage) => rest - stage.skipped - stage.deadLettered,
    rowsSkipped + rowsDeadLettered,
  );
}

/** The name of the pipeline, or a word for it while there is none. */
export function nameOf(progress: Progress): string {
  return printable(progress.pipeline) || 'pipeline';
}
