/**
 * W1, W4, W6 and W7 as a user writes them, run by a program: checkpoints and fsync on, default options except `batchSize`.
 */
// Loaded before the clock runs, like the packages of every variant.
import 'xstate-pipeline';
import 'xstate-pipeline/node';
import { checkpointFigures } from '../../harness/checkpoint-figures.mjs';
import { writePipelineFile } from './pipeline-file.mjs';

/**
 * @param {{ which?: 'W1' | 'W4', threads?: number, counted?: boolean, input: string, output: string, dir: string }} params
 * @param {import('xstate-pipeline').RunOptions} [options]
 */
export async function run({ which = 'W1', threads, counted = false, ...places }, options = {}) {
  const file = writePipelineFile(which, places);
  const checkpoints = checkpointFigures();
  /** @type {{ default: import('xstate-pipeline').Pipeline<unknown> }} */
  const { default: orders } = await import(file.href);
  await orders.run({
    stateDir: `${places.dir}/state`,
    ...(threads === undefined ? {} : { workers: { count: threads, file } }),
    ...(counted ? { observers: [checkpoints.observer] } : {}),
    ...options,
  });
  return counted ? checkpoints.figures() : {};
}
