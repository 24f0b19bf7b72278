/**
 * Writes of one session: one in flight, the newest waiting.
 *
 * 1. A waiting text that is replaced is never written. It counts as saved when its replacement is.
 * 2. (I6) A failed write is final: it and every later one reject with the same error.
 */
export class SaveLane {
  #inFlight: Promise<void> = Promise.resolve();
  #newest = '';
  #waiting: Promise<string> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(private readonly write: (text: string) => Promise<void>) {}

  /** @returns the text that was written. */
  save(text: string): Promise<string> {
    this.#newest = text;
    this.#waiting ??= this.#writeAfterThis();
    return this.#waiting;
  }

  async #writeAfterThis(): Promise<string> {
    await this.#inFlight;
    this.#waiting = undefined;
    const text = this.#newest;
    if (this.#failure === undefined) {
      this.#inFlight = this.write(text).catch((error: unknown) => {
        this.#failure = { error };
      });
      await this.#inFlight;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return text;
  }
}
