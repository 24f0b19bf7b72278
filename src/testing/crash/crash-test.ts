/**
 * The real thing for a user's own pipeline: child processes of the real command line, killed with SIGKILL at every operation
 * by which a run persists anything and at random moments, and resumed by other processes.
 *
 * Each point has a folder and processes of its own, so that several run at once. A point is the n-th persisting operation of
 * a process (`preload.ts` counts them); which one it was is read from the process's own notes.
 *
 * What a resume does to find its way back is killed as well: the second death of a random case, every other time, is before
 * one of its first operations.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../../platform/clock.js';
import { TestingError } from '../errors.js';
import { type CrashCaseOutcome, crashCase } from './crash-case.js';
import { CrashFolder, type Output } from './crash-folder.js';
import { type CrashPoint, type CrashReport, crashTestError } from './crash-report.js';
import type { Death, Life } from './life.js';

/** Options of `crashTest`. */
export interface CrashTestOptions {
  /** Files to lay into the working directory, by relative path: the pipeline's input. Small ones: every point is two processes. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Where to kill: at every operation that persists anything (the default), at so many of them, evenly spread, or at these. */
  readonly points?: 'every' | number | readonly number[];
  /** How many times to kill twice at random, one process after the other: at any moment, and the one that resumes also before
   * one of the first operations by which it persists anything. Default 3. */
  readonly random?: number;
  /** Of the random moments. Default: another each time; the report says which. */
  readonly seed?: number;
  /** How many processes at once. Default: as many as there are cores. */
  readonly parallel?: number;
  /** How long one process may take. Milliseconds, default 60,000. */
  readonly timeoutMs?: number;
  /** What is compared with the uninterrupted run, for a sink that is no file. Default: the bytes of the files that the pipeline
   * writes. @param folder the working directory of the pipeline. */
  readonly output?: (folder: string) => Promise<unknown>;
}

/**
 * Kills a pipeline wherever it persists anything, resumes it, and compares its output with that of an uninterrupted run.
 *
 * @param pipelineFile as the command line takes it: path or `file:` URL of a module that default-exports a pipeline. Its files
 * have paths relative to the working directory, which is a temporary folder here; its stages give the same rows at every call.
 * `maxDeaths` is lifted: deaths that the test brings about are not to condemn a batch.
 * @returns the report, when all came out right.
 * @throws {CrashTestError} naming the points where it did not, with the report.
 * @throws {TestingError} when it does not even run uninterrupted.
 * @example await crashTest('pipeline.ts', { files: { 'in.jsonl': text } });
 */
export async function crashTest(
  pipelineFile: string | URL,
  options: CrashTestOptions = {},
): Promise<CrashReport> {
  const file = resolve(typeof pipelineFile === 'string' ? pipelineFile : fileURLToPath(pipelineFile));
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const place = { file, options };
  const golden = await uninterrupted(place);
  const cases = casesOf(options, seed, golden.operations, golden.events);
  const points: CrashPoint[] = [];
  let firstBroken: CrashFolder | undefined;
  await inParallel(cases, options.parallel ?? availableParallelism(), async (one, index) => {
    const { folder, outcome } = await kill(place, one.deaths);
    const problems = [...outcome.problems];
    if (problems.length === 0 && !isDeepStrictEqual(outcome.output, golden.output))
      problems.push(differenceOf(golden.output, outcome.output));
    points[index] = { ...nameOf(one, outcome), problems };
    if (problems.length > 0 && firstBroken === undefined) firstBroken = folder;
    else await folder.remove();
  });
  const kills = points.reduce((sum, point) => sum + point.kills, 0);
  const report: CrashReport = { seed, operations: golden.operations, points, kills };
  const broken = points.filter(({ problems }) => problems.length > 0);
  if (firstBroken === undefined) return report;
  // Rows that differ from run to run are no matter of crashes: so it is said before the points are.
  const again = await uninterrupted(place);
  if (!isDeepStrictEqual(again.output, golden.output)) {
    await firstBroken.remove();
    throw new TestingError(
      'Two uninterrupted runs of the pipeline gave different output: a time, a random number, a service? Let the stages give the same rows at every call, for this test.',
    );
  }
  throw crashTestError(report, broken, firstBroken.path);
}

