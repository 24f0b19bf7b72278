/** What tells the rows of one batch from other rows (I26): answers belong to the very rows that they were made from. */
import { platform } from '#platform';
import type { RawRows } from './source.js';

/** Of rows as the bytes they are in their file, line ends between them included. */
export function hashOfRawRows({ bytes, columns }: Pick<RawRows, 'bytes' | 'columns'>): string {
  const names = columns === undefined ? '' : `-${platform.checksum(columns.join('\n'))}`;
  return `${platform.checksum(bytes)}-${bytes.length}${names}`;
}

/** Of rows in memory, as JSON. */
export function hashOfRows(rows: readonly unknown[]): string {
  let text: string;
  try {
    text = JSON.stringify(rows);
  } catch {
    // Not JSON: only their number is compared.
    text = '';
  }
  return `${platform.checksum(text)}-${rows.length}`;
}
