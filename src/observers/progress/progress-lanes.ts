/** A line for each stage: its name, its rows, what is in flight, waits for a permit, was retried, skipped, dead-lettered. Pure. */
import type { Glyphs } from './glyphs.js';
import type { StageProgress } from './progress.js';
import { allFit, type Colors, fitted, isWide, type Segment } from './segments.js';
import { compact, counted, grouped, printable, shortened, widthOf } from './terminal-text.js';

/** @param most Lines at most: where there are more stages, the last line says how many. */
export function laneLines(
  stages: readonly StageProgress[],
  room: number,
  most: number,
  glyphs: Glyphs,
  colors: Colors,
): string[] {
  if (most <= 0) return [];
  const shown = stages.length <= most ? stages : stages.slice(0, most - 1);
  const gap = { text: isWide(room) ? '   ' : ' ' };
  const lanes = (inWords: boolean) => lanesOf(shown, stages.length, room, inWords, glyphs, colors);
  // All lanes in words, or all in signs.
  const worded = lanes(true);
  const inWords = isWide(room) && worded.every((lane) => allFit(lane, room, gap));
  const lines = (inWords ? worded : lanes(false)).map((lane) => fitted(lane, room, gap, glyphs.ellipsis));
  if (shown.length < stages.length) {
    const more = `${glyphs.last} ${counted(stages.length - shown.length, 'more stage')}`;
    lines.push(fitted([{ text: more, leaves: 0, paint: colors.dim }], room, gap, glyphs.ellipsis));
  }
  return lines;
}

function lanesOf(
  stages: readonly StageProgress[],
  ofAll: number,
  room: number,
  inWords: boolean,
  glyphs: Glyphs,
  colors: Colors,
): Segment[][] {
  const figure = isWide(room) ? grouped : compact;
  const nameRoom = Math.max(4, Math.floor(room / 4));
  const names = stages.map(({ stage }) => shortened(printable(stage), nameRoom, glyphs.ellipsis));
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(widthOf));
  const nameWidth = widest(names);
  const inWidth = widest(stages.map(({ rowsIn }) => figure(rowsIn)));
  const outWidth = widest(stages.map(({ rowsOut }) => figure(rowsOut)));
  return stages.map((stage, index) => {
    const name = names[index] ?? '';
    const branch = `${index === ofAll - 1 ? glyphs.last : glyphs.branch} `;
    const padded = name + ' '.repeat(nameWidth - widthOf(name));
    const rowsIn = figure(stage.rowsIn).padStart(inWidth);
    const rowsOut = figure(stage.rowsOut).padStart(outWidth);
    const busy = stage.inFlight > 0;
    return [
      {
        text: branch + padded,
        leaves: 0,
        paint: () => colors.dim(branch) + (busy ? colors.cyan(padded) : padded),
      },
      { text: `${rowsIn} ${glyphs.arrow} ${rowsOut}`, leaves: 9 },
      ...tag(stage.inFlight, glyphs.inFlight, undefined, 5, colors.cyan),
      ...tag(
        stage.awaitingPermit,
        glyphs.awaitingPermit,
        inWords ? 'awaiting a permit' : undefined,
        6,
        colors.yellow,
      ),
      ...tag(stage.retries, glyphs.retries, inWords ? retries(stage.retries) : undefined, 6, colors.yellow),
      ...tag(stage.skipped, glyphs.skipped, inWords ? 'skipped' : undefined, 7, colors.yellow),
      ...tag(stage.deadLettered, glyphs.deadLettered, inWords ? 'dead-lettered' : undefined, 8, colors.red),
    ];
  });
}

function retries(count: number): string {
  return count === 1 ? 'retry' : 'retries';
}

/** A figure that is shown only when it is not zero, before its word or after its sign. */
function tag(
  count: number,
  sign: string,
  word: string | undefined,
  leaves: number,
  paint: (text: string) => string,
): Segment[] {
  if (count === 0) return [];
  return [{ text: word === undefined ? sign + compact(count) : `${grouped(count)} ${word}`, leaves, paint }];
}
