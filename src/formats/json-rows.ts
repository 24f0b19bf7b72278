/**
 * Many rows as one JSON text that is cut into lines: `JSON.stringify` asked once is much faster than for each row.
 *
 * That is exact where every row is a plain object without `toJSON`: the text between two rows is `},{` then, so when `},{`
 * occurs exactly once less than there are rows, each of its places is between two rows.
 */
const BETWEEN_ROWS = '},{';
const OPEN = '{'.charCodeAt(0);
const CLOSE = '}'.charCodeAt(0);
const COMMA = ','.charCodeAt(0);
const LINE_END = 10;

/** `[{…},{…}]`; undefined where it may not be cut, or where a row is no JSON. */
export function textOfRows(rows: readonly unknown[]): string | undefined {
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

/** Makes lines of a text of rows in its bytes.
 * @param text of `textOfRows`.
 * @param bytes of `text`; changed.
 * @returns the lines; undefined where that they are those of the rows cannot be shown. */
export function linesOfText<B extends Uint8Array>(text: string, bytes: B, rows: number): B | undefined {
  // Of ASCII text, places are the same in both, and searching text is faster.
  const cuts = text.length === bytes.length ? cutAscii(text, bytes) : cut(bytes);
  // The brackets around the array: one is left out, the other becomes the last line end.
  bytes[bytes.length - 1] = LINE_END;
  return cuts === rows - 1 ? (bytes.subarray(1) as B) : undefined;
}

function cutAscii(text: string, bytes: Uint8Array): number {
  let cuts = 0;
  for (let at = text.indexOf(BETWEEN_ROWS); at >= 0; at = text.indexOf(BETWEEN_ROWS, at + 2)) {
    bytes[at + 1] = LINE_END;
    cuts++;
  }
  return cuts;
}

function cut(bytes: Uint8Array): number {
  let cuts = 0;
  for (let at = bytes.indexOf(CLOSE); at >= 0; at = bytes.indexOf(CLOSE, at + 1)) {
    if (bytes[at + 1] !== COMMA || bytes[at + 2] !== OPEN) continue;
    bytes[at + 1] = LINE_END;
    cuts++;
  }
  return cuts;
}
