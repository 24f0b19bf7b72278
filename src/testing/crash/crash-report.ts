/** What a crash test found, for a program and for a person. */
import { PipelineError } from '../../errors.js';

/** One place where the pipeline was killed, and what came of it. */
export interface CrashPoint {
  /** `operation 17: rename .xstate-pipeline/…/checkpoint.json`, or `after event 8, then operation 3: …`. */
  readonly name: string;
  /** Number of the operation, from 1: what `points: [n]` takes. Undefined for a random moment. */
  readonly operation: number | undefined;
  /** Processes that were really killed; one that ended before its moment was not. */
  readonly kills: number;
  /** Empty: the output was that of an uninterrupted run, and no durable batch was invoked again. */
  readonly problems: readonly string[];
}

/** What `crashTest` resolves to. */
export interface CrashReport {
  /** Of the random moments. */
  readonly seed: number;
  /** Operations by which an uninterrupted run persists anything. */
  readonly operations: number;
  /** Every place that was tried, in order. */
  readonly points: readonly CrashPoint[];
  /** Processes that were killed, in all. */
  readonly kills: number;
}

/** A pipeline does not survive being killed; `report` says where, and `folder` is where the first case lies. */
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

/** @param broken the points with problems; some. */
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
      `Killed at ${broken.length} of ${report.points.length} points, the pipeline did not come out right:`,
      ...lines,
      ...more,
      `To try again: crashTest(file, { ${again} }). What the first one left: ${folder}`,
    ].join('\n'),
    report,
    folder,
  );
}
