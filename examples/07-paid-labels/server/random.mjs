/** Numbers that look random and depend on their parts alone, so that a seed gives the same run whatever the order. */

/** FNV-1a with a final mix, 32 bits. @param {...(string | number)} parts */
export function hash(...parts) {
  let value = 0x811c9dc5;
  for (const character of parts.join('\u0000'))
    value = Math.imul(value ^ character.charCodeAt(0), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  value = Math.imul(value ^ (value >>> 15), 0x846ca68b);
  return (value ^ (value >>> 16)) >>> 0;
}

/** From 0 to below 1. @param {...(string | number)} parts */
export const share = (...parts) => hash(...parts) / 2 ** 32;
