/**
 * Every error that the product throws on purpose. Each has a class and a stable `code`. Its message says what happened,
 * where, and what to do. It never quotes a row, an environment value or an option's value.
 */

import type { HoldReason } from '../machines/context.js';
import { PipelineError } from './pipeline-error.js';

export { hasErrorCode, isPipelineError, PipelineError } from './pipeline-error.js';

/** A command that the state does not allow (I2). */
export class IllegalCommandError extends PipelineError {
  readonly code = 'ILLEGAL_COMMAND';
  constructor(
    readonly command: string,
    readonly state: string,
    readonly legal: readonly string[],
  ) {
    super(`Cannot ${command} while ${state}: legal now: ${legal.length > 0 ? legal.join(', ') : 'nothing'}.`);
  }
}

/** `execute` or `resume` was ended by `cancel` (I17). The session can be resumed. */
export class PipelineCancelledError extends PipelineError {
  readonly code = 'CANCELLED';
  constructor(readonly sessionId: string) {
    super(`Session ${sessionId} was cancelled. Its checkpoint is kept: resume it with its id.`);
  }
}

/** A `run()` was paused: by its handle, by another process, or by itself. The session is free: any process can resume it. */
export class PipelinePausedError extends PipelineError {
  readonly code = 'PAUSED';
  constructor(
    readonly sessionId: string,
    /** Why it paused by itself; undefined: a command asked for the pause. */
    readonly reason?: HoldReason,
  ) {
    super(
      reason === undefined
        ? `Session ${sessionId} was paused. Its checkpoint is kept: resume it with its id.`
        : `Session ${sessionId} paused by itself: ${reason.message} ${reason.advice}`,
    );
  }
}

/** An option, a stage or a pipeline is wrongly put together; found before anything runs. */
export class InvalidOptionError extends PipelineError {
  readonly code = 'INVALID_OPTION';
}

/** No stored session has this id. */
export class CheckpointNotFoundError extends PipelineError {
  readonly code = 'CHECKPOINT_NOT_FOUND';
  constructor(
    readonly sessionId: string,
    where = 'this store',
  ) {
    super(
      `No session ${JSON.stringify(sessionId).slice(0, 80)} in ${where}. "xstate-pipeline sessions" lists what is stored.`,
    );
  }
}

const ADVICE_ON_CORRUPT =
  'Resume from the journal of its durable stages (fromJournal: true, or --from-journal), restore the file from a backup, or start afresh';

/** No generation of a session's checkpoint can be trusted (I9). */
export class CorruptCheckpointError extends PipelineError {
  readonly code = 'CORRUPT_CHECKPOINT';
  constructor(
    readonly sessionId: string,
    readonly reasons: readonly string[],
    { advice = ADVICE_ON_CORRUPT, ...options }: ErrorOptions & { readonly advice?: string } = {},
  ) {
    super(
      `The checkpoint of session ${sessionId} cannot be used: ${reasons.join('; ')}. ${advice}.`,
      options,
    );
  }
}

/** The state directory, or a session's place in it, cannot be used: not a directory, a symlink, no permission. */
export class StateDirectoryError extends PipelineError {
  readonly code = 'STATE_DIRECTORY';
}

/** A checkpoint could not be made durable; the run fails, nothing is retried (I6). */
export class CheckpointWriteError extends PipelineError {
  readonly code = 'CHECKPOINT_WRITE';
}

/** Resuming would not continue the same run (I15). */
export class PipelineMismatchError extends PipelineError {
  readonly code = 'PIPELINE_MISMATCH';
  /** @param mayForce whether `force` accepts it: it cannot replace missing input or output. */
  constructor(
    readonly differences: readonly string[],
    readonly mayForce: boolean = true,
  ) {
    const advice = mayForce
      ? 'Start afresh, or resume with force (--force) to accept it.'
      : 'Put it back and resume, resume from the journal (--from-journal), or start afresh.';
    super(`This is not the run that was stored: ${differences.join('; ')}. ${advice}`);
  }
}

/** Another process, or another executor of this one, runs the session (I10). */
export class SessionLockedError extends PipelineError {
  readonly code = 'SESSION_LOCKED';
  constructor(
    readonly sessionId: string,
    readonly pid?: number,
    /** The output that both sessions write. */
    output?: string,
  ) {
    const by = pid === undefined ? '' : ` by process ${pid}`;
    const writes = output === undefined ? '' : `, and writes to ${output}`;
    const or = output === undefined ? '' : ', or write to another file';
    super(`Session ${sessionId} is being run${by}${writes}. Pause or cancel it there first${or}.`);
  }
}

/** A command was sent to a session that no process runs. */
export class NoOwnerError extends PipelineError {
  readonly code = 'NO_OWNER';
  constructor(readonly sessionId: string) {
    super(`No process runs session ${sessionId}. "xstate-pipeline show ${sessionId}" shows its state.`);
  }
}

/** The owner of a session refused a command, or did not answer. */
export class ControlError extends PipelineError {
  readonly code = 'CONTROL';
  constructor(
    message: string,
    /** The `code` of the error that the owner answered with; undefined without an answer. */
    readonly answerCode?: string,
  ) {
    super(message);
  }
}

/** The journal of a session is damaged before its end (I8, I9). */
export class CorruptJournalError extends PipelineError {
  readonly code = 'CORRUPT_JOURNAL';
}

