/**
 * Messages between the run and its worker threads: bytes and counters. Rows as objects would take longer to send than to
 * decode again.
 */
import { MalformedRowError } from '../../errors.js';
import type { RawRows } from '../../sources/source.js';
import type { FusedStageCounters } from './fuse.js';
import type { FusedBatchTask } from './run-fused-batch.js';
import { deserializeError, type SerializedError, serializeError } from './serialized-error.js';

/** One batch for the fused stages of a thread. */
export interface ThreadJob {
  readonly sessionId: string;
  /** The first of the fused stages. */
  readonly first: number;
  readonly batch: number;
  readonly rowOffset: number;
  readonly attempt: number;
  readonly raw: RawRows;
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

/** A promise that has settled in a thread. `json` is undefined where the value is. */
export type SerializedAnswer =
  | { readonly isFulfilled: true; readonly json: string | undefined }
  | { readonly isFulfilled: false; readonly error: SerializedError };

export type ThreadResult =
  | {
      readonly kind: 'processed';
      /** JSON Lines. */
      readonly lines: Uint8Array;
      readonly rows: number;
      readonly counters: readonly SerializedCounters[];
      readonly malformed: readonly SerializedMalformed[];
      /** The next stage is asynchronous: the value of its first call. */
      readonly firstAnswer: SerializedAnswer | undefined;
    }
  /** The thread knows the first stage to be asynchronous, and did nothing. */
  | { readonly kind: 'not-fused' }
  /** The batch failed as a whole: rows that cannot be encoded, for example. */
  | { readonly kind: 'failed'; readonly error: SerializedError };

export function serializeCounters({ rowsIn, rowsOut, failures }: FusedStageCounters): SerializedCounters {
  const sent = failures.map(({ index, row, error }) => ({
    ...{ index, row: jsonOf(row), error: serializeError(error) },
  }));
  return { rowsIn, rowsOut, failures: sent };
}

export function deserializeCounters({ rowsIn, rowsOut, failures }: SerializedCounters): FusedStageCounters {
  const received = failures.map(({ index, row, error }) => ({
    index,
    row: row === undefined ? null : (JSON.parse(row) as unknown),
    error: deserializeError(error),
  }));
  return { rowsIn, rowsOut, failures: received };
}

export function serializeMalformed(error: MalformedRowError): SerializedMalformed {
  const { file, line, byte, what, row, text } = error;
  return { file, line, byte, what, row, text };
}

export function deserializeMalformed(malformed: SerializedMalformed): MalformedRowError {
  const { file, line, byte, what, ...record } = malformed;
  return new MalformedRowError(file, line, byte, what, record);
}

export async function serializeAnswer(answer: PromiseLike<unknown>): Promise<SerializedAnswer> {
  try {
    return { isFulfilled: true, json: jsonOf(await answer) };
  } catch (error) {
    return { isFulfilled: false, error: serializeError(error) };
  }
}

export function deserializeAnswer(answer: SerializedAnswer): Promise<unknown> {
  if (!answer.isFulfilled) return Promise.reject(deserializeError(answer.error));
  return Promise.resolve(answer.json === undefined ? undefined : JSON.parse(answer.json));
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Batches that a thread has at once: one in progress, one waiting. */
export const BATCHES_PER_THREAD = 2;

/** Runs fused stages in other threads, several batches at a time. */
export interface FusionThreads {
  /** Whether a thread is up and has room for a job. If not, the run's own thread does the work. */
  readonly hasRoom: boolean;
  /** Encodes rows as a thread does, for rows that do not come from one; `linesOf` joins the parts. */
  readonly encode: NonNullable<FusedBatchTask['encode']>;
  /** @throws {WorkerThreadError} when the thread ended over it. */
  runJob(job: ThreadJob): Promise<ThreadResult>;
  /** Ends every thread at once. */
  close(): Promise<void>;
}

export interface ThreadsOptions {
  /** How many, beside the run's own. */
  readonly count: number;
  /** The pipeline file that each thread imports. */
  readonly file: string | URL;
  /** Of the stages, so that a thread with other code is refused. */
  readonly fingerprints: readonly string[];
  /** A thread cannot work at all: its file does not load, or exports another pipeline. */
  readonly onUnfit: (error: unknown) => void;
}
