/**
 * A file cut into records (lines, CSV records) at exact byte positions, a batch at a time, not yet decoded.
 *
 * 1. Where a batch ends depends on the bytes from its beginning and on the limits asked for, never on where a block
 *    ends: a reader reopened at a position cuts what an uninterrupted one would have cut.
 * 2. Memory is bounded by the batch and by `maxRecordBytes`.
 * 3. Text is decoded as UTF-8; a record that is not is malformed, never silently repaired.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { MalformedRowError } from '../errors.js';
import type { FileHandle } from '../platform/file-system.js';
import { BLOCK_BYTES, ByteBlocks } from './byte-blocks.js';

/** Finds where records end. Keeps its place in an unfinished one, so that its bytes are looked at once. */
export interface RecordScanner {
  /** Looks for the end of the record that begins at `from`; false when more bytes are needed.
   * @param atEnd nothing follows `buffer`: an unfinished record ends with it. */
  find(buffer: Buffer, from: number, atEnd: boolean): boolean;
  /** After `find`: where the record's own bytes end, where the next record begins, line ends between `from` and there. */
  contentEnd: number;
  next: number;
  lineEnds: number;
  /** Nothing but a line end: not a record. */
  isBlank(buffer: Buffer, from: number, contentEnd: number): boolean;
  /** Said of a record that outgrew the cap. */
  readonly tooLong: string;
}

export interface RecordPosition {
  /** Offset in the file. */
  readonly bytes: number;
  readonly rows: number;
  /** Line ends before `bytes`. */
  readonly lines: number;
}

export interface RecordReaderOptions {
  readonly path: string;
  readonly makeScanner: () => RecordScanner;
  /** Bytes. */
  readonly maxRecordBytes: number;
  readonly blockBytes?: number | undefined;
}

/** 64 MiB. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

const BOM = [0xef, 0xbb, 0xbf] as const;

/** A record longer than the cap. */
export class RecordTooLongError extends Error {}

export class RecordReader {
  readonly #options: RecordReaderOptions;
  readonly #scanner: RecordScanner;
  readonly #blocks: ByteBlocks;
  #rows: number;
  #lines: number;

  constructor(handle: FileHandle, at: RecordPosition, options: RecordReaderOptions) {
    this.#options = options;
    this.#scanner = options.makeScanner();
    this.#blocks = new ByteBlocks(handle, at.bytes, options.blockBytes ?? BLOCK_BYTES);
    this.#rows = at.rows;
    this.#lines = at.lines;
  }

