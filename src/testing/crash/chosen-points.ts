/** The operations at which a crash test crashes. */

/** @param points every operation, so many evenly spread, or these numbers. @returns numbers from 1. */
export function pointsOf(
  points: 'every' | number | readonly number[],
  operations: number,
): readonly number[] {
  if (typeof points === 'object') return points;
  const count = points === 'every' ? operations : Math.min(points, operations);
  return Array.from({ length: count }, (_, i) => 1 + Math.floor(((i + 0.5) * operations) / count));
}
