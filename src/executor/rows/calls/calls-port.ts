/** What an attempt over the calls of a batch asks of its owner, and how it ends. */
import type { HoldReason } from '../../../../machines/context.js';
import type { Clock } from '../../../platform/clock.js';
import type { Spending } from '../../../spending/spending.js';
import type { AttemptMemory } from '../../../stages/attempt.js';
import type { Abortable, AttemptContext, LazyAbort } from '../../../stages/attempt-context.js';
import type { Deferred, Held } from '../../../stages/calls/call-gate.js';
import type { Answers } from '../../../stages/calls/further-request.js';
import type { Call, CallFailure, CallOutput } from './call.js';

/** What an attempt over the calls of a batch asks of its owner. */
export interface CallsHost {
  readonly clock: Clock;
  /** Of the attempt. */
  readonly abort: Abortable;
  readonly attempt: number;
  /** Rows that the attempts at a call remember as lost are about to be lost. @returns why not; undefined: they are. */
  refusedLosses(rows: number, memory: AttemptMemory): unknown;
  /** Why no call may begin; undefined: it may. */
  holdReason(): HoldReason | undefined;
  /** The attempt's first call begins. */
  beginAttempt(): void;
  contextOf(call: Call, abort: LazyAbort): AttemptContext;
  /** Watches a call that may never settle. @returns stops watching. */
  watchCall(startedAt: number): () => void;
  /** The call has ended. @returns what it has spent. */
  settleCall(call: Call): Spending;
  /** Takes the calls from the journal that it has. @returns undefined: it has none. */
  restoreCalls(calls: readonly Call[]): Promise<void> | undefined;
  /** Finds what the calls need not ask for. @returns undefined: the stage has no cache. */
  findCached(calls: readonly Call[]): Promise<void> | undefined;
  /** Keeps the answers of a request for the next requests of its call. */
  keepAnswers(call: Call, answers: Answers): Promise<void> | undefined;
  /** Makes the output of a call durable. Resolves to what is kept of it. */
  keepCall(call: Call, rows: readonly unknown[], spent: Spending): Promise<CallOutput> | CallOutput;
}

/** The work of an attempt: what it took, and how it ended. */
export interface CallsEnd {
  /** Milliseconds in calls; calls that ran at once add up. */
  readonly busyMs: number;
  /** Milliseconds with at least one call. */
  readonly activeMs: number;
  readonly end:
    | { readonly kind: 'done'; readonly outputs: readonly CallOutput[]; readonly fromJournal: boolean }
    | { readonly kind: 'failed'; readonly failure: CallFailure }
    /** The function is synchronous: it has been called for the first row alone. */
    | { readonly kind: 'synchronous'; readonly memory: AttemptMemory }
    | Deferred
    | Held;
  /** The rows and calls that failed in this attempt; `row` undefined: a whole call. */
  readonly failures: readonly { readonly error: unknown; readonly row: number | undefined }[];
}
