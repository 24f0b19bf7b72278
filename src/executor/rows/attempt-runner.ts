/**
 * Runs attempts for the stage actors: starts and measures them, and answers the actor that asked.
 *
 * 1. Every attempt has its own `AbortSignal`. Cancel, a timeout and a failed run abort it (I17), and it is not awaited.
 * 2. An attempt ends in exactly one answer, or in none after `abortAll`. It never throws into the machine.
 * 3. Time and random numbers are injected (I14).
 * 4. An attempt that does not settle is reported (`stage.stalled`) and continues.
 */
import type { ErrorData, HoldReason } from '../../../machines/context.js';
import { StageTimeoutError } from '../../errors.js';
import type { Clock, Random } from '../../platform/clock.js';
import type { Tracing } from '../../platform/environment.js';
import type { Logger } from '../../platform/logger.js';
import { errorData, messageOf } from '../../platform/thrown.js';
import { retryDelayMs, wishedDelayMs } from '../../stages/backoff.js';
import { RETRY } from '../../stages/failures/retry-decision.js';
import type { AnyStage } from '../../stages/stage.js';
import { isThenable } from '../../stages/thenable.js';
import type { EventDraft } from '../publish.js';
import type { AttemptMetrics, AttemptOutcome, UnfinishedAttempt } from './attempt-outcome.js';
import { AttemptEvents } from './attempts/attempt-events.js';
import { contextOfAttempt } from './attempts/context-of-attempt.js';
import { RunningAttempt, type StageActor, WatchedCall } from './attempts/running-attempt.js';
import { Timers } from './attempts/timers.js';
import { traceAttempt } from './attempts/trace-attempt.js';
import type { BatchProcessor } from './batch-processor.js';
import type { LoadSignal } from './calls/call-gates.js';
import type { CallAttempt } from './calls/call-processor.js';
import { CompletionBatcher } from './completion-batcher.js';
import { LossRefused } from './holding/loss-ceiling.js';
import { quotaReason } from './holding/quota-reason.js';
import type { RunHold } from './holding/run-hold.js';
import { deferEarly, UNTIL_CALLED } from './keyed/await-turn.js';
import type { KeyedStages } from './keyed/keyed-stages.js';
import { endsTheRun, stageError, stopError } from './row-errors.js';
import { judgeAttempt } from './row-verdicts.js';
import type { RunSpending } from './spending/run-spending.js';
import { StallWatch } from './stall-watch.js';

export interface AttemptRunnerOptions {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly processor: BatchProcessor;
  readonly spending: RunSpending;
  readonly keyed: KeyedStages | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tracing: Tracing | undefined;
  readonly publish: (draft: EventDraft) => void;
  readonly hold: RunHold;
  /** Ends the run, whatever the stage's `onError`. */
  readonly fail: (error: unknown) => void;
}

export class AttemptRunner {
  readonly #running = new Map<number, RunningAttempt>();
  readonly #retries: Timers;
  readonly #events: AttemptEvents;
  readonly #completions = new CompletionBatcher();
  readonly #calls = new Set<WatchedCall>();
  readonly #stalls: StallWatch<RunningAttempt | WatchedCall>;
  #isAborted = false;
  /** What a stage threw when it failed for good: the event `stage.failed` carries data only. */
  lastFailure: unknown;

