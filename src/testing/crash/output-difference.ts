/** How the output after a crash differs from that of an uninterrupted run. */
import { isObject } from '../../formats/json.js';

/** In words; rows are not quoted.
 * @param expected files by path, the text of one file, or rows. */
export function differenceOf(expected: unknown, actual: unknown): string {
  if (typeof expected === 'string') return differenceOfTexts('the output', expected, actual);
  if (Array.isArray(expected) && Array.isArray(actual))
    return `the output has ${actual.length} rows instead of ${expected.length}, or other ones`;
  if (!isObject(expected)) return 'the output is not that of an uninterrupted run';
  const found = isObject(actual) ? actual : {};
  const differences = Object.keys(expected)
    .filter((path) => expected[path] !== found[path])
    .map((path) => differenceOfTexts(path, expected[path], found[path]));
  return differences.length > 0 ? differences.join('; ') : 'the output is not that of an uninterrupted run';
}

function differenceOfTexts(name: string, a: unknown, b: unknown): string {
  if (typeof a !== 'string' || typeof b !== 'string')
    return `${name} is ${typeof b === 'string' ? 'there, and should not be' : 'not there'}`;
  const lines = (text: string) => text.split('\n').length - 1;
  let at = 0;
  while (a[at] === b[at]) at++;
  return `${name} has ${lines(b)} lines instead of ${lines(a)}, and differs from byte ${at} on`;
}