/** The keyed state of `fold` or `distinct` is damaged, or is not there any more. */
export class CorruptStateError extends PipelineError {
  readonly code = 'CORRUPT_STATE';
  /** @param log the state log. @param problem what is wrong with it. */
  constructor(log: string, problem: string, options?: ErrorOptions) {
    super(
      `The keyed state in ${log} cannot be used: ${problem}. The session cannot be resumed from this checkpoint: run the pipeline again.`,
      options,
    );
  }
}

/** What `init` or `step` of a fold returned cannot be kept as JSON. The run ends, whatever `onError` is. */
export class InvalidStateError extends PipelineError {
  readonly code = 'INVALID_STATE';
}

/** A stage's attempt outlived its `timeoutMs`. */
export class StageTimeoutError extends PipelineError {
  readonly code = 'STAGE_TIMEOUT';
  /** @param row index in the batch, where the limit is `rowTimeoutMs` */
  constructor(stage: string, batch: number, timeoutMs: number, row?: number) {
    const over = row === undefined ? '' : `row ${row} of `;
    super(`Stage "${stage}" took longer than ${timeoutMs} ms over ${over}batch ${batch}.`);
  }
}

/** A stage failed for good; `cause` is what it threw. */
export class StageError extends PipelineError {
  readonly code = 'STAGE_FAILED';
}

/** A row failed in a stage; `cause` is what it threw. */
export class RowError extends PipelineError {
  readonly code = 'ROW_FAILED';
  constructor(
    readonly stage: string,
    /** Index of the row within its batch, as the stage received it, from 0. */
    readonly index: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A row does not fit a stage's input or output schema. */
export class SchemaError extends PipelineError {
  readonly code = 'SCHEMA';
}

/** A line or record of a source that cannot be read as a row. */
export class MalformedRowError extends PipelineError {
  readonly code = 'MALFORMED_ROW';
  readonly #record: { readonly row?: number | undefined; readonly text?: string | undefined };

  constructor(
    readonly file: string,
    /** From 1, counted from where the source was opened; undefined after a reopening in the middle. */
    readonly line: number | undefined,
    /** Offset of the line's first byte in the file. */
    readonly byte: number,
    readonly what: string,
    record: { readonly row?: number | undefined; readonly text?: string | undefined } = {},
  ) {
    super(`${file}${line === undefined ? '' : `, line ${line}`}, byte ${byte}: ${what}.`);
    this.#record = record;
  }

  /** Its row in the batch, from 0; undefined if the source does not say. */
  get row(): number | undefined {
    return this.#record.row;
  }

  /** The record as it stands in the file, for the dead letter. A getter, so that logs do not print it. */
  get text(): string | undefined {
    return this.#record.text;
  }
}

/** A source cannot be opened or read. */
export class SourceError extends PipelineError {
  readonly code = 'SOURCE';
}

/** A sink cannot be opened, written, flushed or published. */
export class SinkError extends PipelineError {
  readonly code = 'SINK';
}

/** A batch was in flight in several crashes, alone in the last one. */
export class PoisonBatchError extends PipelineError {
  readonly code = 'POISON_BATCH';
  constructor(
    readonly batch: number,
    readonly rowOffset: number,
    readonly rows: number,
    readonly crashes: number,
  ) {
    super(
      `Batch ${batch} (rows ${rowOffset} to ${rowOffset + rows - 1} of the source) was in flight in ${crashes} crashes. Fix its rows or the stage, then resume, or set onPoison to 'skip' or 'dead-letter'. If the process was killed from outside, resume.`,
    );
  }
}

/** The run was about to lose more rows than its option `losses` allows, and `then` is 'fail'. The session can be resumed. */
export class LossesError extends PipelineError {
  readonly code = 'LOSSES';
}

/** The input had rows, and errors left no output at all (I12). */
export class NoUsableOutputError extends PipelineError {
  readonly code = 'NO_USABLE_OUTPUT';
}

/** `deliver` failed for good. The output is published; a resume delivers it again. `cause` is what it threw. */
export class DeliveryError extends PipelineError {
  readonly code = 'DELIVERY';
}

/** A worker thread ended, and with it the attempts that it was making. */
export class WorkerThreadError extends PipelineError {
  readonly code = 'WORKER_THREAD';
  constructor(why: string, options?: ErrorOptions) {
    super(`A worker thread ended: ${why}.`, options);
  }
}

/** The command line's pipeline file cannot be loaded. */
export class PipelineFileError extends PipelineError {
  readonly code = 'PIPELINE_FILE';
}

/** A recording is missing, or has no such moment. */
export class RecordingError extends PipelineError {
  readonly code = 'RECORDING';
}

/** The outputs of two runs cannot be compared, or a run cannot be forked. */
export class ForkError extends PipelineError {
  readonly code = 'FORK';
}

/** The dead letters of a session cannot be taken again. */
export class RedriveError extends PipelineError {
  readonly code = 'REDRIVE';
}

/** `inspect` needs the inspector's package, which is installed separately. */
export class InspectorMissingError extends PipelineError {
  readonly code = 'INSPECTOR_MISSING';
  constructor(install: string, what = 'is not installed') {
    super(`The inspector is a package of its own and ${what}: ${install}`);
  }
}