  /** The next records: at most `maxRows`, at most `maxBytes` (one at least). Undefined at the end.
   * @throws {RecordTooLongError} and whatever the file system throws. */
  async read(maxRows: number, maxBytes: number): Promise<Records | undefined> {
    const blocks = this.#blocks;
    const scanner = this.#scanner;
    if (blocks.offset === 0) await this.#skipBom();
    // Pairs: where a record begins and ends, counted from the beginning of the window.
    const bounds: number[] = [];
    let cursor = 0;
    let firstLine = this.#lines;
    let lines = firstLine;
    while (bounds.length < 2 * maxRows) {
      const { buffer, start } = blocks;
      const from = start + cursor;
      if (!scanner.find(buffer, from, blocks.ended)) {
        if (buffer.length - from > this.#options.maxRecordBytes) throw this.#tooLong(lines, cursor);
        // The record is already too large for this batch, wherever it ends: it opens the next one.
        if (bounds.length > 0 && buffer.length - start > maxBytes) break;
        if (!(await blocks.more()) && blocks.start + cursor === blocks.buffer.length) break;
        continue;
      }
      const { contentEnd, next } = scanner;
      if (contentEnd - from > this.#options.maxRecordBytes) throw this.#tooLong(lines, cursor);
      if (bounds.length > 0 && next - start > maxBytes) break;
      lines += scanner.lineEnds;
      if (!scanner.isBlank(buffer, from, contentEnd)) {
        bounds.push(cursor, contentEnd - start);
        cursor = next - start;
      } else if (bounds.length > 0) {
        cursor = next - start;
      } else {
        // Blank lines before the first record are let go at once: there may be gigabytes of them.
        blocks.consume(next - start);
        firstLine = lines;
      }
    }
    if (bounds.length === 0) return undefined;
    const { buffer, start, offset } = blocks;
    const release = blocks.lease();
    blocks.consume(cursor);
    this.#rows += bounds.length / 2;
    this.#lines = lines;
    const position = { bytes: blocks.offset, rows: this.#rows, lines };
    return new Records(this.#options, { buffer, start, offset, firstLine }, bounds, position, release);
  }

  async #skipBom(): Promise<void> {
    const blocks = this.#blocks;
    while (blocks.buffer.length - blocks.start < BOM.length && (await blocks.more()));
    if (BOM.every((byte, i) => blocks.buffer[blocks.start + i] === byte)) blocks.consume(BOM.length);
  }

  /** Offset behind the last byte that was read. */
  get readEnd(): number {
    return this.#blocks.end;
  }

  /** Resolves when no read is in flight. */
  settle(): Promise<void> {
    return this.#blocks.settle();
  }

  #tooLong(linesBefore: number, cursor: number): RecordTooLongError {
    const byte = this.#blocks.offset + cursor;
    return new RecordTooLongError(
      `line ${linesBefore + 1}, byte ${byte}: longer than ${this.#options.maxRecordBytes} bytes; ${this.#scanner.tooLong}`,
    );
  }
}

/** Bytes of a file, beginning with a record. */
interface Region {
  readonly buffer: Buffer;
  /** Of the first record in `buffer`. */
  readonly start: number;
  /** Of the first record in the file. */
  readonly offset: number;
  /** Line ends before it. */
  readonly firstLine: number;
}

/** Records to be sent to another thread. */
interface RawRecords {
  readonly bytes: Uint8Array;
  /** Pairs. */
  readonly bounds: Uint32Array;
  readonly offset: number;
  readonly firstLine: number;
}

/** Records next to one another, as bytes. */
export class Records {
  readonly size: number;
  readonly #options: RecordReaderOptions;
  readonly #region: Region;
  /** Pairs, counted from `region.start`. */
  readonly #bounds: readonly number[];

  constructor(
    options: RecordReaderOptions,
    region: Region,
    bounds: readonly number[],
    /** Behind the last record. */
    readonly position: RecordPosition,
    /** The bytes are not looked at any more: the memory behind them may be used again. */
    readonly release: () => void = () => {},
  ) {
    this.#options = options;
    this.#region = region;
    this.#bounds = bounds;
    this.size = bounds.length / 2;
  }

  /** The records again, of bytes that were sent here. */
  static of(options: RecordReaderOptions, { bytes, bounds, offset, firstLine }: RawRecords): Records {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const position = { bytes: offset + bytes.length, rows: 0, lines: firstLine };
    return new Records(options, { buffer, start: 0, offset, firstLine }, Array.from(bounds), position);
  }

  /** A copy to be sent elsewhere. */
  raw(): RawRecords {
    const { buffer, start, offset, firstLine } = this.#region;
    const bounds = Uint32Array.from(this.#bounds);
    const bytes = new Uint8Array(bounds[bounds.length - 1] as number);
    bytes.set(buffer.subarray(start, start + bytes.length));
    return { bytes, bounds, offset, firstLine };
  }

  /** Visits the text of each record in order; `undefined` for one that is not UTF-8. */
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

  /** Records next to one another, decoded together.
   * @param first and `end`: indexes into the bounds. */
  #forEachTextOf(first: number, end: number, visit: (text: string | undefined, index: number) => void): void {
    const bounds = this.#bounds;
    const { buffer, start } = this.#region;
    const base = bounds[first] as number;
    const region = buffer.subarray(start + base, start + (bounds[end - 1] as number));
    // All texts before the first is visited: text and JSON in turn would take a tenth longer than one after the other.
    const texts: (string | undefined)[] = [];
    if (region.length <= REGION_BYTES && isAscii(region)) {
      // One decoding, then slices of it: a fifth less time than decoding line by line, JSON.parse included.
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

  malformed(index: number, what: string): MalformedRowError {
    const from = this.#bounds[2 * index] as number;
    return new MalformedRowError(this.#options.path, this.#lineOf(from), this.#region.offset + from, what);
  }

  /** From 1. Found by cutting the bytes again: only errors ask. */
  #lineOf(bound: number): number {
    const { buffer, start, firstLine } = this.#region;
    const scanner = this.#options.makeScanner();
    let line = firstLine + 1;
    let from = start;
    while (from < start + bound && scanner.find(buffer, from, true)) {
      from = scanner.next;
      line += scanner.lineEnds;
    }
    return line;
  }
}

/** Strings beyond about 100 KB go to V8's large-object space, where everything costs more. */
const REGION_BYTES = 96 * 1024;

/** `toString('utf8', from, to)` without its bookkeeping, which costs a third more per line. */
const slice = (Buffer.prototype as { utf8Slice?: (from: number, to: number) => string }).utf8Slice;
const utf8Text: (buffer: Buffer, from: number, to: number) => string =
  slice === undefined
    ? (buffer, from, to) => buffer.toString('utf8', from, to)
    : (buffer, from, to) => slice.call(buffer, from, to);

const LF = 0x0a;
const SPACE = 0x20;

/** Lines ended by LF or CRLF (to JSON, CR is white space), the last one perhaps by nothing. */
export class LineScanner implements RecordScanner {
  contentEnd = 0;
  next = 0;
  lineEnds = 0;
  readonly tooLong = 'raise maxLineBytes if that is one row';
  /** Bytes of the unfinished line that hold no LF. */
  #searched = 0;

  find(buffer: Buffer, from: number, atEnd: boolean): boolean {
    const at = buffer.indexOf(LF, from + this.#searched);
    if (at !== -1) {
      this.contentEnd = at;
      this.next = at + 1;
      this.lineEnds = 1;
    } else {
      this.#searched = buffer.length - from;
      if (!atEnd || this.#searched === 0) return false;
      this.contentEnd = buffer.length;
      this.next = buffer.length;
      this.lineEnds = 1;
    }
    this.#searched = 0;
    return true;
  }

  isBlank(buffer: Buffer, from: number, contentEnd: number): boolean {
    for (let i = from; i < contentEnd; i++) {
      if ((buffer[i] as number) > SPACE) return false;
    }
    return true;
  }
}
