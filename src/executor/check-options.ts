/** Refusing what was mistyped before anything runs. */
import { InvalidOptionError } from '../errors.js';

/** @param given what stands where options are taken.
 * @param of in the message: `pipeline()`, `run()`.
 * @throws {InvalidOptionError} for what is no object, and for an option that does not exist. */
export function checkOptions(given: unknown, of: string, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InvalidOptionError(`The options of ${of} are an object, or left out.`);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidOptionError(
      `${of} has no option ${JSON.stringify(unknown).slice(0, 80)}; there are ${known.join(', ')}.`,
    );
  }
}
