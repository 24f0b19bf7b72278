/**
 * Runs the variants of one case in rounds. A round runs every variant once, each in a fresh process; the order is reversed
 * from round to round, so that neighbours change. A first run of each warms the page cache, and its output is compared. A
 * variant that fails is a line in the result; the others continue.
 *
 * @typedef {import('./measure.mjs').Variant} Variant
 * @typedef {import('./measure.mjs').Figures} Figures
 * @typedef {object} Case
 * @property {string} name
 * @property {string} baseline name of the variant that the others are compared with
 * @property {string} figure which figure is compared
 * @property {'higher' | 'lower'} better
 * @property {string} unit of the figure
 * @property {Variant[]} variants
 * @property {(variant: Variant) => Promise<Record<string, unknown>>} [before] makes room for a run; gives parameters
 * @property {(figures: Figures) => Promise<Figures>} [after] looks at what a run left; gives figures
 * @property {Record<string, string>} [columns] more figures that the table shows, and their headings
 *
 * @typedef {{ name: string, first?: Figures, runs: Figures[], failure?: string }} Measured
 */
import { measure } from './measure.mjs';
import { isPeer } from './peers.mjs';

/**
 * @param {Case} one
 * @param {{ runs: number, only: string[] | undefined, peers: boolean, say: (line: string) => void }} options
 * @returns {Promise<Measured[]>}
 */
export async function runCase(one, { runs, only, peers, say }) {
  const variants = one.variants.filter(
    ({ name, file }) => (!only || only.includes(name) || name === one.baseline) && (peers || !isPeer(file)),
  );
  /** @type {Map<string, Measured>} */
  const results = new Map(variants.map(({ name }) => [name, { name, runs: [] }]));

  /** @param {Variant} variant @param {boolean} isFirst */
  const once = async (variant, isFirst) => {
    const result = results.get(variant.name);
    if (!result || result.failure !== undefined) return;
    try {
      const params = (await one.before?.(variant)) ?? {};
      const figures = await measure(variant, { ...params, counted: isFirst });
      Object.assign(figures, await one.after?.(figures));
      if (isFirst) result.first = figures;
      if (!isFirst || runs === 0) result.runs.push(figures);
      const value = Number(figures[one.figure]);
      say(`  ${isFirst ? 'warm' : 'run '}  ${variant.name.padEnd(34)} ${value.toPrecision(4)} ${one.unit}`);
    } catch (error) {
      result.failure = error instanceof Error ? error.message : String(error);
      say(`  FAIL  ${variant.name}: ${result.failure}`);
    }
  };

  for (const variant of variants) await once(variant, true);
  for (let round = 0; round < runs; round++) {
    for (const variant of round % 2 === 0 ? variants : variants.toReversed()) await once(variant, false);
  }
  compareOutputs([...results.values()], one.baseline);
  return [...results.values()];
}

/**
 * Outputs that differ are no comparison.
 * @param {Measured[]} results
 * @param {string} baseline
 */
function compareOutputs(results, baseline) {
  const expected = results.find(({ name }) => name === baseline)?.first?.hash;
  for (const result of results) {
    const odd = [result.first, ...result.runs].find((figures) => figures && figures.hash !== expected);
    if (odd && result.failure === undefined) {
      result.failure = `output ${odd.hash} differs from that of ${baseline}, ${expected}`;
    }
  }
}
