/**
 * What the rest of a run will take, from the rows that are done. Pure.
 *
 * Losses: the Wilson score interval for 95 % (E. B. Wilson, JASA 22, 1927). Time: the mean for each row, with the spread that
 * independent rows whose times vary as much as they last would have (1.96 / √rows).
 */

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
}

/** What is done. */
export interface DoneRows {
  readonly rowsIn: number;
  readonly lost: number;
  /** Milliseconds. */
  readonly elapsedMs: number;
  /** Share of the input, above 0 to 1. */
  readonly share: number;
}

const Z = 1.96;

/** @returns undefined: nothing is done yet. */
export function projectRest({ rowsIn, lost, elapsedMs, share }: DoneRows): Projection | undefined {
  if (rowsIn === 0 || !(share > 0)) return undefined;
  const rows = Math.max(0, Math.round(rowsIn / Math.min(1, share) - rowsIn));
  const expectedMs = (elapsedMs / rowsIn) * rows;
  const spread = Z / Math.sqrt(rowsIn);
  const rate = lost / rowsIn;
  const weight = 1 + Z ** 2 / rowsIn;
  const middle = (rate + Z ** 2 / (2 * rowsIn)) / weight;
  const half = (Z / weight) * Math.sqrt((rate * (1 - rate)) / rowsIn + (Z / (2 * rowsIn)) ** 2);
  const lostOf = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * rows);
  return {
    rows,
    durationMs: {
      expected: Math.round(expectedMs),
      low: Math.round(Math.max(0, expectedMs * (1 - spread))),
      high: Math.round(expectedMs * (1 + spread)),
    },
    lost: { expected: lostOf(rate), low: lostOf(middle - half), high: lostOf(middle + half) },
  };
}