interface Place {
  readonly file: string;
  readonly options: CrashTestOptions;
}

interface Case {
  readonly deaths: readonly Death[];
}

async function kill(
  { file, options }: Place,
  deaths: readonly Death[],
): Promise<{ folder: CrashFolder; outcome: CrashCaseOutcome }> {
  const folder = await CrashFolder.make(file, options.files ?? {});
  const { timeoutMs = 60_000, output } = options;
  const outcome = await crashCase({
    ...{ folder, deaths, timeoutMs },
    output: (of) => (output === undefined ? of.output() : output(of.work)),
  });
  return { folder, outcome };
}

async function uninterrupted(place: Place) {
  const { folder, outcome } = await kill(place, []);
  await folder.remove();
  const [life] = outcome.lives;
  if (life?.exitCode !== 0 || outcome.problems.length > 0)
    throw new TestingError(
      `The pipeline does not run, nobody having killed it: ${outcome.problems.join('; ')}`,
    );
  const { output } = outcome;
  if (place.options.output === undefined && Object.keys(output as Output).length === 0)
    throw new TestingError(
      'The pipeline writes no file that could be compared: give crashTest the option `output`.',
    );
  return { operations: life.operations.length, events: life.events.length, output };
}

/** Locks, journal, sink: so many are the way back, about. */
const OPERATIONS_OF_A_RESUME = 12;

function casesOf(options: CrashTestOptions, seed: number, operations: number, events: number): Case[] {
  const { points = 'every', random: times = 3 } = options;
  const random = seededRandom(seed);
  const numbers = Array.from({ length: operations }, (_, i) => i + 1);
  const count = typeof points === 'number' ? Math.min(points, operations) : operations;
  const spread = Array.from({ length: count }, (_, i) => 1 + Math.floor(((i + 0.5) * operations) / count));
  const chosen = points === 'every' ? numbers : typeof points === 'number' ? spread : points;
  const upTo = (count: number) => 1 + Math.floor(random() * count);
  const moment = (): Death => ({ afterEvents: upTo(events) });
  const whileResuming = (): Death => ({ atOperation: upTo(Math.min(operations, OPERATIONS_OF_A_RESUME)) });
  return [
    ...chosen.map((atOperation) => ({ deaths: [{ atOperation }] })),
    ...Array.from({ length: times }, (_, i) => ({
      deaths: [moment(), i % 2 === 0 ? whileResuming() : moment()],
    })),
  ];
}

function nameOf({ deaths }: Case, { lives }: CrashCaseOutcome): Omit<CrashPoint, 'problems'> {
  const kills = lives.filter(({ exitCode, isHung }) => exitCode === undefined && !isHung).length;
  const [death] = deaths;
  if (death === undefined || 'afterEvents' in death) {
    const moments = deaths.map((one, i) =>
      'afterEvents' in one ? `after event ${one.afterEvents}` : operationOf(one.atOperation, lives[i]),
    );
    return { name: moments.join(', then '), operation: undefined, kills };
  }
  return {
    name: operationOf(death.atOperation, lives[0]),
    operation: death.atOperation,
    kills,
  };
}

function operationOf(number: number, life: Life | undefined): string {
  return `operation ${number}: ${shortened(life?.operations[number - 1] ?? 'it had ended before')}`;
}

/** Names of sessions and temporary files differ from process to process. */
function shortened(operation: string): string {
  return operation.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '…');
}

/** In words; rows are not quoted. */
function differenceOf(expected: unknown, actual: unknown): string {
  const right = expected as Output;
  const found = actual as Output;
  const differences = Object.keys(right ?? {}).flatMap((path) => {
    const [a, b] = [right[path], found?.[path]];
    if (a === b) return [];
    if (typeof a !== 'string' || typeof b !== 'string')
      return [`${path} is ${typeof b === 'string' ? 'there, and should not be' : 'not there'}`];
    const lines = (text: string) => text.split('\n').length - 1;
    let at = 0;
    while (a[at] === b[at]) at++;
    return [`${path} has ${lines(b)} lines instead of ${lines(a)}, and differs from byte ${at} on`];
  });
  return differences.length > 0 ? differences.join('; ') : 'the output is not that of an uninterrupted run';
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
