/** A token bucket: it holds `burst`, and `limit` flow in each `perMs`. */
export class Bucket {
  #burst;
  #perMs;
  #level;
  #since;

  /** @param {number} limit @param {number} perMs @param {number} burst @param {number} now */
  constructor(limit, perMs, burst, now) {
    this.#burst = burst;
    this.#perMs = limit / perMs;
    this.#level = burst;
    this.#since = now;
  }

  /**
   * Milliseconds until there is so much in it; 0: now.
   * @param {number} amount more than the bucket holds counts as a full one.
   * @param {number} now
   */
  wait(amount, now) {
    this.#level = Math.min(this.#burst, this.#level + (now - this.#since) * this.#perMs);
    this.#since = now;
    return Math.ceil(Math.max(0, Math.min(amount, this.#burst) - this.#level) / this.#perMs);
  }

  /** @param {number} amount */
  take(amount) {
    this.#level -= amount;
  }
}
