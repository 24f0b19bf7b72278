/**
 * What travels between the run and its worker threads: bytes and figures, never rows as objects, which are slower to
 * ship than to decode again.
 */
import { codeOf, MalformedRowError, messageOf, SinkError } from '../../errors.js';
import type { RawRows } from '../../sources/source.js';
import type { FusedStageCounters } from './fuse.js';
import type { FusedBatchTask } from './run-fused-batch.js';

/** One batch's way through the stages that share a pass. */
export interface ThreadJob {
  readonly sessionId: string;
  /** The first stage of the pass, and how many share it. */
  readonly first: number;
  readonly stages: number;
  readonly batch: number;
  readonly rowOffset: number;
  readonly attempt: number;
  readonly raw: RawRows;
}

/** An error on its way: what a receiver can make one of again. */
export interface SerializedError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly stack: string | undefined;
}

export interface SerializedCounters {
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** `row` is JSON text; undefined where it has none. */
  readonly failures: readonly {
    readonly index: number;
    readonly row: string | undefined;
    readonly error: SerializedError;
  }[];
}

export interface SerializedMalformed {
  readonly file: string;
  readonly line: number | undefined;
  readonly byte: number;
  readonly what: string;
  readonly row: number | undefined;
  readonly text: string | undefined;
}

export type ThreadResult =
  | {
      readonly kind: 'passed';
      /** JSON Lines. */
      readonly lines: Uint8Array;
      readonly rows: number;
      readonly parts: readonly SerializedCounters[];
      readonly malformed: readonly SerializedMalformed[];
    }
  /** A stage answered with a promise: the pass is not for it. */
  | { readonly kind: 'bailed'; readonly stage: number }
  /** The rows that came out cannot be written. */
  | { readonly kind: 'unwritable'; readonly message: string };

export function serializeError(error: unknown): SerializedError {
  const isError = error instanceof Error;
  return {
    name: isError ? error.name : typeof error,
    code: codeOf(error),
    message: messageOf(error),
    stack: isError ? error.stack : undefined,
  };
}

/** The error again, with its stack in the thread where it was thrown. */
export function deserializeError({ name, code, message, stack }: SerializedError): Error {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (stack !== undefined) error.stack = stack;
  return code === name ? error : Object.assign(error, { code });
}

export const deserializeMalformed = ({
  file,
  line,
  byte,
  what,
  ...record
}: SerializedMalformed): MalformedRowError => new MalformedRowError(file, line, byte, what, record);

export function deserializeCounters({ rowsIn, rowsOut, failures }: SerializedCounters): FusedStageCounters {
  const received = failures.map(({ index, row, error }) => ({
    index,
    row: row === undefined ? null : (JSON.parse(row) as unknown),
    error: deserializeError(error),
  }));
  return { rowsIn, rowsOut, failures: received };
}

export const unwritable = (message: string): SinkError => new SinkError(message);

/** Batches that each thread has at once: one that it works on, one that waits for it. */
export const BATCHES_PER_THREAD = 2;

/** Does the work of passes elsewhere, several at a time. */
export interface FusionThreads {
  /** A thread is up, and has room for a job; where none is, the run does the work itself. */
  readonly isFree: boolean;
  /** What a thread does with the rows that come out, for those that do not come from one: `linesOf` puts it together. */
  readonly encode: NonNullable<FusedBatchTask['encode']>;
  /** @throws {WorkerThreadError} when the thread died over it. */
  run(job: ThreadJob): Promise<ThreadResult>;
  /** Ends every thread at once, whatever it is doing. */
  close(): Promise<void>;
}

export interface ThreadsOptions {
  /** How many, beside the run's own. */
  readonly count: number;
  /** The pipeline file that each thread imports. */
  readonly file: string | URL;
  /** Of the stages, so that a thread with other code is refused. */
  readonly fingerprints: readonly string[];
  /** A thread cannot do its work at all: its file does not load, or is another pipeline. */
  readonly onUnfit: (error: unknown) => void;
}
