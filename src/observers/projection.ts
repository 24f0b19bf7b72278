/**
 * What the rest of a run will take, from the rows that are done. Pure.
 *
 * Losses: the Wilson score interval for 95 % (E. B. Wilson, JASA 22, 1927). Time and spending: the mean for each row, with the
 * spread that independent rows whose amounts vary as much as they are large would have (1.96 / √rows).
 */
import type { Spending } from '../spending/spending.js';

/** An estimate with its bounds. */
export interface Estimate {
  readonly expected: number;
  readonly low: number;
  readonly high: number;
}

/** What the rest of a run will take. */
export interface Projection {
  /** Rows that are left, estimated from the share of the input that is done. */
  readonly rows: number;
  /** Milliseconds. */
  readonly durationMs: Estimate;
  /** Rows that will be lost. */
  readonly lost: Estimate;
  /** By name: `usd`, `calls` … */
  readonly spending: Readonly<Record<string, Estimate>>;
}

/** What is done. */
export interface DoneRows {
  readonly rowsIn: number;
  readonly lost: number;
  /** Milliseconds. */
  readonly elapsedMs: number;
  /** By the calls of these rows, those of failed attempts included. */
  readonly spent: Spending;
  /** Share of the input, above 0 to 1. */
  readonly share: number;
}

const Z = 1.96;

/** @returns undefined: nothing is done yet. */
export function projectRest({ rowsIn, lost, elapsedMs, spent, share }: DoneRows): Projection | undefined {
  if (rowsIn === 0 || !(share > 0)) return undefined;
  const rows = Math.max(0, Math.round(rowsIn / Math.min(1, share) - rowsIn));
  const spread = Z / Math.sqrt(rowsIn);
  const estimate = (done: number): Estimate => {
    const expected = (done / rowsIn) * rows;
    return { expected, low: Math.max(0, expected * (1 - spread)), high: expected * (1 + spread) };
  };
  const rate = lost / rowsIn;
  const weight = 1 + Z ** 2 / rowsIn;
  const middle = (rate + Z ** 2 / (2 * rowsIn)) / weight;
  const half = (Z / weight) * Math.sqrt((rate * (1 - rate)) / rowsIn + (Z / (2 * rowsIn)) ** 2);
  const lostOf = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * rows);
  return {
    rows,
    durationMs: rounded(estimate(elapsedMs)),
    lost: { expected: lostOf(rate), low: lostOf(middle - half), high: lostOf(middle + half) },
    spending: Object.fromEntries(Object.entries(spent).map(([name, sum]) => [name, estimate(sum)])),
  };
}

const rounded = ({ expected, low, high }: Estimate): Estimate => ({
  expected: Math.round(expected),
  low: Math.round(low),
  high: Math.round(high),
});
