/**
 * Progress as lines of text: pure, so that what a terminal shows can be tested without one.
 *
 * 1. No line is wider than one column less than the terminal, so that none wraps; no more lines than it has rows.
 * 2. What there is no room for goes in order of importance; the order of what stays does not change.
 * 3. Names of pipelines and stages cannot carry escape sequences.
 */
import type pc from 'picocolors';
import type { Progress, StageProgress } from './progress.js';
import { compact, counted, grouped, printable, shortened, spanInSeconds, widthOf } from './terminal-text.js';

export type Colors = ReturnType<typeof pc.createColors>;

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

interface Glyphs {
  readonly spinner: readonly string[];
  readonly done: string;
  readonly half: string;
  readonly rest: string;
  readonly arrow: string;
  readonly branch: string;
  readonly last: string;
  readonly ellipsis: string;
  readonly dot: string;
  readonly inFlight: string;
  readonly retries: string;
  readonly skipped: string;
  readonly deadLettered: string;
}

const UNICODE: Glyphs = {
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  done: '━',
  half: '╸',
  rest: '─',
  arrow: '→',
  branch: '├',
  last: '└',
  ellipsis: '…',
  dot: '·',
  inFlight: '●',
  retries: '↻',
  skipped: '⊘',
  deadLettered: '✗',
};

const ASCII: Glyphs = {
  spinner: ['|', '/', '-', '\\'],
  done: '=',
  half: '>',
  rest: '-',
  arrow: '->',
  branch: '|',
  last: '`',
  ellipsis: '~',
  dot: '-',
  inFlight: '*',
  retries: 'r',
  skipped: 's',
  deadLettered: 'd',
};

/** Below this, figures are compact. */
const WIDE_COLUMNS = 64;

