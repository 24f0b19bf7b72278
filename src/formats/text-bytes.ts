/**
 * Text as UTF-8, many small texts into one block of memory: an allocation and a call into the runtime for each cost more than
 * the encoding. Large texts get memory of their own.
 *
 * 1. Two texts that are given together stand one behind the other, where they are small.
 * 2. What was given is never written over.
 */
const encoder = new TextEncoder();

const BLOCK_BYTES = 256 * 1024;
/** A character in UTF-16 takes at most so many bytes. */
const MAX_BYTES_PER_UNIT = 3;
/** Texts beyond this many characters are encoded on their own. */
const LARGE = 16 * 1024;

let block = new Uint8Array(0);
let filled = 0;

/** Both texts as bytes, the second behind the first where both are small. */
export function bytesOf(first: string, second: string): readonly [Uint8Array, Uint8Array] {
  const length = first.length + second.length;
  if (length > LARGE) return [encoder.encode(first), encoder.encode(second)];
  if (block.length - filled < length * MAX_BYTES_PER_UNIT) {
    block = new Uint8Array(BLOCK_BYTES);
    filled = 0;
  }
  return [small(first), small(second)];
}

function small(text: string): Uint8Array {
  const rest = block.subarray(filled);
  const { written } = encoder.encodeInto(text, rest);
  filled += written;
  return rest.subarray(0, written);
}