  constructor(private readonly options: AttemptRunnerOptions) {
    this.#retries = new Timers(options.clock);
    this.#events = new AttemptEvents(options.stages, options.publish);
    this.#stalls = new StallWatch({
      clock: options.clock,
      attempts: () => [...this.#calls, ...[...this.#running.values()].filter(({ isWatched }) => isWatched)],
      report: (watched, ageMs) => {
        const { stageIndex, batch, attempt } = watched instanceof WatchedCall ? watched.of : watched;
        const stage = this.#stage(stageIndex).name;
        options.publish({ type: 'stage.stalled', stage, batch, attempt, ageMs });
      },
    });
  }

  startAttempt(actor: StageActor, stageIndex: number, batch: number, attempt: number): void {
    if (this.#isAborted) return;
    if (this.options.hold.isClosedFor(stageIndex)) {
      actor.send({ type: 'attempt.held', batch, attempt });
      return;
    }
    const running = new RunningAttempt(actor, stageIndex, batch, attempt, this.options.clock.monotonic());
    if (deferEarly(this.options.keyed, running, () => this.#isAborted)) return;
    this.#running.set(this.#key(stageIndex, batch), running);
    if (this.options.processor.makesCalls(stageIndex, batch)) {
      this.#startCalls(running);
      return;
    }
    this.#events.publishStart(stageIndex, batch, attempt);
    this.#armTimeout(running);
    try {
      const outcome = this.#process(running);
      if (!isThenable(outcome)) {
        this.#completeAttempt(running, outcome as AttemptOutcome, true);
        return;
      }
      running.isWatched = true;
      this.#stalls.arm();
      outcome.then(
        (settled) => this.#completeAttempt(running, settled, false),
        (error: unknown) => this.#endFailed(running, error),
      );
    } catch (error) {
      this.#endFailed(running, error);
    }
  }

  /** The attempt begins with its first call, and ends when none is left or the others have to wait. */
  #startCalls(running: RunningAttempt): void {
    const { processor, clock, hold, tracing } = this.options;
    const { stageIndex, batch, attempt } = running;
    const run: CallAttempt = {
      ...{ clock, abort: running, attempt, context: contextOfAttempt(this.options, stageIndex, running) },
      holdReason: () => (hold.isClosedFor(stageIndex) ? hold.reason : undefined),
      beginAttempt: () => this.#events.publishStart(stageIndex, batch, attempt),
      contextOf: (abort, makeKey, spend) =>
        contextOfAttempt(this.options, stageIndex, running, abort, makeKey, spend),
      watchCall: (startedAt) => this.#watchCall(running, startedAt),
      countCalls: (busyMs, activeMs) => {
        running.calls = { busyMs, activeMs };
      },
    };
    const work = () => processor.processCalls(stageIndex, batch, run);
    (tracing === undefined ? work() : traceAttempt(tracing, this.options, running, work)).then(
      (settled) => {
        if ('kind' in settled) this.#suspendAttempt(running, settled);
        else this.#completeAttempt(running, settled, false);
      },
      (error: unknown) => this.#endFailed(running, error),
    );
  }

  #process(running: RunningAttempt) {
    const { processor, tracing } = this.options;
    const { stageIndex, batch } = running;
    const makeContext = (index: number) => contextOfAttempt(this.options, index, running);
    if (tracing === undefined) return processor.processBatch(stageIndex, batch, makeContext);
    return traceAttempt(tracing, this.options, running, () =>
      processor.processBatch(stageIndex, batch, makeContext),
    );
  }

  /** No call of it runs, and those that are left have to wait: the batch leaves its slot and keeps its attempt number. */
  #suspendAttempt(running: RunningAttempt, unfinished: UnfinishedAttempt): void {
    const { actor, stageIndex, batch, attempt } = running;
    const { clock, processor, publish } = this.options;
    const key = this.#key(stageIndex, batch);
    if (this.#isAborted || this.#running.get(key) !== running) return;
    this.#running.delete(key);
    processor.countAttempt(stageIndex, batch, running.calls?.busyMs ?? 0, false);
    if (unfinished.kind === 'hold') {
      this.#holdBatch(running, unfinished.reason, undefined);
      return;
    }
    const { dueAt, waitingFor } = unfinished;
    const delayMs = Math.max(0, dueAt - clock.now());
    const { name: stage } = this.#stage(stageIndex);
    publish({ type: 'batch.deferred', stage, batch, attempt, delayMs, waitingFor });
    actor.send({ type: 'attempt.deferred', batch, attempt, delayMs, dueAt, waitingFor });
  }

  /** What a call says about its service's load reaches the stage's actor. */
  reportLoad(stageIndex: number, signal: LoadSignal): void {
    if (!this.#isAborted) this.#running.get(this.#key(stageIndex, signal.batch))?.actor.send(signal);
  }

  armRetry(actor: StageActor, batch: number, delayMs: number): void {
    if (delayMs < UNTIL_CALLED) this.#retries.arm(delayMs, () => actor.send({ type: 'retry.due', batch }));
  }

  /** Aborts every attempt at once; no answer follows. */
  abortAll(reason: unknown): void {
    this.#isAborted = true;
    this.#completions.discardAll();
    this.#stalls.stop();
    this.#retries.stop();
    const running = [...this.#running.values()];
    this.#running.clear();
    this.#calls.clear();
    for (const attempt of running) {
      attempt.stopTimer?.();
      attempt.abort(reason);
    }
  }

  #armTimeout(running: RunningAttempt): void {
    const { stageIndex, batch } = running;
    const { name, timeoutMs } = this.#stage(stageIndex);
    if (timeoutMs === undefined) return;
    running.stopTimer = this.options.clock.setTimer(() => {
      if (this.options.processor.isJournaling(batch) || this.#endAttempt(running) === undefined) return;
      const error = new StageTimeoutError(name, batch, timeoutMs);
      running.abort(error);
      this.#failAttempt(running, 'attempt.timedOut', error);
    }, timeoutMs);
  }

  #watchCall(running: RunningAttempt, startedAt: number): () => void {
    const call = new WatchedCall(running, startedAt);
    this.#calls.add(call);
    this.#stalls.arm();
    return () => {
      this.#calls.delete(call);
    };
  }

  /** Counts the attempt. @returns its duration; undefined: it has ended before, and its answer is not used. */
  #endAttempt(running: RunningAttempt): number | undefined {
    const { stageIndex, batch, attempt, startedAt, calls } = running;
    const key = this.#key(stageIndex, batch);
    if (this.#isAborted || this.#running.get(key) !== running) return undefined;
    this.#running.delete(key);
    running.stopTimer?.();
    const { processor, clock } = this.options;
    const durationMs = calls?.activeMs ?? clock.monotonic() - startedAt;
    processor.countAttempt(stageIndex, batch, calls?.busyMs ?? durationMs, attempt > 1);
    return durationMs;
  }

  #endFailed(running: RunningAttempt, error: unknown): void {
    if (this.#endAttempt(running) !== undefined) this.#failAttempt(running, 'attempt.failed', error);
  }

  #completeAttempt(running: RunningAttempt, outcome: AttemptOutcome, isNow: boolean): void {
    const { actor, stageIndex, batch, attempt } = running;
    const durationMs = this.#endAttempt(running);
    if (durationMs === undefined) return;
    this.#events.publishCompletion(stageIndex, batch, attempt, outcome, durationMs);
    const { fused } = outcome;
    for (let i = 0; i < fused.length; i++) {
      this.#events.publishStart(stageIndex + 1 + i, batch, attempt);
      this.#events.publishCompletion(stageIndex + 1 + i, batch, attempt, fused[i] as AttemptMetrics, 0);
    }
    const through = fused.length === 0 ? undefined : stageIndex + fused.length;
    const completion = { actor, attempt, through };
    if (isNow) this.#completions.sendNow(completion, [batch]);
    else this.#completions.addCompletion(completion, batch);
  }

  #failAttempt(running: RunningAttempt, type: 'attempt.failed' | 'attempt.timedOut', thrown: unknown): void {
    const { clock, random, publish, fail } = this.options;
    const { actor, stageIndex, batch, attempt } = running;
    const stage = this.#stage(stageIndex);
    if (endsTheRun(thrown)) {
      fail(thrown);
      return;
    }
    if (thrown instanceof LossRefused) {
      this.#holdBatch(running, thrown.reason, errorData(thrown.cause));
      return;
    }
    const { error: judged, verdict = RETRY } = judgeAttempt(stage, attempt, thrown, clock.now());
    if (verdict.kind === 'retry' && attempt < stage.retry.attempts) {
      const { afterMs } = verdict;
      const delayMs =
        afterMs === undefined
          ? retryDelayMs(stage.retry, attempt, random)
          : wishedDelayMs(stage.retry, afterMs, random);
      const error = errorData(judged);
      publish({ type: 'batch.retried', stage: stage.name, batch, attempt, delayMs, error });
      actor.send({ type, batch, attempt, error, delayMs, dueAt: Math.round(clock.now() + delayMs) });
    } else if (verdict.kind === 'pause') {
      this.#holdBatch(running, quotaReason(stage, batch, judged), errorData(judged));
    } else if (verdict.kind === 'stop' || stage.onError === 'fail') {
      const isStopped = verdict.kind === 'stop';
      this.lastFailure = isStopped ? stopError(stage, batch, judged) : stageError(stage, batch, judged);
      const error = errorData(isStopped ? this.lastFailure : judged);
      publish({ type: 'stage.failed', stage: stage.name, batch, error });
      actor.send({ type, batch, attempt, error, delayMs: 0, dueAt: 0, isFinal: true });
    } else {
      this.#loseBatch(running, judged);
    }
  }

  /** The batch keeps its rows, the calls that ended, and its attempt number. */
  #holdBatch(running: RunningAttempt, reason: HoldReason, error: ErrorData | undefined): void {
    const { publish, hold } = this.options;
    const { actor, stageIndex, batch, attempt } = running;
    const stage = this.#stage(stageIndex).name;
    publish({ type: 'batch.held', stage, batch, attempt, ...(error === undefined ? {} : { error }) });
    hold.close(reason, stageIndex);
    actor.send({ type: 'attempt.held', batch, attempt });
  }

  /** The batch stays with the actor until it is concluded without its rows. */
  #loseBatch(running: RunningAttempt, thrown: unknown): void {
    const { actor, stageIndex, batch, attempt } = running;
    const { processor, fail, logger } = this.options;
    const stage = this.#stage(stageIndex).name;
    if (processor.hasOutput(stageIndex, batch))
      logger.warn(`Stage "${stage}": its after hook failed, and its rows are kept: ${messageOf(thrown)}`, {
        stage,
        batch,
      });
    const refused = (error: unknown) => {
      if (this.#isAborted || !(error instanceof LossRefused)) fail(error);
      else this.#holdBatch(running, error.reason, errorData(thrown));
    };
    processor.loseBatch(stageIndex, batch, thrown).then((outcome) => {
      if (this.#isAborted) return;
      this.#events.publishCompletion(stageIndex, batch, attempt, outcome, 0);
      this.#completions.addCompletion({ actor, attempt, through: undefined }, batch);
    }, refused);
  }

  #key(stageIndex: number, batch: number): number {
    return batch * this.options.stages.length + stageIndex;
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}
