/**
 * Crash tests of a user's own pipeline in memory: a power loss, or a `kill -9`, at every operation of a simulated disk.
 *
 * Each point is tried in three manners: all written bytes stay, none without an fsync stays, or any part of them does. In the
 * third manner, the process that resumes crashes as well, at one of its first operations. `crashTest` does the same with real
 * processes and real files, in minutes.
 */
import { isDeepStrictEqual } from 'node:util';
import { keyedSinks } from '../../executor/keyed/result-sinks.js';
import type { Pipeline } from '../../executor/pipeline.js';
import { type Random, seededRandom } from '../../platform/clock.js';
import { assertPipeline, TestingError } from '../errors.js';
import type { CrashOptions, TestExecutorOptions } from '../executor/options.js';
import { finishSession, outputOf, workToEnd } from '../executor/run-to-end.js';
import { createTestExecutor, type TestExecutor } from '../executor/test-executor.js';
import { pointsOf } from './chosen-points.js';
import { type CrashPoint, type CrashReport, crashTestError, unsteadyPipeline } from './crash-report.js';
import { differenceOf } from './output-difference.js';

/** Options of `crashEverywhere`. */
export interface CrashEverywhereOptions extends Omit<TestExecutorOptions, 'snapshot' | 'twice'> {
  /** Where to crash: at every operation of the disk (the default), at this many of them, evenly spread, or at these numbers. */
  readonly points?: 'every' | number | readonly number[];
  /** Seed of what survives a power loss, and of the second crash. Default 1. */
  readonly seed?: number;
}

interface Manner {
  readonly name: string;
  readonly powerLoss: NonNullable<CrashOptions['powerLoss']>;
  readonly crashesAgain?: boolean;
}

const MANNERS: readonly Manner[] = [
  { name: 'kill -9', powerLoss: false },
  { name: 'power loss', powerLoss: true },
  { name: 'power loss with some of the bytes, twice', powerLoss: 'partly', crashesAgain: true },
];

/** About this many operations restore a session. */
const OPERATIONS_OF_A_RESUME = 12;

/**
 * Crashes a pipeline at every operation of its disk, in memory, resumes it, and compares its output with that of an
 * uninterrupted run. Nothing touches the disk, and time does not pass: a thousand crashes take seconds.
 *
 * @param pipeline its stages give the same rows at every call, or are scripted to.
 * @param options files and scripts, as for `createTestExecutor`. Keep the input small: every point runs it three times.
 * @returns the report, when no point has a problem.
 * @throws {CrashTestError} that names the points with problems and carries the report.
 * @throws {TestingError} when the uninterrupted run fails.
 * @example await crashEverywhere(reviews, { files: { 'reviews.jsonl': text } });
 */
export async function crashEverywhere<T>(
  pipeline: Pipeline<T>,
  options: CrashEverywhereOptions = {},
): Promise<CrashReport> {
  assertPipeline(pipeline);
  const { points: chosen = 'every', seed = 1, ...rest } = options;
  const place: Place = { pipeline: pipeline as Pipeline<unknown>, options: rest };
  const golden = await runUninterrupted(place);
  const points: CrashPoint[] = [];
  for (const operation of pointsOf(chosen, golden.operations)) {
    for (const [index, manner] of MANNERS.entries()) {
      const outcome = await crashAt(place, operation, manner, seededRandom(seed + 3 * operation + index));
      const problems = [...outcome.problems];
      if (problems.length === 0 && !isDeepStrictEqual(outcome.output, golden.output))
        problems.push(differenceOf(golden.output, outcome.output));
      points.push({ name: `${outcome.name}, ${manner.name}`, operation, kills: outcome.kills, problems });
    }
  }
  const kills = points.reduce((sum, point) => sum + point.kills, 0);
  const report: CrashReport = { seed, operations: golden.operations, points, kills };
  if (points.every(({ problems }) => problems.length === 0)) return report;
  const again = await runUninterrupted(place);
  if (!isDeepStrictEqual(again.output, golden.output)) throw unsteadyPipeline();
  throw crashTestError(report, 'crashEverywhere(pipeline');
}

interface Place {
  readonly pipeline: Pipeline<unknown>;
  readonly options: TestExecutorOptions;
}

async function runUninterrupted({ pipeline, options }: Place) {
  const test = createTestExecutor(pipeline, options);
  const problem = await finishSession(test);
  if (problem !== undefined)
    throw new TestingError(
      `The pipeline fails without any crash: ${problem}. Fix it before you test crashes.`,
    );
  const output = await outputsOf(test, pipeline);
  if (output === undefined)
    throw new TestingError(
      'The sink of the pipeline cannot be read back, so that crashEverywhere cannot compare its rows. Use a file, or collect().',
    );
  return { operations: test.disk.operations.length, output };
}

async function crashAt({ pipeline, options }: Place, operation: number, manner: Manner, random: Random) {
  const test = createTestExecutor(pipeline, { ...options, seed: Math.floor(random() * 2 ** 31) });
  test.disk.cutAt(operation);
  void test.execute();
  await workToEnd(test);
  const { kind, path } = test.disk.operations[operation - 1] ?? { kind: 'none', path: 'the run had ended' };
  let kills = crash(test, manner);
  if (manner.crashesAgain === true) {
    test.disk.cutAt(1 + Math.floor(random() * OPERATIONS_OF_A_RESUME));
    await finishSession(test);
    kills += crash(test, manner);
  }
  const problem = await finishSession(test);
  const problems = problem === undefined ? [] : [problem];
  for (const { stage, batch } of test.secondInvocations)
    problems.push(`stage "${stage}" was invoked again for batch ${batch}, whose output was durable`);
  return {
    name: `operation ${operation}: ${kind} ${path}`,
    kills,
    problems,
    output: await outputsOf(test, pipeline),
  };
}

/** With the files that folds write their results to, by path. */
async function outputsOf(test: TestExecutor<unknown>, { stages }: Pipeline<unknown>): Promise<unknown> {
  const output = await outputOf(test);
  const results = keyedSinks(stages).flatMap(({ sink }) => {
    const path = sink?.describe()?.path;
    return typeof path === 'string' ? [[path, test.text(path)] as const] : [];
  });
  if (output === undefined || results.length === 0) return output;
  const text = typeof output === 'string' ? output : JSON.stringify(output);
  return { [test.outputPath ?? 'the output']: text, ...Object.fromEntries(results) };
}

function crash(test: TestExecutor<unknown>, { powerLoss }: Manner): number {
  test.crash({ powerLoss }).restart();
  return 1;
}
