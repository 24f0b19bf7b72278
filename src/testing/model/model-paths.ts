/** Test cases for every path through the six states, over a pipeline of the user. */
import type { Pipeline } from '../../executor/pipeline.js';
import { assertPipeline, TestingError } from '../errors.js';
import type { TestExecutorOptions } from '../executor/options.js';
import { outputOf } from '../executor/run-to-end.js';
import { createTestExecutor } from '../executor/test-executor.js';
import { type CommandPath, commandPaths } from './command-paths.js';
import { Walk } from './walk.js';

/** One path through the statechart, as a test case. */
export interface ModelPath {
  /** The path: `execute → INITIALIZING → EXECUTING → pause → PAUSED`. */
  readonly name: string;
  /** Walks it with a real executor, in memory. Rejects with an `AssertionError` if the executor differs from the machine, accepts
   * an illegal command, gives another output than an uninterrupted run, or invokes a durable batch again. */
  run(): Promise<void>;
}

/** Batches of the input: enough to pause more than once. */
const BATCHES = 4;

/** Approximate disk operations of such a run with a durable stage. */
const OPERATIONS = 60;

/**
 * Every path through the executor's six states; in every state, all commands are tried, legal or not. Each path is walked twice
 * over the pipeline's own stages: it ends with a `kill -9` and with a power loss. After a restart, the output is that of an
 * uninterrupted run, and no durable batch is invoked again.
 *
 * @param pipeline with at least four rows of input; its stages give the same rows at every call, or are scripted.
 * @param options files and scripts, as for `createTestExecutor`; `options.batchSize`: default a fourth of the input.
 * @example for (const path of modelPaths(reviews, { files })) test(path.name, () => path.run());
 */
export function modelPaths(
  pipeline: Pipeline<unknown>,
  options: TestExecutorOptions = {},
): readonly ModelPath[] {
  assertPipeline(pipeline);
  let prepared: Promise<Prepared> | undefined;
  return commandPaths().map((path, index) => ({
    name: nameOf(path),
    async run() {
      prepared ??= prepare(pipeline, options);
      const { expected, sized } = await prepared;
      for (const powerLoss of [false, true]) {
        // 11 and 60 are coprime: the first paths crash at different operations.
        const operations = 1 + (((2 * index + Number(powerLoss)) * 11) % OPERATIONS);
        await new Walk(pipeline, sized).run(path, expected, { powerLoss, operations });
      }
    },
  }));
}

interface Prepared {
  readonly expected: unknown;
  readonly sized: TestExecutorOptions;
}

/** The output of an uninterrupted run with the same batches. */
async function prepare(pipeline: Pipeline<unknown>, options: TestExecutorOptions): Promise<Prepared> {
  const rows = (await uninterrupted(pipeline, options)).rowsIn;
  if (rows < BATCHES)
    throw new TestingError(
      `modelPaths() needs at least ${BATCHES} rows of input, to pause in the middle; it has ${rows}.`,
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

function nameOf(path: CommandPath): string {
  return ['IDLE', ...path.map(({ command, state }) => command ?? state)].join(' → ');
}
