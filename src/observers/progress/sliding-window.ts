/** Moments remembered for a rate: few, however often something happens, and enough, however seldom. */

/** That many entries stay, however old: what happens once a minute still has a rate. */
const KEPT = 3;
const ENTRIES_PER_WINDOW = 10;

/** The list itself when the last entry is too recent; else with this one, and without those that left the window. */
export function appended<E extends { readonly at: number }>(
  entries: readonly E[],
  entry: E,
  windowMs: number,
): readonly E[] {
  const last = entries.at(-1);
  if (last !== undefined && entry.at - last.at < windowMs / ENTRIES_PER_WINDOW) return entries;
  let first = 0;
  // One entry from before the window stays: the window starts there.
  while (entries.length - first > KEPT && (entries[first + 1]?.at ?? entry.at) <= entry.at - windowMs)
    first++;
  return [...entries.slice(first), entry];
}
