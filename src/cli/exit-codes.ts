/**
 * The exit code of every error.
 *
 *     0  completed                            4  no such session
 *     1  the run failed                       5  another process runs the session, or writes its output
 *     2  wrong usage, file does not load      6  checkpoint, journal or state is corrupt
 *     3  pipeline, input or replay differs      7  the run paused by itself
 *                                             128 + n  paused or cancelled by signal n
 *
 * Errors are matched by `code`, not by class: a pipeline file may use its own copy of the package.
 */
import { codeOf } from '../platform/thrown.js';

export const COMPLETED = 0;
export const FAILED = 1;
export const WRONG_USAGE = 2;
/** The result of `replay` or `diff`: not the same. */
export const DIFFERENT = 3;

/** The run paused by itself: a budget, too many losses, an exhausted account, a sample. */
export const PAUSED_BY_ITSELF = 7;

/** Paused or cancelled by a signal: 128 + the signal's number, as shells do. */
export const STOPPED_BY = { SIGHUP: 129, SIGINT: 130, SIGPIPE: 141, SIGTERM: 143 } as const;
/** Paused or cancelled by a command from another process: as Ctrl-C. */
export const STOPPED_FROM_ELSEWHERE = STOPPED_BY.SIGINT;

export type StopSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

const BY_ERROR_CODE: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ILLEGAL_COMMAND: FAILED,
    CANCELLED: STOPPED_FROM_ELSEWHERE,
    PAUSED: STOPPED_FROM_ELSEWHERE,
    INVALID_OPTION: WRONG_USAGE,
    PIPELINE_FILE: WRONG_USAGE,
    STATE_DIRECTORY: WRONG_USAGE,
    INSPECTOR_MISSING: WRONG_USAGE,
    BAD_ADDRESS: WRONG_USAGE,
    PORT_IN_USE: WRONG_USAGE,
    NOT_BUILT: WRONG_USAGE,
    RECORDING: WRONG_USAGE,
    FORK: WRONG_USAGE,
    REDRIVE: WRONG_USAGE,
    NOTHING_TO_EXPORT: FAILED,
    PIPELINE_MISMATCH: 3,
    CHECKPOINT_NOT_FOUND: 4,
    SESSION_LOCKED: 5,
    CORRUPT_CHECKPOINT: 6,
    CORRUPT_JOURNAL: 6,
    CORRUPT_STATE: 6,
    CHECKPOINT_WRITE: FAILED,
    NO_OWNER: FAILED,
    CONTROL: FAILED,
    STAGE_TIMEOUT: FAILED,
    STAGE_FAILED: FAILED,
    ROW_FAILED: FAILED,
    SCHEMA: FAILED,
    MALFORMED_ROW: FAILED,
    SOURCE: FAILED,
    SINK: FAILED,
    LOSSES: FAILED,
    NO_USABLE_OUTPUT: FAILED,
    POISON_BATCH: FAILED,
    WORKER_THREAD: FAILED,
    INVALID_STATE: FAILED,
    DELIVERY: FAILED,
  }),
);

/** An unknown error is a failed run. */
export function exitCodeOf(error: unknown): number {
  return BY_ERROR_CODE.get(codeOf(error)) ?? FAILED;
}

/** Whether the error is the product's own, with a message that says what to do. */
export function isForeseen(error: unknown): boolean {
  return BY_ERROR_CODE.has(codeOf(error));
}
