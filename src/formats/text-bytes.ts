/**
 * Text as UTF-8. Small texts share blocks of memory, because one allocation and one call into the runtime for each costs
 * more than the encoding. Large texts get memory of their own.
 *
 * Bytes that were returned are never overwritten.
 */
import { platform } from '#platform';

const encoder = new TextEncoder();

const BLOCK_BYTES = 256 * 1024;
/** A UTF-16 code unit takes at most this many bytes. */
const MAX_BYTES_PER_UNIT = 3;
/** Longer texts, in characters, do not go into a block. */
const SMALL = 16 * 1024;

/** Asking for the size of a text first would cost as much as encoding it: it is encoded here, then copied. */
const scratch = new Uint8Array(MAX_BYTES_PER_UNIT * 128 * 1024);

let block = new Uint8Array(0);
let filled = 0;

/** A text as bytes; the caller may change them. */
export function utf8Bytes(text: string): Uint8Array {
  if (text.length <= SMALL) {
    reserveBytes(text.length);
    return encodeInBlock(text);
  }
  if (text.length * MAX_BYTES_PER_UNIT > scratch.length) return encoder.encode(text);
  const { written } = encoder.encodeInto(text, scratch);
  const bytes = platform.allocate(written);
  bytes.set(scratch.subarray(0, written));
  return bytes;
}

function reserveBytes(characters: number): void {
  if (block.length - filled >= characters * MAX_BYTES_PER_UNIT) return;
  block = new Uint8Array(BLOCK_BYTES);
  filled = 0;
}

function encodeInBlock(text: string): Uint8Array {
  const rest = block.subarray(filled);
  const { written } = encoder.encodeInto(text, rest);
  filled += written;
  return rest.subarray(0, written);
}