/** The live block: a bar, the figures of the run, a lane per stage. */
export function progressLines(progress: Progress, layout: LinesLayout): string[] {
  const glyphs = layout.ascii ? ASCII : UNICODE;
  const room = Math.max(1, layout.columns - 1);
  const lines = [
    headLine(progress, room, glyphs, layout),
    figuresLine(progress, room, glyphs, layout),
    ...laneLines(progress.stages, room, glyphs, layout),
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

interface Segment {
  readonly text: string;
  /** The lowest go first; 0 goes never. */
  readonly leaves: number;
  readonly paint?: (text: string) => string;
}

function figuresLine(progress: Progress, room: number, glyphs: Glyphs, layout: LinesLayout): string {
  const { colors, now } = layout;
  const wide = room >= WIDE_COLUMNS;
  const figure = wide ? grouped : compact;
  const checkpoint = progress.lastCheckpoint;
  const lost = unreadable(progress);
  const segments: Segment[] = [
    { text: `${figure(progress.rowsIn)} ${glyphs.arrow} ${figure(progress.rowsOut)} rows`, leaves: 0 },
    { text: `${figure(progress.rowsPerSecond)}${wide ? ' rows' : ''}/s`, leaves: 9 },
    ...(lost > 0 ? [{ text: `${figure(lost)} unreadable`, leaves: 7, paint: colors.yellow }] : []),
    { text: spanInSeconds(progress.elapsedMs), leaves: 5, paint: colors.dim },
  ];
  if (checkpoint !== undefined) {
    segments.push({ text: `saved ${spanInSeconds(now - checkpoint.at)} ago`, leaves: 4, paint: colors.dim });
  }
  return indented(segments, room, { text: ` ${glyphs.dot} `, paint: colors.dim }, glyphs);
}

function laneLines(
  stages: readonly StageProgress[],
  room: number,
  glyphs: Glyphs,
  layout: LinesLayout,
): string[] {
  const { colors } = layout;
  const wide = room >= WIDE_COLUMNS;
  const figure = wide ? grouped : compact;
  // One line stays free for the cursor, two are above.
  const most = Math.max(0, layout.rows - 3);
  const shown = stages.length <= most ? stages : stages.slice(0, Math.max(0, most - 1));
  const names = shown.map((stage) =>
    shortened(printable(stage.stage), Math.max(4, Math.floor(room / 4)), glyphs.ellipsis),
  );
  const nameWidth = Math.max(0, ...names.map(widthOf));
  const inWidth = Math.max(0, ...shown.map((stage) => figure(stage.rowsIn).length));
  const outWidth = Math.max(0, ...shown.map((stage) => figure(stage.rowsOut).length));
  const lines = shown.map((stage, index) => {
    const name = names[index] ?? '';
    const lead = `${index === stages.length - 1 ? glyphs.last : glyphs.branch} `;
    const busy = stage.inFlight > 0;
    const padded = name + ' '.repeat(nameWidth - widthOf(name));
    const rows = `${figure(stage.rowsIn).padStart(inWidth)} ${glyphs.arrow} ${figure(stage.rowsOut).padStart(outWidth)}`;
    const segments: Segment[] = [
      {
        text: `${lead}${padded}`,
        leaves: 0,
        paint: () => colors.dim(lead) + (busy ? colors.cyan(padded) : padded),
      },
      { text: rows, leaves: 9 },
      ...(busy
        ? [
            {
              text: wide
                ? `${glyphs.inFlight} ${grouped(stage.inFlight)} in flight`
                : `${glyphs.inFlight}${stage.inFlight}`,
              leaves: 5,
              paint: colors.cyan,
            },
          ]
        : []),
      ...retriesOf(stage.retries, wide, glyphs, colors),
      ...losses(stage, wide, glyphs, colors),
    ];
    return indented(segments, room, { text: wide ? '   ' : ' ' }, glyphs);
  });
  if (shown.length === stages.length || most === 0) return lines;
  const more = `${glyphs.last} ${counted(stages.length - shown.length, 'more stage')}`;
  return [...lines, `  ${colors.dim(shortened(more, room - 2, glyphs.ellipsis))}`];
}

/** What no lane shows: rows that the source could not read. */
function unreadable({ rowsSkipped, rowsDeadLettered, stages }: Progress): number {
  return stages.reduce(
    (rest, stage) => rest - stage.skipped - stage.deadLettered,
    rowsSkipped + rowsDeadLettered,
  );
}

function losses(stage: StageProgress, wide: boolean, glyphs: Glyphs, colors: Colors): Segment[] {
  const { skipped, deadLettered } = stage;
  const segments: Segment[] = [];
  if (skipped > 0) {
    const text = wide ? `${grouped(skipped)} skipped` : `${glyphs.skipped}${compact(skipped)}`;
    segments.push({ text, leaves: 7, paint: colors.yellow });
  }
  if (deadLettered > 0) {
    const text = wide
      ? `${grouped(deadLettered)} dead-lettered`
      : `${glyphs.deadLettered}${compact(deadLettered)}`;
    segments.push({ text, leaves: 8, paint: colors.red });
  }
  return segments;
}

function retriesOf(retries: number, wide: boolean, glyphs: Glyphs, colors: Colors): Segment[] {
  if (retries === 0) return [];
  const text = wide ? counted(retries, 'retry', 'retries') : `${glyphs.retries}${compact(retries)}`;
  return [{ text, leaves: 6, paint: colors.yellow }];
}

/** The segments that fit, between separators, after `indent` spaces (fewer where it is very narrow). */
function indented(
  segments: readonly Segment[],
  room: number,
  separator: Pick<Segment, 'text' | 'paint'>,
  glyphs: Glyphs,
): string {
  const indent = room >= 30 ? '  ' : '';
  const width = room - indent.length;
  const kept = [...segments];
  const total = () =>
    kept.reduce((sum, { text }) => sum + widthOf(text), 0) +
    separator.text.length * Math.max(0, kept.length - 1);
  while (kept.length > 1 && total() > width) {
    const lowest = kept.reduce((least, segment, index) => {
      const other = kept[least];
      return segment.leaves > 0 &&
        (other === undefined || other.leaves === 0 || segment.leaves <= other.leaves)
        ? index
        : least;
    }, 0);
    kept.splice(lowest, 1);
  }
  const first = kept[0];
  if (kept.length === 1 && first !== undefined && widthOf(first.text) > width) {
    return indent + shortened(first.text, width, glyphs.ellipsis);
  }
  return indent + kept.map(painted).join(painted(separator));
}

function painted({ text, paint }: Pick<Segment, 'text' | 'paint'>): string {
  return paint === undefined ? text : paint(text);
}

/** The name of the pipeline, or a word for it while there is none. */
export function nameOf(progress: Progress): string {
  return printable(progress.pipeline) || 'pipeline';
}
