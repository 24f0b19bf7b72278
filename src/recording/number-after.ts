/** The number of the record that follows a recording.
 * @param tail its last lines; a torn last line is ignored. */
export function numberAfter(tail: string): number {
  const lines = tail.slice(0, tail.lastIndexOf('\n') + 1);
  let last = -1;
  for (const [, n] of lines.matchAll(/^\{"k":"[a-zA-Z]","n":(\d{1,15})/gm)) last = Number(n);
  return last + 1;
}
