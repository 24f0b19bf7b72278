/**
 * A file cut into records (lines, CSV records) at exact byte positions, a batch at a time, not yet decoded.
 *
 * 1. A batch ends where its bytes and the requested limits say, wherever a block ends: a reader that is reopened at a
 *    position cuts the same batches as an uninterrupted one.
 * 2. Memory is bounded by the batch and by `maxRecordBytes`.
 */
import type { FileHandle } from '../platform/file-system.js';
import { BLOCK_BYTES, ByteBlocks } from './byte-blocks.js';
import type { RecordScanner } from './record-scanner.js';
import { type RecordFormat, type RecordPosition, Records } from './records.js';
import { whole, withDefault } from './shape.js';

/** How a file is cut and read. */
export interface RecordReaderOptions extends RecordFormat {
  /** Bytes. */
  readonly maxRecordBytes: number;
  readonly blockBytes?: number | undefined;
}

/** 64 MiB. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** The shape of an option that limits a record's bytes. */
export const maxBytes = withDefault(whole(1), MAX_RECORD_BYTES);

const BOM = [0xef, 0xbb, 0xbf] as const;

/** A record longer than `maxRecordBytes`. */
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
      if (!scanner.findEnd(buffer, from, blocks.ended)) {
        if (buffer.length - from > this.#options.maxRecordBytes) throw this.#tooLong(lines, cursor);
        // The record is too large for this batch, wherever it ends: it opens the next one.
        if (bounds.length > 0 && buffer.length - start > maxBytes) break;
        if (!(await blocks.more()) && blocks.start + cursor === blocks.buffer.length) break;
        continue;
      }
      const { contentEnd, next, seenEnd } = scanner;
      if (contentEnd - from > this.#options.maxRecordBytes) throw this.#tooLong(lines, cursor);
      // `seenEnd`, because a window that ends before it would have ended the batch here.
      if (bounds.length > 0 && seenEnd - start > maxBytes) break;
      lines += scanner.lineEnds;
      if (!scanner.isBlank(buffer, from, contentEnd)) {
        bounds.push(cursor, contentEnd - start);
        cursor = next - start;
      } else if (bounds.length > 0) {
        cursor = next - start;
      } else {
        // Blank lines before the first record are consumed at once: there may be gigabytes of them.
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
      `line ${linesBefore + 1}, byte ${byte}: longer than ${this.#options.maxRecordBytes} bytes; ${this.#scanner.tooLongAdvice}`,
    );
  }
}
