/**
 * Runs attempts of the stages whose batches are cut into calls: hooks, calls, journal records.
 *
 * The owner keeps the rows of the batches, and decides what becomes of an attempt.
 */
import type { HoldReason } from '../../../../machines/context.js';
import type { Clock } from '../../../platform/clock.js';
import { hashOfRows } from '../../../sources/rows-hash.js';
import { addSpending, checkSpending, NOTHING_SPENT, type Spending } from '../../../spending/spending.js';
import { callAfter, callBefore, callOnError } from '../../../stages/attempt.js';
import type { Abortable, AttemptContext, LazyAbort } from '../../../stages/attempt-context.js';
import { hasCache, uncachedRows } from '../../../stages/cache/free-calls.js';
import type { CallGate } from '../../../stages/calls/call-gate.js';
import { ANSWERS } from '../../../stages/calls/further-request.js';
import { idempotencyKeyOf } from '../../../stages/idempotency-key.js';
import type { AnyStage } from '../../../stages/stage.js';
import { type LossCeiling, refusedLosses } from '../holding/loss-ceiling.js';
import type { InFlightBatch } from '../in-flight-batch.js';
import type { RunSpending } from '../spending/run-spending.js';
import { BatchCalls } from './batch-calls.js';
import type { Call } from './call.js';
import { CallJournal, type CallJournalOptions, lostInBatch } from './call-journal.js';
import type { CallsEnd } from './calls-port.js';
import { type StageCalls, stageCalls } from './stage-calls.js';

export interface CallProcessorOptions extends CallJournalOptions {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly spending: RunSpending;
  /** Per stage; undefined: it has none. */
  readonly gates: readonly (CallGate | undefined)[];
  /** Undefined: any number of rows may be lost. */
  readonly losses: LossCeiling | undefined;
}

/** An attempt, as its runner sees it. */
export interface CallAttempt {
  readonly clock: Clock;
  readonly abort: Abortable;
  readonly attempt: number;
  /** Of hooks. */
  readonly context: AttemptContext;
  /** Why no call may begin; undefined: it may. */
  holdReason(): HoldReason | undefined;
  /** The attempt's first call begins. */
  beginAttempt(): void;
  /** @param makeKey the idempotency key of the call */
  contextOf(abort: LazyAbort, makeKey: () => string, spend: (amounts: Spending) => void): AttemptContext;
  /** Watches a call that may never settle. @returns stops watching. */
  watchCall(startedAt: number): () => void;
  /** @param busyMs of calls, added up. @param activeMs with at least one call. */
  countCalls(busyMs: number, activeMs: number): void;
}

/** The calls ask the service for what the cache does not have. */
async function findCached(stage: AnyStage, calls: readonly Call[], now: number): Promise<void> {
  for (const call of calls)
    if (call.output === undefined && call.asked === undefined)
      call.asked = await uncachedRows(stage, call.rows, now);
}

export class CallProcessor {
  readonly #plans: (StageCalls | undefined)[];
  readonly #journal: CallJournal;
  /** The calls of each batch in the stage that it is in. */
  readonly #calls = new WeakMap<InFlightBatch, BatchCalls>();

