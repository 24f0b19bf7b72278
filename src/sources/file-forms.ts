/** Files that are not text in UTF-8 one row a line, recognised by how they begin, so that the error can say what to do. */
import { readAt } from '../formats/byte-blocks.js';
import type { FileHandle } from '../platform/file-system.js';

/** What a file is instead of UTF-8 text, and what to do. Undefined: nothing known.
 * @param bytes the first four, if there are as many. */
export function unreadableForm([a, b, c, d]: Uint8Array): string | undefined {
  if (a === 0x1f && b === 0x8b) return 'compressed with gzip twice; gunzip it first';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd)
    return 'compressed with zstd twice; unzstd it first';
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4)
    return 'a zip archive, or a spreadsheet; unpack it, or export it as CSV, first';
  const hasByteOrderMark = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  // UTF-16 without the mark: in ASCII text, every second byte is 0.
  const isBigEndian = a === 0 && isText(b) && (c === undefined || (c === 0 && isText(d)));
  const isLittleEndian = isText(a) && b === 0 && (c === undefined || (isText(c) && d === 0));
  if (hasByteOrderMark || isBigEndian || isLittleEndian) return 'text in UTF-16; convert it to UTF-8 first';
  return undefined;
}

function isText(byte: number | undefined): boolean {
  return byte !== undefined && (byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

/** Bytes that are searched at once for the end of the first line. */
const BLOCK_BYTES = 64 * 1024;
/** A longer line is refused as too long anyway. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LF = 0x0a;

/** Whether the whole file is one line that holds an array of objects: JSON, but not JSON Lines. */
export async function isJsonArray(handle: FileHandle): Promise<boolean> {
  const beginning = new TextDecoder().decode(await readAt(handle, 0, 64));
  if (!/^\ufeff?\s*\[\s*\{/.test(beginning)) return false;
  for (let from = 0; from < MAX_LINE_BYTES; from += BLOCK_BYTES) {
    const block = await readAt(handle, from, BLOCK_BYTES);
    const lineEnd = block.indexOf(LF);
    if (lineEnd >= 0) return (await readAt(handle, from + lineEnd + 1, 1)).length === 0;
    if (block.length < BLOCK_BYTES) return true;
  }
  return false;
}
