/** A batch of rows in memory. A class: a batch in flight keeps it, and closures would be objects of their own. */
import { copyRow } from '../formats/copy-row.js';
import { hashOfRows } from './rows-hash.js';
import type { SourceBatch, SourcePosition } from './source.js';

export class RowsBatch<T> implements SourceBatch<T> {
  readonly size: number;

  constructor(
    private readonly values: readonly T[],
    readonly done: number,
    readonly position: SourcePosition,
  ) {
    this.size = values.length;
  }

  hash(): string {
    return hashOfRows(this.values);
  }

  /** Copies: a stage may change its rows, and the caller's objects may be read again. */
  decode(row: (value: T) => void): void {
    for (const value of this.values) row(copyRow(value));
  }
}
