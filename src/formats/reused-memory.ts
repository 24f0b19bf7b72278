/**
 * Memory for encoded text that is used again once the text has been written.
 *
 * Fresh memory outside the heap costs page faults and drives the garbage collector: over a million rows it was the reason for most
 * of the mark-compacts, and the texts were copied once more.
 *
 * 1. Bytes stay unchanged from `encode` until `giveBack`. Memory of which a piece is not given back is not used again; the garbage
 *    collector frees it.
 * 2. A piece is given back once. `isGivenBack` tells it afterwards, so that it is never written again.
 */
import { utf8Bytes } from './text-bytes.js';

/** Three texts of the usual size. */
const BLOCK_BYTES = 256 * 1024;
/** Blocks that are kept for reuse. */
const MAX_FREE = 16;

interface Block {
  readonly bytes: Uint8Array;
  filled: number;
  /** Texts in it that are not given back. */
  lent: number;
}

const encoder = new TextEncoder();

export class ReusedMemory {
  readonly #blocks = new WeakMap<ArrayBufferLike, Block>();
  /** Null: given back. */
  readonly #pieces = new WeakMap<Uint8Array, Block | null>();
  readonly #free: Block[] = [];
  #current = this.#newBlock();

  /** A text as bytes, which the caller may change. */
  encode(text: string): Uint8Array {
    if (text.length > BLOCK_BYTES) return utf8Bytes(text);
    if (text.length > BLOCK_BYTES - this.#current.filled) this.#nextBlock();
    return this.#tryEncoding(text) ?? this.#encodeInNextBlock(text);
  }

  /** Names the piece that will be given back for a text: what `encode` returned, or a part of it. */
  lend(piece: Uint8Array): void {
    const block = this.#blocks.get(piece.buffer);
    if (block !== undefined) this.#pieces.set(piece, block);
  }

  /** Ends the use of pieces. Other bytes are ignored. */
  giveBack(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      const block = this.#pieces.get(piece);
      if (block == null) continue;
      this.#pieces.set(piece, null);
      block.lent--;
      if (block.lent > 0) continue;
      block.filled = 0;
      if (block !== this.#current && this.#free.length < MAX_FREE) this.#free.push(block);
    }
  }

  isGivenBack(piece: Uint8Array): boolean {
    return this.#pieces.get(piece) === null;
  }

  /** Undefined: the text is longer as bytes than the rest of the block. */
  #tryEncoding(text: string): Uint8Array | undefined {
    const block = this.#current;
    const rest = block.bytes.subarray(block.filled);
    const { read, written } = encoder.encodeInto(text, rest);
    if (read < text.length) return undefined;
    block.filled += written;
    block.lent++;
    return rest.subarray(0, written);
  }

  #encodeInNextBlock(text: string): Uint8Array {
    this.#nextBlock();
    return this.#tryEncoding(text) ?? utf8Bytes(text);
  }

  /** The block that is left returns when its last text is given back. */
  #nextBlock(): void {
    if (this.#current.lent > 0) this.#current = this.#free.pop() ?? this.#newBlock();
    this.#current.filled = 0;
  }

  #newBlock(): Block {
    const block = { bytes: new Uint8Array(BLOCK_BYTES), filled: 0, lent: 0 };
    this.#blocks.set(block.bytes.buffer, block);
    return block;
  }
}
