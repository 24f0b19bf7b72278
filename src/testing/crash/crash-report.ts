/** The result of a crash test, as data and as text. */
import { PipelineError } from '../../errors.js';

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

/** What `crashTest` resolves to. */
export interface CrashReport {
  /** Seed of the random moments. */
  readonly seed: number;
  /** Persisting operations of an uninterrupted run. */
  readonly operations: number;
  /** Every point that was tried, in order. */
  readonly points: readonly CrashPoint[];
  /** Killed processes in total. */
  readonly kills: number;
}

/** A pipeline did not recover from a crash. `report` lists the points; `folder` holds the first failed case. */
export class CrashTestError extends PipelineError {
  readonly code = 'CRASH_TEST';
  constructor(
    message: string,
    readonly report: CrashReport,
    readonly folder: string,
  ) {
    super(message);
  }
}

const SHOWN = 5;

/** @param broken the points with problems, at least one. */
export function crashTestError(
  report: CrashReport,
  broken: readonly CrashPoint[],
  folder: string,
): CrashTestError {
  const lines = broken.slice(0, SHOWN).map(({ name, problems }) => `  ${name}: ${problems.join('; ')}`);
  const more = broken.length > SHOWN ? [`  and ${broken.length - SHOWN} more`] : [];
  const numbers = broken.flatMap(({ operation }) => (operation === undefined ? [] : [operation]));
  const again = [
    ...(numbers.length === 0 ? [] : [`points: [${numbers.slice(0, SHOWN).join(', ')}]`]),
    `seed: ${report.seed}`,
  ].join(', ');
  return new CrashTestError(
    [
      `The pipeline did not recover from a crash at ${broken.length} of ${report.points.length} points:`,
      ...lines,
      ...more,
      `To run them again: crashTest(file, { ${again} }). Files of the first one: ${folder}`,
    ].join('\n'),
    report,
    folder,
  );
}
