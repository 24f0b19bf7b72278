/** Fields of untrusted data: each reader returns a value of its type, or a default. Pure. */

export type Fields = Readonly<Record<string, unknown>>;

export const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const number = (value: unknown, otherwise = 0): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : otherwise;

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** `at(context, 'written', 'rowsIn')`. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here: unknown = value;
  for (const key of path) here = fields(here)[key];
  return here;
}
