/** The contents of a file; appending does not copy all of it. */
export class GrowingBytes {
  #buffer = new Uint8Array(0);
  length = 0;

  write(bytes: Uint8Array, at: number): void {
    this.#reserve(at + bytes.length);
    // The gap between the end and `at` is zeros.
    if (at > this.length) this.#buffer.fill(0, this.length, at);
    this.#buffer.set(bytes, at);
    this.length = Math.max(this.length, at + bytes.length);
  }

  truncate(length: number): void {
    this.#reserve(length);
    if (length > this.length) this.#buffer.fill(0, this.length, length);
    this.length = length;
  }

  slice(from = 0, to = this.length): Uint8Array {
    return this.#buffer.slice(from, Math.max(from, Math.min(to, this.length)));
  }

  copy(): GrowingBytes {
    const copy = new GrowingBytes();
    copy.write(this.slice(), 0);
    return copy;
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2, 256));
    larger.set(this.#buffer.subarray(0, this.length));
    this.#buffer = larger;
  }
}
