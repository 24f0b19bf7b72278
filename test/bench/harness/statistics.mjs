/** Medians and spreads. Comparisons are *paired*: they compare two runs of one round, so that load affects both. */

/** @typedef {{ median: number, min: number, max: number }} Spread */

/**
 * @param {readonly number[]} values
 * @returns {Spread}
 */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? Number.NaN;
  const high = sorted[Math.ceil(middle)] ?? Number.NaN;
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/**
 * Each run against its partner of the same round.
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 * @param {(ours: number, theirs: number) => number} compare
 */
export function paired(ours, theirs, compare) {
  const rounds = Math.min(ours.length, theirs.length);
  return ours.slice(0, rounds).map((value, round) => compare(value, theirs[round] ?? Number.NaN));
}
