/**
 * Rows to JSON Lines, as bytes. Sinks, journal records and worker threads all use this encoder.
 *
 * 1. The bytes equal `JSON.stringify` of each row, one row a line.
 * 2. Plain rows are encoded as one JSON array that is cut into lines: one call of `JSON.stringify` is much faster than one a
 *    row. The text between two plain rows is `},{`. If `},{` occurs exactly once less than there are rows, each
 *    occurrence is a row border, and the cut is exact. Other groups are encoded row by row.
 */
import { findPromise } from './promises.js';
import { utf8Bytes } from './text-bytes.js';

/** Strings beyond about 100 KB go to V8's large-object space, where every operation costs more. */
const GROUP_BYTES = 90 * 1024;
/** This many rows are one group, however long they are. */
const FEW_ROWS = 16;

const BETWEEN_ROWS = '},{';
const OPEN = '{'.charCodeAt(0);
const CLOSE = '}'.charCodeAt(0);
const COMMA = ','.charCodeAt(0);
const LINE_END = 10;

/** Some rows as JSON Lines. */
export interface JsonLines {
  readonly lines: Uint8Array;
  readonly rows: number;
  /** The same rows as one JSON array, if the encoder made it. */
  readonly text?: string;
}

/** Makes the error for a row without a JSON form. `row` is its index in the batch, `what` the reason. */
type Problem = (row: number, what: string, cause: unknown) => Error;
type ToBytes = (text: string) => Uint8Array;

/** @param firstIndex rows of the batch before `rows`.
 * @param toBytes encodes text, in memory that may be changed.
 * @throws what `problem` makes for the first row that is not a JSON value. */
export function encodeJsonLines(
  rows: readonly unknown[],
  problem: Problem,
  firstIndex = 0,
  toBytes: ToBytes = utf8Bytes,
): JsonLines[] {
  const parts: JsonLines[] = [];
  let atOnce = rows.length <= FEW_ROWS ? FEW_ROWS : rowsAtOnce(rows[0]);
  for (let index = 0; index < rows.length; ) {
    const group = rows.length <= atOnce ? rows : rows.slice(index, index + atOnce);
    const part = encodeTogether(group, toBytes) ?? encodeEach(group, problem, firstIndex + index, toBytes);
    parts.push(part);
    index += group.length;
    atOnce = Math.max(1, Math.floor((GROUP_BYTES * group.length) / part.lines.length));
  }
  return parts;
}

/** As many as fill a group if all are like the first. */
function rowsAtOnce(row: unknown): number {
  let length = 0;
  try {
    length = JSON.stringify(row)?.length ?? 0;
  } catch {
    // The row is reported in its turn.
  }
  return Math.max(1, Math.floor(GROUP_BYTES / (1 + length)));
}

function encodeEach(
  rows: readonly unknown[],
  problem: Problem,
  firstIndex: number,
  toBytes: ToBytes,
): JsonLines {
  let text = '';
  for (let i = 0; i < rows.length; i++) {
    let line: string | undefined;
    try {
      line = JSON.stringify(rows[i]);
    } catch (error) {
      throw problem(firstIndex + i, reasonOf(error), error);
    }
    if (line === undefined) throw problem(firstIndex + i, 'is undefined, a function or a symbol', undefined);
    const path = line.includes('{}') ? findPromise(rows[i]) : undefined;
    if (path !== undefined)
      throw problem(firstIndex + i, `holds a promise${path && ` at ${path}`}`, undefined);
    text += `${line}\n`;
  }
  return { lines: toBytes(text), rows: rows.length };
}

function reasonOf(error: unknown): string {
  const text = String(error);
  if (text.includes('BigInt')) return 'holds a BigInt';
  if (text.includes('circular')) return 'contains itself';
  return 'cannot be turned into JSON';
}

/** Undefined if the cut cannot be shown to be exact. */
function encodeTogether(rows: readonly unknown[], toBytes: ToBytes): JsonLines | undefined {
  const text = arrayText(rows);
  // JSON has `{}` in place of a promise: only then the rows are searched for one.
  if (text === undefined || (text.includes('{}') && rows.some((row) => findPromise(row) !== undefined)))
    return undefined;
  const bytes = toBytes(text);
  // In ASCII text, text and bytes have the same offsets, and searching text is faster.
  const cuts = text.length === bytes.length ? cutAscii(text, bytes) : cutBytes(bytes);
  // The array's opening bracket is left out, its closing bracket becomes the last line end.
  bytes[bytes.length - 1] = LINE_END;
  return cuts === rows.length - 1 ? { lines: bytes.subarray(1), rows: rows.length, text } : undefined;
}

/** `[{…},{…}]`. Undefined if a row is not a plain object, or has no JSON form. */
function arrayText(rows: readonly unknown[]): string | undefined {
  for (let i = 0; i < rows.length; i++) if (!isPlainRow(rows[i])) return undefined;
  try {
    return JSON.stringify(rows);
  } catch {
    return undefined;
  }
}

function isPlainRow(row: unknown): boolean {
  return (
    typeof row === 'object' &&
    row !== null &&
    Object.getPrototypeOf(row) === Object.prototype &&
    (row as { toJSON?: unknown }).toJSON === undefined
  );
}

function cutAscii(text: string, bytes: Uint8Array): number {
  let cuts = 0;
  for (let at = text.indexOf(BETWEEN_ROWS); at >= 0; at = text.indexOf(BETWEEN_ROWS, at + 2)) {
    bytes[at + 1] = LINE_END;
    cuts++;
  }
  return cuts;
}

function cutBytes(bytes: Uint8Array): number {
  let cuts = 0;
  for (let at = bytes.indexOf(CLOSE); at >= 0; at = bytes.indexOf(CLOSE, at + 1)) {
    if (bytes[at + 1] !== COMMA || bytes[at + 2] !== OPEN) continue;
    bytes[at + 1] = LINE_END;
    cuts++;
  }
  return cuts;
}
