/** The result of a crash test, as data and as text. */
import { PipelineError } from '../../errors.js';
import { TestingError } from '../errors.js';

/** One point at which the pipeline was killed, and its outcome. */
export interface CrashPoint {
  /** `operation 17: rename .xstate-pipeline/…/checkpoint.json`, or `after event 8, then operation 3: …`. */
  readonly name: string;
  /** Number of the operation, from 1, as `points: [n]` takes it. Undefined for a random moment. */
  readonly operation: number | undefined;
  /** Processes that were killed. A process that ended before its crash point does not count. */
  readonly kills: number;
  /** Empty: the output equals that of an uninterrupted run, and no durable batch was invoked again. */
  readonly problems: readonly string[];
}

/** What `crashTest` and `crashEverywhere` resolve to. */
export interface CrashReport {
  /** Seed of the random moments. */
  readonly seed: number;
  /** Operations of an uninterrupted run: the persisting ones, or all of a disk in memory. */
  readonly operations: number;
  /** Every point that was tried, in order. */
  readonly points: readonly CrashPoint[];
  /** Killed processes in total. */
  readonly kills: number;
}

/** A pipeline did not recover from a crash. `report` lists the points. */
export class CrashTestError extends PipelineError {
  readonly code = 'CRASH_TEST';
  constructor(
    message: string,
    readonly report: CrashReport,
    /** Holds the first failed case of `crashTest`; empty: it was in memory. */
    readonly folder = '',
  ) {
    super(message);
  }
}

const SHOWN = 5;

/** @param call of the test, without its options, to run the points again.
 * @param folder files of the first case with problems; empty: they were in memory. */
export function crashTestError(report: CrashReport, call: string, folder = ''): CrashTestError {
  const broken = report.points.filter(({ problems }) => problems.length > 0);
  const lines = broken.slice(0, SHOWN).map(({ name, problems }) => `  ${name}: ${problems.join('; ')}`);
  const more = broken.length > SHOWN ? [`  and ${broken.length - SHOWN} more`] : [];
  const numbers = [...new Set(broken.map(({ operation }) => operation))].filter((n) => n !== undefined);
  const again = [
    ...(numbers.length === 0 ? [] : [`points: [${numbers.slice(0, SHOWN).join(', ')}]`]),
    `seed: ${report.seed}`,
  ].join(', ');
  const files = folder === '' ? '' : `. Files of the first one: ${folder}`;
  return new CrashTestError(
    [
      `The pipeline did not recover from a crash at ${broken.length} of ${report.points.length} points:`,
      ...lines,
      ...more,
      `To run them again: ${call}, { ${again} })${files}`,
    ].join('\n'),
    report,
    folder,
  );
}

/** Two uninterrupted runs differ: no crash is the cause. */
export function unsteadyPipeline(): TestingError {
  return new TestingError(
    'Two uninterrupted runs of the pipeline gave different output. A stage depends on the time, a random number or a service. For this test, let the stages return the same rows at every call.',
  );
}
