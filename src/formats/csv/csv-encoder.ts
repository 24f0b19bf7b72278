/**
 * Rows to CSV records, as bytes. `loadCsvWriter` comes before.
 *
 * 1. The columns are those of the first encoded row, unless they are known before. Every later row must fit them, and is
 *    written in their order.
 * 2. JavaScript moves keys such as `2020` to the front of an object. Columns with such names go back to the places that
 *    they had in the source, if the source has columns.
 */

import { findPromise } from '../promises.js';
import { type RowProblem, rowProblem } from '../row-problem.js';
import { csvWriter } from './csv-libraries.js';

export interface CsvForm {
  /** Named in errors. */
  readonly path: string;
  readonly delimiter: string;
  readonly header: boolean;
  /** As the user gave them. */
  readonly columns: readonly string[] | undefined;
}

export class CsvEncoder {
  readonly #form: CsvForm;
  readonly #problem: RowProblem;
  readonly #sourceColumns: readonly string[];
  #columns: readonly string[] | undefined;
  #columnSet: ReadonlySet<string>;

  /** @param columns those that the file already has.
   * @param sourceColumns those of the source, in order. */
  constructor(
    form: CsvForm,
    columns: readonly string[] | undefined,
    sourceColumns: readonly string[] | undefined = [],
  ) {
    this.#form = form;
    this.#problem = rowProblem(form.path);
    this.#sourceColumns = sourceColumns;
    this.#columns = columns ?? form.columns;
    this.#columnSet = new Set(this.#columns);
  }

  /** Undefined until the first row, unless known before. */
  get columns(): readonly string[] | undefined {
    return this.#columns;
  }

  /** @param firstIndex rows of the batch before `rows`.
   * @throws {SinkError} naming the first row that does not fit, by its index. */
  encode(rows: readonly unknown[], firstIndex = 0): Uint8Array {
    return this.#encodeRecords(rows.map((row, index) => this.#toRecord(row, firstIndex + index)));
  }

  /** @param columns in order. */
  encodeHeader(columns: readonly string[]): Uint8Array {
    return this.#encodeRecords([[...columns]]);
  }

  #toRecord(row: unknown, index: number): string[] {
    if (typeof row !== 'object' || row === null)
      throw this.#problem(index, 'is not an object: a CSV row is an object or an array of values');
    const columns = this.#columns;
    if (!Array.isArray(row)) return this.#toValues(row, index, columns ?? this.#adoptColumns(row, index));
    if (columns === undefined && this.#form.header)
      throw this.#problem(index, 'is an array: give columns, or header: false');
    if (row.length === 0 || (columns !== undefined && row.length !== columns.length)) {
      const expected = columns ? ` for ${columns.length} columns` : '';
      throw this.#problem(index, `has ${row.length} values${expected}`);
    }
    return row.map((value) => this.#toCell(value, index));
  }

  #adoptColumns(row: object, index: number): readonly string[] {
    const columns = inSourceOrder(Object.keys(row), this.#sourceColumns);
    if (!this.#form.header) throw this.#problem(index, 'is an object: with header: false, give columns');
    if (columns.length === 0) throw this.#problem(index, 'has no columns, and is the first');
    this.#columns = columns;
    this.#columnSet = new Set(columns);
    return columns;
  }

  #toValues(row: object, index: number, columns: readonly string[]): string[] {
    const values = row as Readonly<Record<string, unknown>>;
    for (const [place, key] of Object.keys(values).entries()) {
      if (this.#columnSet.has(key)) continue;
      const known = this.#form.columns ? 'columns' : 'the columns of the first row; give columns';
      throw this.#problem(index, `has a key (number ${place + 1} of its own) that is not among ${known}`);
    }
    // Own values only: a column named `constructor` is empty in a row without that key.
    return columns.map((name) => (Object.hasOwn(values, name) ? this.#toCell(values[name], index) : ''));
  }

  #toCell(value: unknown, index: number): string {
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
        if (findPromise(value) !== undefined) throw this.#problem(index, 'holds a promise');
        let text: unknown;
        try {
          text = isDate(value) ? value.toJSON() : JSON.stringify(value);
        } catch (error) {
          throw this.#problem(index, 'has a value that cannot be turned into JSON', error);
        }
        return typeof text === 'string' ? text : '';
      }
      default:
        throw this.#problem(index, 'has a value that is a function or a symbol');
    }
  }

  #encodeRecords(records: string[][]): Uint8Array {
    const { stringify } = csvWriter();
    const options = {
      delimiter: this.#form.delimiter,
      record_delimiter: '\n',
      quoted_match: /[\r\ufeff]/,
    };
    const isEmptyLine = (record: string[]) => record.length === 1 && record[0] === '';
    if (!records.some(isEmptyLine))
      return Buffer.from(records.length === 0 ? '' : stringify(records, options));
    // Many readers skip an empty line, so a record with one empty value is quoted.
    const lines = records.map((record) => (isEmptyLine(record) ? '""\n' : stringify([record], options)));
    return Buffer.from(lines.join(''));
  }
}

/** A date of any realm. */
function isDate(value: object): value is Date {
  return Object.prototype.toString.call(value) === '[object Date]';
}

/** A key that JavaScript sorts to the front of an object, by its value. */
const ARRAY_INDEX = /^(0|[1-9]\d{0,9})$/;

function isArrayIndex(key: string): boolean {
  return ARRAY_INDEX.test(key) && Number(key) < 2 ** 32 - 1;
}

/** `keys`, with each array index behind the column that precedes it in the source. */
function inSourceOrder(keys: readonly string[], source: readonly string[]): readonly string[] {
  const moved = new Set(keys.filter((key) => isArrayIndex(key) && source.includes(key)));
  if (moved.size === 0) return keys;
  const columns = keys.filter((key) => !moved.has(key));
  for (const [place, name] of source.entries()) {
    if (!moved.has(name)) continue;
    const before = source.slice(0, place).findLast((earlier) => columns.includes(earlier));
    columns.splice(before === undefined ? 0 : columns.indexOf(before) + 1, 0, name);
  }
  return columns;
}
