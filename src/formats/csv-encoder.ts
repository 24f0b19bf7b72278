/**
 * Rows to CSV records, as bytes. The columns are those of the first row that is encoded, unless known before: of every row
 * the keys have to be among them, and the order is theirs.
 */
import { stringify } from 'csv-stringify/sync';
import { SinkError } from '../errors.js';

export interface CsvForm {
  /** Named in errors. */
  readonly path: string;
  readonly delimiter: string;
  readonly header: boolean;
  /** As given. */
  readonly columns: readonly string[] | undefined;
}

export class CsvEncoder {
  readonly #form: CsvForm;
  #columns: readonly string[] | undefined;
  #columnSet: ReadonlySet<string>;

  /** @param columns those of a file that is gone on with. */
  constructor(form: CsvForm, columns: readonly string[] | undefined) {
    this.#form = form;
    this.#columns = columns ?? form.columns;
    this.#columnSet = new Set(this.#columns);
  }

  /** Undefined before the first row, unless known before it. */
  get columns(): readonly string[] | undefined {
    return this.#columns;
  }

  /** @param firstIndex of `rows` in their batch.
   * @throws {SinkError} naming the first row that does not fit, by its index. */
  encode(rows: readonly unknown[], firstIndex = 0): Uint8Array {
    return this.#text(rows.map((row, index) => this.#values(row, firstIndex + index)));
  }

  /** @param columns in order. */
  header(columns: readonly string[]): Uint8Array {
    return this.#text([[...columns]]);
  }

  #values(row: unknown, index: number): string[] {
    if (typeof row !== 'object' || row === null) {
      throw this.#problem(index, 'is not an object: a CSV row is an object or an array of values');
    }
    const columns = this.#columns;
    if (Array.isArray(row)) {
      if (columns === undefined && this.#form.header) {
        throw this.#problem(index, 'is an array: give columns, or header: false');
      }
      if (row.length === 0 || (columns !== undefined && row.length !== columns.length)) {
        throw this.#problem(
          index,
          `has ${row.length} values${columns ? ` for ${columns.length} columns` : ''}`,
        );
      }
      return row.map((value) => this.#cell(value, index));
    }
    return this.#valuesOf(row, index, columns ?? this.#firstColumns(row, index));
  }

  #firstColumns(row: object, index: number): readonly string[] {
    const columns = Object.keys(row);
    if (!this.#form.header) throw this.#problem(index, 'is an object: with header: false, give columns');
    if (columns.length === 0) throw this.#problem(index, 'has no columns, and is the first');
    this.#columns = columns;
    this.#columnSet = new Set(columns);
    return columns;
  }

  #valuesOf(row: object, index: number, columns: readonly string[]): string[] {
    const values = row as Readonly<Record<string, unknown>>;
    for (const [place, key] of Object.keys(values).entries()) {
      if (this.#columnSet.has(key)) continue;
      const known = this.#form.columns ? 'columns' : 'the columns of the first row; give columns';
      throw this.#problem(index, `has a key (number ${place + 1} of its own) that is not among ${known}`);
    }
    // Own values only: a column named `constructor` is empty where a row has none.
    return columns.map((name) => (Object.hasOwn(values, name) ? this.#cell(values[name], index) : ''));
  }

  #cell(value: unknown, index: number): string {
    switch (typeof value) {
      case 'string':
        return value;
      case 'undefined':
        return '';
      case 'number':
      case 'boolean':
      case 'bigint':
        return String(value);
      case 'object': {
        if (value === null) return '';
        let text: unknown;
        try {
          text = value instanceof Date ? value.toJSON() : JSON.stringify(value);
        } catch (error) {
          throw this.#problem(index, 'has a value that cannot be turned into JSON', error);
        }
        return typeof text === 'string' ? text : '';
      }
      default:
        throw this.#problem(index, 'has a value that is a function or a symbol');
    }
  }

  #text(records: string[][]): Uint8Array {
    const options = {
      delimiter: this.#form.delimiter,
      record_delimiter: '\n',
      quoted_match: /[\r\ufeff]/,
    };
    const hasEmptyLine = records.some((record) => record.length === 1 && record[0] === '');
    if (!hasEmptyLine) return Buffer.from(records.length === 0 ? '' : stringify(records, options));
    // A record of one empty value would be an empty line, which is no record.
    const lines = records.map((record) =>
      record.join('') === '' && record.length === 1 ? '""\n' : stringify([record], options),
    );
    return Buffer.from(lines.join(''));
  }

  #problem(index: number, what: string, cause?: unknown): SinkError {
    return new SinkError(
      `${this.#form.path}: row ${index} of a batch (from 0) ${what}.`,
      cause === undefined ? undefined : { cause },
    );
  }
}
