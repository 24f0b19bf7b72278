/** Reads the words after `npm run bench --`. The error for an unknown one lists the known ones. */
import { parseArgs } from 'node:util';

/** Wrong usage; its message is for the person who typed. */
export class UsageError extends Error {}

/**
 * @typedef {object} Arguments
 * @property {string[]} workloads names in the order in which they run
 * @property {number | undefined} runs measured runs a variant, instead of the workload's own number; 0: the run that warms up is all
 * @property {number | undefined} rows instead of the workload's own size; its unit is the workload's
 * @property {string[] | undefined} only names of variants
 * @property {boolean} peers whether others' packages are compared with
 * @property {boolean} quick tiny sizes: does everything still run?
 * @property {string} out the JSON file
 */

export const USAGE = `usage: npm run bench -- [W1 W2 …] [--runs 5] [--rows N] [--only name,name] [--no-peers] [--quick] [--out file]

  W1 …       workloads; default: all; see BENCHMARKS.md
  --runs     measured runs a variant (default 5; W6 3, W5 and W8 15), after one that warms up and whose output is compared
  --rows     size instead of the workload's own: rows, batches or repetitions
  --only     these variants and the baseline
  --no-peers only what needs no packages beyond this repository's
  --quick    tiny sizes, one run: whether every variant still works; its figures mean nothing
  --out      results as JSON (default out/bench/results.json); workloads in it that do not run now are kept`;

/**
 * @param {string[]} words
 * @param {{ workloads: readonly string[], variants: readonly string[] }} known
 * @returns {Arguments}
 */
export function readArguments(words, known) {
  const { values, positionals } = parsed(words);
  const workloads = positionals.map((word) => pick(word.toUpperCase(), word, known.workloads, 'workload'));
  const only = values.only?.split(',').map((word) => pick(word, word, known.variants, 'variant'));
  const quick = values.quick ?? false;
  return {
    workloads: workloads.length > 0 ? workloads : [...known.workloads],
    runs: quick ? 0 : whole(values.runs, '--runs'),
    rows: whole(values.rows, '--rows'),
    only,
    peers: !(values['no-peers'] ?? false),
    quick,
    out: values.out ?? (quick ? 'out/bench/quick.json' : 'out/bench/results.json'),
  };
}

/** @param {string[]} words */
function parsed(words) {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean' });
  const options = { runs: text, rows: text, only: text, out: text, quick: flag, 'no-peers': flag };
  try {
    return parseArgs({ args: words, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string} wanted
 * @param {string} typed
 * @param {readonly string[]} known
 * @param {string} what
 */
function pick(wanted, typed, known, what) {
  if (known.includes(wanted)) return wanted;
  throw new UsageError(`There is no ${what} "${typed}". There are: ${known.join(', ')}.`);
}

/**
 * @param {string | undefined} value
 * @param {string} name
 */
function whole(value, name) {
  if (value === undefined) return undefined;
  const number = Number(value.replaceAll('_', ''));
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new UsageError(`${name} must be a whole number from 1, not "${value}".`);
}
