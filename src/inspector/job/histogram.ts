/** Durations as counts in logarithmic buckets: small, mergeable, and exact to a tenth of the value. Pure. */

/** Milliseconds of the first bucket; four buckets double the value. */
const FIRST_MS = 0.05;
const PER_DOUBLING = 4;
const BUCKETS = 112;

/** How long something took, over many times. Milliseconds. */
export interface Durations {
  readonly count: number;
  readonly sumMs: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly maxMs: number;
  /** Upper bound of each bucket that is not empty, and its count; ascending. */
  readonly buckets: readonly (readonly [upToMs: number, count: number])[];
}

export class Histogram {
  readonly #counts: Uint32Array;
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  constructor(counts = new Uint32Array(BUCKETS)) {
    this.#counts = counts;
  }

  add(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) return;
    const bucket = Math.ceil(Math.log2(Math.max(ms, FIRST_MS) / FIRST_MS) * PER_DOUBLING);
    const at = Math.min(BUCKETS - 1, bucket);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#count++;
    this.#sumMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  clone(): Histogram {
    const copy = new Histogram(this.#counts.slice());
    copy.#count = this.#count;
    copy.#sumMs = this.#sumMs;
    copy.#maxMs = this.#maxMs;
    return copy;
  }

  durations(): Durations {
    const buckets = [...this.#counts].flatMap((count, i) =>
      count === 0 ? [] : [[boundOf(i), count] as const],
    );
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => this.#quantile(share)) as [
      number,
      number,
      number,
    ];
    return { count: this.#count, sumMs: this.#sumMs, p50, p95, p99, maxMs: this.#maxMs, buckets };
  }

  /** The middle of its bucket, on the logarithmic scale. */
  #quantile(share: number): number {
    let left = Math.ceil(share * this.#count);
    if (left === 0) return 0;
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#counts[i] ?? 0;
      if (left <= 0) return Math.min(this.#maxMs, boundOf(i - 0.5));
    }
    return this.#maxMs;
  }
}

const boundOf = (bucket: number): number => FIRST_MS * 2 ** (bucket / PER_DOUBLING);
