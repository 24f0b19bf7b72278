/**
 * The calls of a stage that run at once, over all its batches.
 *
 * A slot that becomes free goes to the earliest batch that waits for one: the output waits for that batch (I4).
 */
export class CallSlots {
  #taken = 0;
  #waiting: { readonly batch: number; readonly resume: () => void }[] = [];

  constructor(private capacity: number) {}

  /** @returns false: none is free. */
  take(): boolean {
    if (this.#taken >= this.capacity) return false;
    this.#taken++;
    return true;
  }

  /** Calls back once, when a slot may be free. */
  wait(batch: number, resume: () => void): void {
    const place = this.#waiting.findIndex((one) => one.batch > batch);
    this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, { batch, resume });
  }

  release(): void {
    this.#taken--;
    this.#wake();
  }

  /** Calls that run are not stopped. */
  resize(capacity: number): void {
    this.capacity = capacity;
    this.#wake();
  }

  #wake(): void {
    while (this.#taken < this.capacity) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.resume();
    }
  }
}
