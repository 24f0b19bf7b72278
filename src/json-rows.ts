/**
 * Many rows as one JSON text that can be cut into lines: `JSON.stringify` asked once is much faster than for each row.
 *
 * That is exact where every row is a plain object without `toJSON`: the text between two rows is `},{` then, so when `},{`
 * occurs exactly once less than there are rows, each of its places is between two rows.
 */
export const BETWEEN_ROWS = '},{';

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
