/** Test cases for every way through the six states, over a pipeline of the user's. */
import type { Pipeline } from '../../executor/pipeline.js';
import { assertPipeline, TestingError } from '../errors.js';
import type { TestExecutorOptions } from '../executor/options.js';
import { outputOf } from '../executor/run-to-end.js';
import { createTestExecutor } from '../executor/test-executor.js';
import { type CommandPath, commandPaths } from './trails.js';
import { Walk } from './walk.js';

/** One path through the statechart, as a test case. */
export interface ModelPath {
  /** The path: `execute → INITIALIZING → EXECUTING → pause → PAUSED`. */
  readonly name: string;
  /** Walks it with a real executor, in memory. Rejects with an `AssertionError` where the executor goes another way than the
   * machine, takes a command that is not legal, ends with another output than an uninterrupted run, or pays for a durable batch
   * again. */
  run(): Promise<void>;
}

/** Batches that the input is cut into: enough to be paused in, more than once. */
const BATCHES = 4;

/** Operations of the disk by which so many batches are done, about, where a stage is durable. */
const OPERATIONS = 60;

/**
 * Every path through the executor's six states, with every command tried in every state, legal or not. Each is walked over
 * the pipeline's own stages, twice: it ends with a `kill -9` and with a power loss, each with a restart, the output of an
 * uninterrupted run, and no durable batch paid for again.
 *
 * @param pipeline with at least four rows of input; its stages give the same rows at every call, or are scripted to.
 * @param options files and scripts, as for `createTestExecutor`; `options.batchSize` is a fourth of the input unless told.
 * @example for (const path of modelPaths(reviews, { files })) test(path.name, () => path.run());
 */
export function modelPaths(
  pipeline: Pipeline<unknown>,
  options: TestExecutorOptions = {},
): readonly ModelPath[] {
  assertPipeline(pipeline);
  let prepared: Promise<Prepared> | undefined;
  return commandPaths().map((trail, index) => ({
    name: nameOf(trail),
    async run() {
      prepared ??= prepare(pipeline, options);
      const { expected, sized } = await prepared;
      for (const powerLoss of [false, true]) {
        // Coprime: no two of the first trails die at the same operation.
        const operations = 1 + (((2 * index + Number(powerLoss)) * 11) % OPERATIONS);
        await new Walk(pipeline, sized).run(trail, expected, { powerLoss, operations });
      }
    },
  }));
}

interface Prepared {
  readonly expected: unknown;
  readonly sized: TestExecutorOptions;
}

/** What an uninterrupted run gives, with batches of the size that the paths are walked with. */
async function prepare(pipeline: Pipeline<unknown>, options: TestExecutorOptions): Promise<Prepared> {
  const rows = (await uninterrupted(pipeline, options)).rowsIn;
  if (rows < BATCHES)
    throw new TestingError(
      `modelPaths needs ${BATCHES} rows of input, so that it can be paused in the middle; there are ${rows}.`,
    );
  const batchSize = options.options?.batchSize ?? Math.floor(rows / BATCHES);
  const sized = { ...options, options: { ...options.options, batchSize } };
  return { expected: (await uninterrupted(pipeline, sized)).output, sized };
}

async function uninterrupted(pipeline: Pipeline<unknown>, options: TestExecutorOptions) {
  const test = createTestExecutor(pipeline, options);
  const run = test.execute();
  await test.settle();
  while (test.state === 'EXECUTING') await test.advance(60_000);
  const { metrics } = await run;
  return { rowsIn: metrics.rowsIn, output: await outputOf(test) };
}

function nameOf(trail: CommandPath): string {
  return ['IDLE', ...trail.map(({ command, state }) => command ?? state)].join(' → ');
}
