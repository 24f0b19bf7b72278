/**
 * What observers see. Payloads are references and counts, never rows (I3). Two of these are promises, announced only
 * when the fsync behind them is done (I6): `batch.completed` with `durable: true`, and `batches.committed`.
 */

import type { ErrorData, HoldReason, JsonObject, StageCounters } from '../../machines/context.js';
import type { SpendingTotals } from '../spending/ledger.js';

import type { Projection } from './projection.js';

export type { ErrorData, HoldReason, Projection, StageCounters };

/** Every event has the session and the time (milliseconds since the epoch); `traceId` if the run is traced. */
export interface Stamp {
  readonly sessionId: string;
  readonly at: number;
  readonly traceId?: string;
}

/** The events of a run, discriminated by `type`. */
export type PipelineEvent = Stamp &
  (
    | {
        readonly type: 'pipeline.started';
        readonly pipeline: string;
        readonly stages: readonly string[];
        /** True: the run resumes from a checkpoint. */
        readonly resumed: boolean;
        /** Batches committed before this start. */
        readonly fromBatch: number;
        readonly rowsIn: number;
        readonly rowsOut: number;
        /** Size of the input where known. */
        readonly total?: { readonly unit: 'bytes' | 'rows'; readonly value: number };
        readonly done: number;
        /** What each stage did before this start, if the run resumes from a checkpoint. */
        readonly counters?: readonly StageCounters[];
      }
    | {
        readonly type: 'pipeline.paused';
        readonly batches: number;
        readonly rowsIn: number;
        readonly rowsOut: number;
        /** Why the run paused by itself; absent: a command asked for the pause. */
        readonly reason?: HoldReason;
        /** What the session has spent, over all processes (I21); absent: nothing. */
        readonly spending?: SpendingTotals;
        /** What the rest will take, after a sample of an input of known size. */
        readonly projection?: Projection;
      }
    | { readonly type: 'pipeline.resumed'; readonly fromBatch: number }
    | { readonly type: 'pipeline.cancelled'; readonly batches: number }
    | {
        readonly type: 'pipeline.completed';
        readonly success: boolean;
        readonly isComplete: boolean;
        readonly batches: number;
        readonly rowsIn: number;
        readonly rowsOut: number;
        readonly durationMs: number;
        /** What the session has spent, over all processes (I21); absent: nothing. */
        readonly spending?: SpendingTotals;
      }
    | { readonly type: 'pipeline.failed'; readonly error: ErrorData; readonly batches: number }
    | { readonly type: 'stage.started'; readonly stage: string }
    | { readonly type: 'stage.completed'; readonly stage: string; readonly counters: StageCounters }
    | {
        readonly type: 'stage.failed';
        readonly stage: string;
        readonly batch: number;
        readonly error: ErrorData;
      }
    | {
        /** An attempt has not settled for 30 s; then again whenever its age has doubled. It continues: only `timeoutMs` ends it. */
        readonly type: 'stage.stalled';
        readonly stage: string;
        readonly batch: number;
        readonly attempt: number;
        readonly ageMs: number;
      }
    | {
        readonly type: 'batch.started';
        readonly stage: string;
        readonly batch: number;
        readonly attempt: number;
      }
    | {
        readonly type: 'batch.completed';
        readonly stage: string;
        readonly batch: number;
        readonly rowsIn: number;
        readonly rowsOut: number;
        /** The attempt that succeeded, from 1; 0 where none was made, because the output was taken from the journal. */
        readonly attempt: number;
        /** 0 where it was taken from the journal, and where the work was done in the pass of an earlier stage. */
        readonly durationMs: number;
        /** Its output is in the journal and will never be computed again. */
        readonly durable: boolean;
        /** Taken from the journal, not computed: no `batch.started` came before. */
        readonly fromJournal: boolean;
      }
    | {
        readonly type: 'batch.retried';
        readonly stage: string;
        readonly batch: number;
        /** The attempt that failed. */
        readonly attempt: number;
        readonly delayMs: number;
        readonly error: ErrorData;
      }
    | {
        /** No permit for the attempt: the batch holds no slot until it asks again. No `batch.started` of the attempt came before. */
        readonly type: 'batch.deferred';
        readonly stage: string;
        readonly batch: number;
        /** The attempt that has not begun. */
        readonly attempt: number;
        readonly delayMs: number;
        /** Name of the limiter. */
        readonly waitingFor: string;
      }
    | {
        /** The run pauses by itself: the batch keeps its rows, and the attempt is repeated when the run resumes. */
        readonly type: 'batch.held';
        readonly stage: string;
        readonly batch: number;
        readonly attempt: number;
        /** What paused the run; absent: the batch was to make more calls when another one did. */
        readonly error?: ErrorData;
      }
    | {
        /** A share of a budget is spent. Each share is announced once a process. */
        readonly type: 'budget.warning';
        /** Absent: the pipeline's budget. */
        readonly stage?: string;
        readonly unit: 'usd' | 'tokens' | 'calls' | 'rows' | 'activeMs';
        /** Of `warnAt`. */
        readonly share: number;
        readonly limit: number;
        readonly used: number;
      }
    | {
        /** A whole batch was left out, by `onError`; the stage's `batch.completed`, with no rows out, follows. */
        readonly type: 'batch.skipped';
        readonly stage: string;
        readonly batch: number;
        readonly rows: number;
        readonly deadLettered: boolean;
        readonly error: ErrorData;
      }
    | {
        readonly type: 'row.failed';
        /** The stage, or 'source' for a row that could not be read. */
        readonly stage: string;
        readonly batch: number;
        /** Index within the batch as the stage received it. */
        readonly row: number;
        readonly deadLettered: boolean;
        readonly error: ErrorData;
      }
    | {
        readonly type: 'checkpoint.saved';
        readonly state: string;
        readonly batches: number;
        readonly bytes: number;
        readonly durationMs: number;
      }
    | {
        /** Every batch up to and including `upTo` is in sink and checkpoint. */
        readonly type: 'batches.committed';
        readonly upTo: number;
        readonly rowsIn: number;
        readonly rowsOut: number;
        /** How much of `total` lies behind the watermark, in its unit. */
        readonly done: number;
        /** What the journal takes on the disk, before it is trimmed for this; absent where no stage is durable. */
        readonly journalBytes?: number;
        /** What the session has spent, over all processes (I21); absent: nothing. */
        readonly spending?: SpendingTotals;
      }
    | {
        /** The output is published, and an attempt of `deliver` begins. */
        readonly type: 'delivery.started';
        /** From 1, in this process. */
        readonly attempt: number;
      }
    | {
        readonly type: 'delivery.failed';
        readonly attempt: number;
        readonly error: ErrorData;
        /** Milliseconds until the next attempt; absent: there is none. */
        readonly delayMs?: number;
      }
    | { readonly type: 'delivery.completed'; readonly attempt: number; readonly durationMs: number }
    | {
        /** `tune` has changed concurrency or rate limits: what is in force now. */
        readonly type: 'tuned';
        readonly tuning: JsonObject;
      }
    | { readonly type: 'notice'; readonly message: string }
  );

/** The types of events. */
export type EventType = PipelineEvent['type'];
/** The event of a type. */
export type PipelineEventOf<T extends EventType> = Extract<PipelineEvent, { type: T }>;
