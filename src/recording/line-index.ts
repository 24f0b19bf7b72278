/**
 * An index of a recording's lines: kind, number, time and offset of each, parsed from its first bytes.
 *
 * 1. Bytes are kept as they arrive; a line in two pieces is joined once.
 * 2. A line that does not begin like a record is skipped.
 * 3. An unfinished last line waits for its end.
 */
import type { Kind } from './format.js';

/** A longer line is no record; it is skipped. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 10;
const MAX_TEXT_BYTES = 64 * 1024 * 1024;
/** More lines than one frame needs. */
const MANY_LINES = 1_000;
/** `{"k":"s","n":` */
const KIND_AT = 6;
const NUMBER_AT = 13;

/** Keeps a byte order mark: it is a character of its line, and offsets count it. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

interface Chunk {
  readonly bytes: Uint8Array;
  /** Index of its first record. */
  readonly first: number;
}

export interface LineHead {
  readonly kind: Kind;
  readonly n: number;
  readonly at: number;
}

export class LineIndex {
  readonly #chunks: Chunk[] = [];
  #rest = new Uint8Array(0);
  #isSkipping = false;
  /** The chunk that was read last. */
  #looked: { readonly chunk: Chunk; lines: number; text: string | undefined } | undefined;
  readonly #starts = new Column(Uint32Array);
  readonly #numbers = new Column(Float64Array);
  readonly #times = new Column(Float64Array);
  readonly #kinds = new Column(Uint8Array);

  get length(): number {
    return this.#starts.length;
  }

  /** @param onRecord called for each new record, in order. */
  append(bytes: Uint8Array, onRecord: (index: number, head: LineHead) => void): void {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#keep(bytes);
      return;
    }
    const whole = this.#rest.length === 0 ? bytes.slice(0, end) : joined(this.#rest, bytes.subarray(0, end));
    this.#rest = new Uint8Array(0);
    this.#keep(bytes.subarray(end));
    this.#chunks.push({ bytes: whole, first: this.length });
    let start = 0;
    if (this.#isSkipping) {
      start = whole.indexOf(NEWLINE) + 1;
      this.#isSkipping = false;
    }
    while (start < whole.length) {
      const head = headAt(whole, start);
      if (head !== undefined) {
        const index = this.length;
        this.#starts.push(start);
        this.#numbers.push(head.n);
        this.#times.push(head.at);
        this.#kinds.push(head.kind.charCodeAt(0));
        onRecord(index, head);
      }
      start = whole.indexOf(NEWLINE, start) + 1;
    }
  }

  #keep(bytes: Uint8Array): void {
    if (this.#isSkipping) return;
    this.#rest = this.#rest.length === 0 ? bytes.slice() : joined(this.#rest, bytes);
    if (this.#rest.length <= MAX_LINE_BYTES) return;
    this.#rest = new Uint8Array(0);
    this.#isSkipping = true;
  }

  head(index: number): LineHead {
    return { kind: this.kind(index), n: this.#numbers.at(index), at: this.#times.at(index) };
  }

  kind(index: number): Kind {
    return String.fromCharCode(this.#kinds.at(index)) as Kind;
  }

  text(index: number): string {
    const chunk = this.#chunkOf(index);
    const start = this.#starts.at(index);
    const text = this.#asciiOf(chunk);
    if (text !== undefined) return text.slice(start, text.indexOf('\n', start));
    const { bytes } = chunk;
    return decoder.decode(bytes.subarray(start, bytes.indexOf(NEWLINE, start)));
  }

  /** The text of a chunk that many lines are read from: decoding it once is faster. Undefined: few lines so far, a character of
   * more than one byte, or too large for a string. */
  #asciiOf(chunk: Chunk): string | undefined {
    let looked = this.#looked;
    if (looked?.chunk !== chunk) {
      // After a chunk that was read in whole, the next one will be, too.
      looked = { chunk, lines: Math.min(looked?.lines ?? 0, MANY_LINES), text: undefined };
      this.#looked = looked;
    }
    if (looked.lines++ === MANY_LINES && chunk.bytes.length <= MAX_TEXT_BYTES) {
      const text = decoder.decode(chunk.bytes);
      // As many characters as bytes: all are ASCII, and offsets are the same.
      if (text.length === chunk.bytes.length) looked.text = text;
    }
    return looked.text;
  }

  /** The last record up to the time `at`; 0 if all are later. */
  atTime(at: number): number {
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#times.at(middle) <= at) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  #chunkOf(index: number): Chunk {
    let [low, high] = [0, this.#chunks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#chunks[middle] as Chunk).first <= index) low = middle;
      else high = middle - 1;
    }
    return this.#chunks[low] as Chunk;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

const OPENING = [...'{"k":"'].map((c) => c.charCodeAt(0));
const NUMBER = [...'","n":'].map((c) => c.charCodeAt(0));
const TIME = [...',"t":'].map((c) => c.charCodeAt(0));
const KNOWN_KINDS = new Set([...'bdasSvVke'].map((c) => c.charCodeAt(0)));

/** Undefined: not a line of a recording. */
function headAt(bytes: Uint8Array, start: number): LineHead | undefined {
  if (!has(bytes, start, OPENING) || !has(bytes, start + KIND_AT + 1, NUMBER)) return undefined;
  const kind = bytes[start + KIND_AT] as number;
  if (!KNOWN_KINDS.has(kind)) return undefined;
  const n = numberAt(bytes, start + NUMBER_AT);
  if (n === undefined || !has(bytes, n.end, TIME)) return undefined;
  const at = numberAt(bytes, n.end + TIME.length);
  if (at === undefined) return undefined;
  return { kind: String.fromCharCode(kind) as Kind, n: n.value, at: at.value };
}

function has(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

function numberAt(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  let end = start;
  for (; end - start < 16; end++) {
    const digit = (bytes[end] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return end === start ? undefined : { value, end };
}

type Numbers = Uint8Array | Uint32Array | Float64Array;

/** A growing list of numbers. */
class Column<A extends Numbers> {
  #values: A;
  length = 0;

  constructor(private readonly Type: new (length: number) => A) {
    this.#values = new Type(1024);
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new this.Type(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] as number;
  }
}
