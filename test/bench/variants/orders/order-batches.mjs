/**
 * W1 for peers without file access: lines in batches, and a writer, both tuned like the hand-written loop. The variants then
 * differ only in how they pass batches.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const READ_BYTES = 128 * 1024;
const WRITE_CHARACTERS = 64 * 1024;
const NEWLINE = 10;

/**
 * @param {string} path
 * @param {number} [size] lines a batch
 */
export function* lineBatches(path, size = 512) {
  const source = openSync(path, 'r');
  const block = /** @type {Buffer & { utf8Slice(start: number, end: number): string }} */ (
    Buffer.allocUnsafe(READ_BYTES)
  );
  let kept = 0;
  /** @type {string[]} */
  let lines = [];
  for (;;) {
    const read = readSync(source, block, kept, READ_BYTES - kept, null);
    if (read === 0) break;
    const end = kept + read;
    const bytes = block.subarray(0, end);
    let start = 0;
    for (let stop = bytes.indexOf(NEWLINE, start); stop >= 0; stop = bytes.indexOf(NEWLINE, start)) {
      lines.push(block.utf8Slice(start, stop));
      start = stop + 1;
      if (lines.length < size) continue;
      yield lines;
      lines = [];
    }
    block.copyWithin(0, start, end);
    kept = end - start;
  }
  if (lines.length > 0) yield lines;
  closeSync(source);
}

/** @param {string} path */
export function* lines(path) {
  for (const batch of lineBatches(path)) yield* batch;
}

/** @param {string} path */
export function orderWriter(path) {
  const sink = openSync(path, 'w');
  let text = '';
  return {
    /** @param {unknown} row */
    row(row) {
      text += `${JSON.stringify(row)}\n`;
      if (text.length < WRITE_CHARACTERS) return;
      writeSync(sink, text);
      text = '';
    },
    /** @param {string} encoded rows as they stand in the file */
    text(encoded) {
      writeSync(sink, encoded);
    },
    close() {
      writeSync(sink, text);
      closeSync(sink);
    },
  };
}

/**
 * A batch of lines, parsed.
 * @param {readonly string[]} batch
 */
export const parse = (batch) => batch.map((line) => JSON.parse(line));

/**
 * A batch of rows as text.
 * @param {readonly unknown[]} rows
 */
export function encode(rows) {
  let text = '';
  for (const row of rows) text += `${JSON.stringify(row)}\n`;
  return text;
}
