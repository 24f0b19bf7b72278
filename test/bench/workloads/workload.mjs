/**
 * What a workload is, and what several have in common.
 *
 * @typedef {import('../harness/measure.mjs').Variant} Variant
 * @typedef {import('../harness/run-case.mjs').Case} Case
 *
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} title
 * @property {string} unit of its size
 * @property {number} size
 * @property {number} quickSize
 * @property {number} [runs] default 5
 * @property {string[]} variants their names
 * @property {(options: { size: number, dir: string }) => Case[]} cases `dir` is there, and removed at the end
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, makeOrders } from '../harness/order-rows.mjs';

export const LOOP = 'hand-written loop';
export const OURS = 'xstate-pipeline';
export const OURS_ON_TWO = 'xstate-pipeline (2 threads)';

/**
 * @param {string} name
 * @param {string} path
 * @param {Record<string, unknown>} [params]
 * @returns {Variant}
 */
export const variant = (name, path, params = {}) => ({
  ...{ name, file: new URL(`../${path}.mjs`, import.meta.url), params },
});

/**
 * A case of orders from file to file: fresh folder, rows a second, outputs compared.
 * @param {{ size: number, dir: string }} options
 * @param {string} name
 * @param {Variant[]} variants the first is the baseline
 * @returns {Case}
 */
export function ordersCase({ size, dir }, name, variants) {
  const input = join(dir, `orders-${size}.jsonl`);
  const work = join(dir, 'orders');
  const output = join(work, 'out.jsonl');
  return {
    ...{ name, variants, baseline: variants[0]?.name ?? '' },
    ...{ figure: 'rowsPerSecond', better: 'higher', unit: 'rows/s' },
    async before() {
      makeOrders(input, size);
      fresh(work);
      return { input, output, dir: work, rows: size };
    },
    async after({ seconds }) {
      return { rowsPerSecond: size / Number(seconds), hash: await hashOf(output) };
    },
  };
}

/** @param {string} folder */
export function fresh(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

export const CHECKPOINT_COLUMNS = {
  checkpoints: 'checkpoints',
  checkpointBytes: 'bytes, largest',
  checkpointMs: 'ms, median',
};