  constructor(private readonly options: CallProcessorOptions) {
    const { stages, gates, journal } = options;
    this.#journal = new CallJournal(options);
    this.#plans = stages.map((stage, i) => stageCalls(stage, i, gates[i], journal !== undefined));
    for (const plan of this.#plans)
      if (plan !== undefined && this.#journal.hasCalls(plan.stage.name)) plan.isProbed = false;
  }

  /** Whether the batches of a stage are cut into calls. */
  makesCalls(stageIndex: number): boolean {
    return this.#plans[stageIndex] !== undefined;
  }

  /** Calls of the stage at once, where they are counted over all batches. */
  resize(stageIndex: number, concurrency: number): void {
    this.#plans[stageIndex]?.sharedSlots?.resize(concurrency);
  }

  /** The function of a stage has turned out to be synchronous. */
  forgetCalls(stageIndex: number): void {
    this.#plans[stageIndex] = undefined;
  }

  /** Rows of a batch in the source when a call of it was journaled; undefined: none is. */
  async sizeOf(batch: number, rowOffset: number): Promise<number | undefined> {
    for (const plan of this.#plans) {
      if (plan?.isJournaled !== true) continue;
      const size = await this.#journal.sizeOf(plan.stage.name, batch, rowOffset);
      if (size !== undefined) return size;
    }
    return undefined;
  }

  /** Makes the calls of a batch that are open. Rejects with what a hook threw, or with the reason of an abort. */
  async runAttempt(batch: InFlightBatch, stageIndex: number, run: CallAttempt): Promise<CallsEnd> {
    const plan = this.#plans[stageIndex] as StageCalls;
    const { spending } = this.options;
    const { stage } = plan;
    const calls = this.#callsOf(batch, plan);
    if (stage.hooks.before !== undefined && calls.begun !== run.attempt) await this.#callBefore(stage, run);
    const ended = await calls.runAttempt({
      ...{ clock: run.clock, abort: run.abort, attempt: run.attempt },
      refusedLosses: (rows, memory) =>
        stage.onError === 'fail' ? undefined : refusedLosses(this.options.losses, stageIndex, rows, memory),
      holdReason: () => run.holdReason(),
      beginAttempt: () => run.beginAttempt(),
      contextOf: (call, abort) => this.#contextOf(batch, plan, call, abort, run),
      watchCall: (startedAt) => run.watchCall(startedAt),
      settleCall: (call) => {
        call.meter.isOver = true;
        const place = { stageIndex, batch: batch.index, call: call.index };
        if (!call.isFree) return spending.settle(place, call.requested.length, call.meter.spent);
        spending.spend(stageIndex, batch.index, call.meter.spent);
        return call.meter.spent;
      },
      findCached: (all) => (hasCache(stage) ? findCached(stage, all, run.clock.now()) : undefined),
      keepAnswers: (call, answers) => {
        call.answers = new Map([...call.answers, ...answers]);
        return plan.isJournaled ? this.#journal.keepAnswers(plan, batch, call, answers) : undefined;
      },
      restoreCalls: (all) => (plan.isJournaled ? this.#journal.restoreCalls(plan, batch, all) : undefined),
      keepCall: (call, rows, spent) => {
        if (plan.isJournaled) return this.#journal.keepCall(plan, batch, call, rows, spent);
        return { rows, parts: [], rowsOut: rows.length, lost: lostInBatch(call) };
      },
    });
    calls.activeMs += ended.activeMs;
    if (ended.end.kind !== 'synchronous') run.countCalls(ended.busyMs, calls.activeMs);
    if (ended.end.kind === 'done') this.#calls.delete(batch);
    for (const { error, row } of ended.failures) await callOnError(stage, run.context, error, row);
    return ended;
  }

  #callsOf(batch: InFlightBatch, plan: StageCalls): BatchCalls {
    const begun = this.#calls.get(batch);
    if (begun?.plan === plan) return begun;
    const calls = new BatchCalls(plan, batch.index, batch.decodeRows());
    this.#calls.set(batch, calls);
    return calls;
  }

  async callAfter(stageIndex: number, context: AttemptContext, rowsOut: number): Promise<void> {
    const stage = this.options.stages[stageIndex] as AnyStage;
    try {
      await callAfter(stage, context, rowsOut);
    } catch (error) {
      await callOnError(stage, context, error, undefined);
      throw error;
    }
  }

  async #callBefore(stage: AnyStage, { context }: CallAttempt): Promise<void> {
    try {
      await callBefore(stage, context);
    } catch (error) {
      await callOnError(stage, context, error, undefined);
      throw error;
    }
  }

  #contextOf(
    batch: InFlightBatch,
    plan: StageCalls,
    call: Call,
    abort: LazyAbort,
    run: CallAttempt,
  ): AttemptContext {
    const { stage, isJournaled } = plan;
    const { sessionId, spending } = this.options;
    // The function may change its rows in place.
    if (isJournaled) call.inputHash ||= hashOfRows(call.rows);
    const { name } = stage;
    // Without `rowsPerCall` as before: whether a plain function makes calls is not known when it is called first.
    const makeKey =
      stage.rowsPerCall === undefined
        ? () => idempotencyKeyOf(sessionId, name, batch.index, batch.inputHash)
        : () => {
            call.inputHash ||= hashOfRows(call.rows);
            return idempotencyKeyOf(sessionId, name, `${batch.index}:${call.index}`, call.inputHash);
          };
    const meter = { spent: NOTHING_SPENT, isOver: false };
    call.meter = meter;
    const spend = (given: Spending) => {
      const amounts = checkSpending('context.spend()', given);
      if (meter.isOver) spending.spend(plan.stageIndex, batch.index, amounts);
      else meter.spent = addSpending(meter.spent, amounts);
    };
    const context = run.contextOf(abort, makeKey, spend);
    return call.answers.size === 0 ? context : Object.assign(context, { [ANSWERS]: call.answers });
  }
}
