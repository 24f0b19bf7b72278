/**
 * Records that are adjacent in a file, as bytes. Text is decoded as UTF-8; a record that is not UTF-8 is malformed, and
 * never silently repaired.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { MalformedRowError } from '../errors.js';
import type { RecordScanner } from './record-scanner.js';

/** What is needed to name and decode records. */
export interface RecordFormat {
  readonly path: string;
  readonly makeScanner: () => RecordScanner;
}

/** A place between two records of a file. */
export interface RecordPosition {
  /** Offset in the file. */
  readonly bytes: number;
  readonly rows: number;
  /** Line ends before `bytes`. */
  readonly lines: number;
}

/** Bytes of a file that begin with a record. */
interface Region {
  readonly buffer: Buffer;
  /** Offset of the first record in `buffer`. */
  readonly start: number;
  /** Offset of the first record in the file. */
  readonly offset: number;
  /** Line ends before the first record. */
  readonly firstLine: number;
}

/** Records for another thread. */
interface RawRecords {
  readonly bytes: Uint8Array;
  /** Pairs. */
  readonly bounds: Uint32Array;
  readonly offset: number;
  readonly firstLine: number;
}

/** Adjacent records, as bytes. */
export class Records {
  readonly size: number;
  readonly #format: RecordFormat;
  readonly #region: Region;
  /** Pairs, counted from `region.start`. */
  readonly #bounds: readonly number[];

  constructor(
    format: RecordFormat,
    region: Region,
    bounds: readonly number[],
    /** Behind the last record. */
    readonly position: RecordPosition,
    /** Ends the use of the bytes: their memory may be reused. */
    readonly release: () => void = () => {},
  ) {
    this.#format = format;
    this.#region = region;
    this.#bounds = bounds;
    this.size = bounds.length / 2;
  }

  /** Rebuilds records from what `raw` gave. */
  static of(format: RecordFormat, { bytes, bounds, offset, firstLine }: RawRecords): Records {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const position = { bytes: offset + bytes.length, rows: 0, lines: firstLine };
    return new Records(format, { buffer, start: 0, offset, firstLine }, Array.from(bounds), position);
  }

  /** From the first record to the end of the last one; not a copy. */
  get bytes(): Uint8Array {
    const { buffer, start } = this.#region;
    return buffer.subarray(start, start + (this.#bounds[this.#bounds.length - 1] as number));
  }

  /** A copy for another thread. */
  raw(): RawRecords {
    const { offset, firstLine } = this.#region;
    const bounds = Uint32Array.from(this.#bounds);
    const bytes = new Uint8Array(bounds[bounds.length - 1] as number);
    bytes.set(this.bytes);
    return { bytes, bounds, offset, firstLine };
  }

  /** Visits the text of each record in order. Undefined: the record is not UTF-8. */
  forEachText(visit: (text: string | undefined, index: number) => void): void {
    const bounds = this.#bounds;
    for (let first = 0; first < bounds.length; ) {
      let end = first + 2;
      const from = bounds[first] as number;
      while (end < bounds.length && (bounds[end + 1] as number) - from <= REGION_BYTES) end += 2;
      this.#forEachTextOf(first, end, visit);
      first = end;
    }
  }

  /** Adjacent records, decoded together.
   * @param first and `end`: indexes into the bounds. */
  #forEachTextOf(first: number, end: number, visit: (text: string | undefined, index: number) => void): void {
    const bounds = this.#bounds;
    const { buffer, start } = this.#region;
    const base = bounds[first] as number;
    const region = buffer.subarray(start + base, start + (bounds[end - 1] as number));
    // All texts are decoded before the first is visited: to alternate decoding and parsing takes a tenth longer.
    const texts: (string | undefined)[] = [];
    if (region.length <= REGION_BYTES && isAscii(region)) {
      // One decoding and slices of it take a fifth less time than decoding line by line, JSON.parse included.
      const text = region.toString('latin1');
      for (let i = first; i < end; i += 2) {
        texts.push(text.substring((bounds[i] as number) - base, (bounds[i + 1] as number) - base));
      }
    } else {
      const clean = isUtf8(region);
      for (let i = first; i < end; i += 2) {
        const from = (bounds[i] as number) - base;
        const to = (bounds[i + 1] as number) - base;
        texts.push(clean || isUtf8(region.subarray(from, to)) ? utf8Text(region, from, to) : undefined);
      }
    }
    const index = first >> 1;
    for (let i = 0; i < texts.length; i++) visit(texts[i], index + i);
  }

  /** Whether a NUL byte is among the records. */
  get hasNul(): boolean {
    const { buffer, start } = this.#region;
    return buffer.subarray(start, start + (this.#bounds.at(-1) ?? 0)).includes(0);
  }

  /** The error for a record: its place in the file and in the batch, and its text. */
  malformed(index: number, what: string): MalformedRowError {
    const from = this.#bounds[2 * index] as number;
    const { buffer, start, offset } = this.#region;
    const text = buffer.toString('utf8', start + from, start + (this.#bounds[2 * index + 1] as number));
    return new MalformedRowError(this.#format.path, this.#lineOf(from), offset + from, what, {
      row: index,
      text,
    });
  }

  /** From 1. The bytes are cut again to find it: only errors ask. */
  #lineOf(bound: number): number {
    const { buffer, start, firstLine } = this.#region;
    const scanner = this.#format.makeScanner();
    let line = firstLine + 1;
    let from = start;
    while (from < start + bound && scanner.findEnd(buffer, from, true)) {
      from = scanner.next;
      line += scanner.lineEnds;
    }
    return line;
  }
}

/** Strings beyond about 100 KB go to V8's large-object space, where everything costs more. */
const REGION_BYTES = 96 * 1024;

/** `toString('utf8', from, to)` costs a third more per line, for its bookkeeping. */
const slice = (Buffer.prototype as { utf8Slice?: (from: number, to: number) => string }).utf8Slice;
const utf8Text: (buffer: Buffer, from: number, to: number) => string =
  slice === undefined
    ? (buffer, from, to) => buffer.toString('utf8', from, to)
    : (buffer, from, to) => slice.call(buffer, from, to);
