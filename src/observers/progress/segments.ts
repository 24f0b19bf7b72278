/** A line made of parts of different importance. */
import type pc from 'picocolors';
import { shortened, widthOf } from './terminal-text.js';

export type Colors = ReturnType<typeof pc.createColors>;

export interface Segment {
  /** Without escape sequences. */
  readonly text: string;
  /** Where there is no room for all, the lowest goes first, the last of equals; 0 never goes. */
  readonly leaves: number;
  readonly paint?: (text: string) => string;
}

type Separator = Pick<Segment, 'text' | 'paint'>;

/** Whether there is room for words and whole figures in so many columns. */
export function isWide(room: number): boolean {
  return room >= 64;
}

/** Whether all segments fit. */
export function allFit(segments: readonly Segment[], room: number, separator: Separator): boolean {
  return widthOfAll(segments, separator) <= room - indentFor(room).length;
}

/** The segments that fit, indented a little unless it is very narrow; the last one left is shortened. */
export function fitted(
  segments: readonly Segment[],
  room: number,
  separator: Separator,
  ellipsis: string,
): string {
  const indent = indentFor(room);
  const width = room - indent.length;
  const kept = [...segments];
  while (kept.length > 1 && widthOfAll(kept, separator) > width) {
    const order = kept.map(({ leaves }) => (leaves === 0 ? Number.POSITIVE_INFINITY : leaves));
    kept.splice(order.lastIndexOf(Math.min(...order)), 1);
  }
  const [first, second] = kept;
  if (first !== undefined && second === undefined && widthOf(first.text) > width) {
    return indent + shortened(first.text, width, ellipsis);
  }
  return indent + kept.map(painted).join(painted(separator));
}

function indentFor(room: number): string {
  return room >= 30 ? '  ' : '';
}

function widthOfAll(segments: readonly Segment[], separator: Separator): number {
  return segments.reduce(
    (sum, { text }) => sum + widthOf(text),
    widthOf(separator.text) * Math.max(0, segments.length - 1),
  );
}

function painted({ text, paint }: Separator): string {
  return paint === undefined ? text : paint(text);
}
