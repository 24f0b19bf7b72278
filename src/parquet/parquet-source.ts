/**
 * A Parquet file as a source.
 *
 * 1. The position is `{ group, row, rows }`: the row group, the rows of it that were read, and all before. Reopening reads the footer and
 *    that row group.
 * 2. (I13) One row group is in memory. A batch never spans two.
 * 3. (I15) The identity is the footer, which has the sizes and the statistics of all row groups.
 */
import { PipelineMismatchError } from '../errors.js';
import { isCount, type Json } from '../formats/json.js';
import { RowsBatch } from '../sources/rows-batch.js';
import type { OpenSource, Source, SourceBatch, SourcePosition } from '../sources/source.js';
import { ParquetFile } from './parquet-file.js';

export function parquetSource<T>(path: string, columns: readonly string[] | undefined): Source<T> {
  return {
    kind: 'parquet',
    onMalformed: 'fail',
    describe: () => undefined,
    async open(at, { fileSystem }) {
      const file = await ParquetFile.open(path, fileSystem, columns);
      try {
        return new OpenParquet<T>(file, at === undefined ? START : placeAt(path, at, file.groups));
      } catch (error) {
        await file.handle.close();
        throw error;
      }
    },
  };
}

interface Place {
  readonly group: number;
  readonly row: number;
  readonly rows: number;
}

const START: Place = { group: 0, row: 0, rows: 0 };

/** @throws {PipelineMismatchError} */
function placeAt(path: string, { group, row, rows }: SourcePosition, groups: readonly number[]): Place {
  if (!isCount(group) || !isCount(row) || !isCount(rows))
    throw new PipelineMismatchError([`the stored position is not one of ${path}`], false);
  const before = groups.slice(0, group).reduce((sum, count) => sum + count, 0);
  if (row <= (groups[group] ?? 0) && before + row === rows) return { group, row, rows };
  const has = groups.reduce((sum, count) => sum + count, 0);
  throw new PipelineMismatchError(
    [`${path} has ${has} rows in ${groups.length} row groups, and the run had read ${rows} in ${group + 1}`],
    false,
  );
}

class OpenParquet<T> implements OpenSource<T> {
  readonly total: { readonly unit: 'rows'; readonly value: number };
  readonly columns: readonly string[];
  readonly file: NonNullable<OpenSource<T>['file']>;
  #at: Place;
  /** Of `#at.group`; undefined: not read yet. */
  #rows: readonly T[] | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly parquet: ParquetFile,
    at: Place,
  ) {
    this.total = { unit: 'rows', value: parquet.rows };
    this.columns = parquet.columns;
    this.file = parquet.handle;
    this.#at = at;
  }

  async read(maxRows: number): Promise<SourceBatch<T> | undefined> {
    const { groups } = this.parquet;
    for (;;) {
      const { group, row, rows } = this.#at;
      if (this.#closed !== undefined || group >= groups.length) return undefined;
      if (row >= (groups[group] as number)) {
        this.#at = { group: group + 1, row: 0, rows };
        this.#rows = undefined;
        continue;
      }
      const all = this.#rows ?? (await this.#readGroup(group));
      if (this.#closed !== undefined) return undefined;
      this.#rows = all;
      const values = all.slice(row, row + maxRows);
      this.#at = { group, row: row + values.length, rows: rows + values.length };
      return new RowsBatch(values, this.#at.rows, { ...this.#at });
    }
  }

  async #readGroup(group: number): Promise<readonly T[]> {
    const reading = this.parquet.readGroup(group) as Promise<readonly T[]>;
    this.#reading = reading.catch(() => {});
    return reading;
  }

  async identity(): Promise<Json> {
    return { footer: this.parquet.hash };
  }

  identityOfWhole(): Promise<Json> {
    return this.identity();
  }

  /** The system must not reuse the file descriptor while it is read. */
  close(): Promise<void> {
    this.#closed ??= this.#reading.then(() => this.parquet.handle.close());
    return this.#closed;
  }
}
