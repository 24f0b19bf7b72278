/** Rows to JSON Lines, as bytes: many at once where that is exact (`json-rows.ts`), anything else row by row. */
import { SinkError } from '../errors.js';
import { linesOfText, textOfRows } from './json-rows.js';

/** Strings beyond about 100 KB go to V8's large-object space, where everything costs more. */
const GROUP_BYTES = 90 * 1024;
const FIRST_GROUP_ROWS = 128;

const utf8 = new TextEncoder();

export class JsonLinesEncoder {
  readonly #label: string;
  #rowsAtOnce = FIRST_GROUP_ROWS;

  /** @param label named in errors. */
  constructor(label: string) {
    this.#label = label;
  }

  /** @param firstIndex of `rows` in their batch.
   * @throws {SinkError} naming the first row that is no JSON value, by its index. */
  encode(rows: readonly unknown[], firstIndex = 0): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    let index = 0;
    while (index < rows.length) {
      const fits = index === 0 && rows.length <= this.#rowsAtOnce;
      const group = fits ? rows : rows.slice(index, index + this.#rowsAtOnce);
      const chunk = encodeTogether(group) ?? this.#encodeEach(group, firstIndex + index);
      chunks.push(chunk);
      index += group.length;
      this.#rowsAtOnce = Math.max(1, Math.floor((GROUP_BYTES * group.length) / chunk.length));
    }
    return chunks;
  }

  #encodeEach(rows: readonly unknown[], firstIndex: number): Uint8Array {
    let text = '';
    for (let i = 0; i < rows.length; i++) {
      let line: string | undefined;
      try {
        line = JSON.stringify(rows[i]);
      } catch (error) {
        throw this.#problem(firstIndex + i, whyNot(error), error);
      }
      if (line === undefined) {
        throw this.#problem(firstIndex + i, 'is undefined, a function or a symbol', undefined);
      }
      text += `${line}\n`;
    }
    return Buffer.from(text);
  }

  #problem(index: number, what: string, cause: unknown): SinkError {
    return new SinkError(
      `${this.#label}: row ${index} of a batch (from 0) ${what}; rows have to be JSON values.`,
      cause === undefined ? undefined : { cause },
    );
  }
}

function whyNot(error: unknown): string {
  const text = String(error);
  if (text.includes('BigInt')) return 'holds a BigInt';
  if (text.includes('circular')) return 'contains itself';
  return 'cannot be turned into JSON';
}

/** Undefined where that cannot be shown to be exact. */
function encodeTogether(rows: readonly unknown[]): Uint8Array | undefined {
  const text = textOfRows(rows);
  if (text === undefined) return undefined;
  return linesOfText(text, utf8Of(text), rows.length);
}

/** Text is encoded here and then copied to memory of its size: asking for the size first would cost as much again. */
const scratch = new Uint8Array(3 * 128 * 1024);

function utf8Of(text: string): Buffer {
  if (3 * text.length > scratch.length) return Buffer.from(text);
  const { written } = utf8.encodeInto(text, scratch);
  const bytes = Buffer.allocUnsafe(written);
  bytes.set(scratch.subarray(0, written));
  return bytes;
}
