/**
 * Crash tests of a user's own pipeline: child processes of the real command line are killed with SIGKILL, at every
 * operation that persists something and at random moments, and resumed by other processes.
 *
 * Each point has its own folder and processes, so that several run at once. A point is the n-th persisting operation of a
 * process; `preload.ts` counts them and logs each. A resume is killed as well: every other random case kills its second
 * process at one of its first operations.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../../platform/clock.js';
import { TestingError } from '../errors.js';
import { pointsOf } from './chosen-points.js';
import { type CrashCaseOutcome, crashCase } from './crash-case.js';
import { CrashFolder, type Output } from './crash-folder.js';
import { type CrashPoint, type CrashReport, crashTestError, unsteadyPipeline } from './crash-report.js';
import { differenceOf } from './output-difference.js';
import type { CrashMoment, ProcessRun } from './process-run.js';

/** Options of `crashTest`. */
export interface CrashTestOptions {
  /** Files for the working directory, by relative path: the pipeline's input. Keep them small: every point runs two processes. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Where to kill: at every persisting operation (the default), at this many of them, evenly spread, or at these numbers. */
  readonly points?: 'every' | number | readonly number[];
  /** Random cases: each kills two processes, one after the other, at any moment. Every other case kills the second one at one
   * of its first persisting operations. Default 3. */
  readonly random?: number;
  /** Seed of the random moments. Default: a new one each time; the report contains it. */
  readonly seed?: number;
  /** Processes at once. Default: the number of cores. */
  readonly parallel?: number;
  /** Time limit of one process. Milliseconds, default 60,000. */
  readonly timeoutMs?: number;
  /** Reads what is compared with the uninterrupted run, for a sink that is not a file. Default: the bytes of the files that the
   * pipeline writes. @param folder the working directory of the pipeline. */
  readonly output?: (folder: string) => Promise<unknown>;
}

/**
 * Kills a pipeline at every operation that persists something, resumes it, and compares its output with that of an
 * uninterrupted run.
 *
 * @param pipelineFile path or `file:` URL of a module that default-exports a pipeline. The paths in it are relative to the
 * working directory, which is a temporary folder; its stages return the same rows at every call. The limit of crashes per
 * batch is lifted, so that the test's own crashes quarantine no batch.
 * @returns the report, when no point has a problem.
 * @throws {CrashTestError} that names the points with problems and carries the report.
 * @throws {TestingError} when the uninterrupted run fails.
 * @example await crashTest('pipeline.ts', { files: { 'in.jsonl': text } });
 */
export async function crashTest(
  pipelineFile: string | URL,
  options: CrashTestOptions = {},
): Promise<CrashReport> {
  const file = resolve(typeof pipelineFile === 'string' ? pipelineFile : fileURLToPath(pipelineFile));
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const place = { file, options };
  const golden = await runUninterrupted(place);
  const cases = casesOf(options, seed, golden.operations, golden.events);
  const points: CrashPoint[] = [];
  let firstBroken: CrashFolder | undefined;
  await inParallel(cases, options.parallel ?? availableParallelism(), async (one, index) => {
    const { folder, outcome } = await runCase(place, one.crashes);
    const problems = [...outcome.problems];
    if (problems.length === 0 && !isDeepStrictEqual(outcome.output, golden.output))
      problems.push(differenceOf(golden.output, outcome.output));
    points[index] = { ...nameOf(one, outcome), problems };
    if (problems.length > 0 && firstBroken === undefined) firstBroken = folder;
    else await folder.remove();
  });
  const kills = points.reduce((sum, point) => sum + point.kills, 0);
  const report: CrashReport = { seed, operations: golden.operations, points, kills };
  if (firstBroken === undefined) return report;
  // A pipeline whose rows differ from run to run is reported as such, not as a crash problem.
  const again = await runUninterrupted(place);
  if (!isDeepStrictEqual(again.output, golden.output)) {
    await firstBroken.remove();
    throw unsteadyPipeline();
  }
  throw crashTestError(report, 'crashTest(file', firstBroken.path);
}

interface Place {
  readonly file: string;
  readonly options: CrashTestOptions;
}

interface Case {
  readonly crashes: readonly CrashMoment[];
}

async function runCase(
  { file, options }: Place,
  crashes: readonly CrashMoment[],
): Promise<{ folder: CrashFolder; outcome: CrashCaseOutcome }> {
  const folder = await CrashFolder.make(file, options.files ?? {});
  const { timeoutMs = 60_000, output } = options;
  const outcome = await crashCase({
    ...{ folder, crashes, timeoutMs },
    output: (of) => (output === undefined ? of.output() : output(of.work)),
  });
  return { folder, outcome };
}

async function runUninterrupted(place: Place) {
  const { folder, outcome } = await runCase(place, []);
  await folder.remove();
  const [run] = outcome.runs;
  if (run?.exitCode !== 0 || outcome.problems.length > 0)
    throw new TestingError(
      `The pipeline fails without any crash: ${outcome.problems.join('; ')}. Fix it before you test crashes.`,
    );
  const { output } = outcome;
  if (place.options.output === undefined && Object.keys(output as Output).length === 0)
    throw new TestingError(
      'The pipeline writes no file that crashTest could compare. Give crashTest the option `output`.',
    );
  return { operations: run.operations.length, events: run.events.length, output };
}

/** About this many operations restore a session: locks, journal, sink. */
const OPERATIONS_OF_A_RESUME = 12;

function casesOf(options: CrashTestOptions, seed: number, operations: number, events: number): Case[] {
  const { points = 'every', random: times = 3 } = options;
  const random = seededRandom(seed);
  const upTo = (count: number) => 1 + Math.floor(random() * count);
  const moment = (): CrashMoment => ({ afterEvents: upTo(events) });
  const whileResuming = (): CrashMoment => ({
    atOperation: upTo(Math.min(operations, OPERATIONS_OF_A_RESUME)),
  });
  return [
    ...pointsOf(points, operations).map((atOperation) => ({ crashes: [{ atOperation }] })),
    ...Array.from({ length: times }, (_, i) => ({
      crashes: [moment(), i % 2 === 0 ? whileResuming() : moment()],
    })),
  ];
}

function nameOf({ crashes }: Case, { runs }: CrashCaseOutcome): Omit<CrashPoint, 'problems'> {
  const kills = runs.filter(({ exitCode, isHung }) => exitCode === undefined && !isHung).length;
  const [first] = crashes;
  if (first === undefined || 'afterEvents' in first) {
    const moments = crashes.map((one, i) =>
      'afterEvents' in one ? `after event ${one.afterEvents}` : operationOf(one.atOperation, runs[i]),
    );
    return { name: moments.join(', then '), operation: undefined, kills };
  }
  return {
    name: operationOf(first.atOperation, runs[0]),
    operation: first.atOperation,
    kills,
  };
}

function operationOf(number: number, run: ProcessRun | undefined): string {
  return `operation ${number}: ${shortened(run?.operations[number - 1] ?? 'it had ended before')}`;
}

/** Names of sessions and temporary files differ from process to process. */
function shortened(operation: string): string {
  return operation.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '…');
}

async function inParallel<T>(
  items: readonly T[],
  parallel: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) await work(items[index] as T, index);
  };
  await Promise.all(Array.from({ length: Math.max(1, parallel) }, worker));
}
