/**
 * The work behind the stage actors: starts attempts, measures them, and answers the actor that asked.
 *
 * 1. Every attempt has its own `AbortSignal`; cancel, a timeout and a failed run abort it (I17), and nobody waits for it.
 * 2. An attempt always ends in exactly one answer, or in none after `abortAll`; it never throws into the machine.
 * 3. Time and chance are injected (I14).
 */

import { messageOf, PipelineError, StageError, StageTimeoutError } from '../../errors.js';
import type { Clock, Random } from '../../platform/clock.js';
import { errorData } from '../../platform/error-data.js';
import type { Logger } from '../../platform/logger.js';
import { ABORTABLE, type AttemptContext, LazyAbort } from '../../stages/abortable.js';
import { retryDelayMs } from '../../stages/backoff.js';
import { idempotencyKeyOf } from '../../stages/idempotency-key.js';
import type { AnyStage } from '../../stages/stage.js';
import type { EventDraft } from '../publish.js';
import {
  type AttemptMetrics,
  type AttemptOutcome,
  type BatchProcessor,
  endsTheRun,
} from './batch-processor.js';
import { type CompletionActor, CompletionBatcher } from './completion-batcher.js';

/** The stage actor, as far as it is needed here. */
export type StageActor = CompletionActor & {
  send(event: {
    readonly type: 'attempt.failed' | 'attempt.timedOut' | 'retry.due';
    readonly batch: number;
    readonly [field: string]: unknown;
  }): void;
};

export interface AttemptRunnerOptions {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly plane: BatchProcessor;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly publish: (draft: EventDraft) => void;
  /** Ends the run: the stage's `onError` has no say in it. */
  readonly fail: (error: unknown) => void;
}

class Attempt extends LazyAbort {
  stopTimer: () => void = () => {};

  constructor(readonly startedAt: number) {
    super();
  }
}

/** Made when it is asked for. One function for all: a getter in each context would make each a shape of its own for V8, and
 * cost four times as much. */
const SIGNAL: PropertyDescriptor & ThisType<AttemptContext> = {
  get() {
    return (this[ABORTABLE] as Attempt).signal;
  },
  enumerable: true,
};

interface EndedAttempt {
  readonly actor: StageActor;
  readonly stageIndex: number;
  readonly batch: number;
  readonly attempt: number;
  readonly type: 'attempt.failed' | 'attempt.timedOut';
}

export class AttemptRunner {
  readonly #running = new Map<number, Attempt>();
  readonly #timers = new Set<() => void>();
  readonly #started = new Set<number>();
  readonly #answers = new CompletionBatcher();
  #isAborted = false;
  /** What a stage threw last when it failed for good: `stage.failed` carries facts only. */
  lastFailure: unknown;

  constructor(private readonly options: AttemptRunnerOptions) {}

  startAttempt(actor: StageActor, stageIndex: number, batch: number, attempt: number): void {
    if (this.#isAborted) return;
    const { plane, clock } = this.options;
    this.#announce(stageIndex, batch, attempt);
    const running = this.#begin(actor, stageIndex, batch, attempt);
    const done = (outcome: AttemptOutcome, isNow: boolean) => {
      if (!this.#end(stageIndex, batch, running)) return;
      const durationMs = clock.monotonic() - running.startedAt;
      plane.countAttempt(stageIndex, batch, durationMs, attempt > 1);
      this.#completed(stageIndex, batch, attempt, outcome, durationMs);
      const { passed } = outcome;
      for (let i = 0; i < passed.length; i++) {
        this.#announce(stageIndex + 1 + i, batch, attempt);
        this.#completed(stageIndex + 1 + i, batch, attempt, passed[i] as AttemptMetrics, 0);
      }
      const through = passed.length === 0 ? undefined : stageIndex + passed.length;
      const answer = { actor, attempt, through };
      if (isNow) this.#answers.sendNow(answer, [batch]);
      else this.#answers.addCompletion(answer, batch);
    };
    const failed = (error: unknown) => {
      if (!this.#end(stageIndex, batch, running)) return;
      plane.countAttempt(stageIndex, batch, clock.monotonic() - running.startedAt, attempt > 1);
      this.#failed({ actor, stageIndex, batch, attempt, type: 'attempt.failed' }, error);
    };
    try {
      const figures = plane.processBatch(stageIndex, batch, (index) =>
        this.#context(index, batch, attempt, running),
      );
      if (figures instanceof Promise) figures.then((outcome) => done(outcome, false), failed);
      else done(figures, true);
    } catch (error) {
      failed(error);
    }
  }

  #announce(stageIndex: number, batch: number, attempt: number): void {
    const { publish } = this.options;
    const stage = this.#stage(stageIndex).name;
    if (!this.#started.has(stageIndex)) {
      this.#started.add(stageIndex);
      publish({ type: 'stage.started', stage });
    }
    publish({ type: 'batch.started', stage, batch, attempt });
  }

  #completed(
    stageIndex: number,
    batch: number,
    attempt: number,
    { rowsIn, rowsOut, durable }: AttemptMetrics,
    durationMs: number,
  ): void {
    const stage = this.#stage(stageIndex).name;
    const { publish } = this.options;
    const fromJournal = false;
    publish({
      type: 'batch.completed',
      stage,
      batch,
      rowsIn,
      rowsOut,
      durable,
      attempt,
      durationMs,
      fromJournal,
    });
  }

  armRetry(actor: StageActor, batch: number, delayMs: number): void {
    const stop = this.options.clock.setTimer(() => {
      this.#timers.delete(stop);
      actor.send({ type: 'retry.due', batch });
    }, delayMs);
    this.#timers.add(stop);
  }

  /** Aborts everything, now; no answer comes any more. */
  abortAll(reason: unknown): void {
    this.#isAborted = true;
    this.#answers.discardAll();
    for (const stop of this.#timers) stop();
    this.#timers.clear();
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const attempt of running) {
      attempt.stopTimer();
      attempt.abort(reason);
    }
  }

  #begin(actor: StageActor, stageIndex: number, batch: number, attempt: number): Attempt {
    const { clock } = this.options;
    const stage = this.#stage(stageIndex);
    const running = new Attempt(clock.monotonic());
    this.#running.set(this.#key(stageIndex, batch), running);
    const { timeoutMs } = stage;
    if (timeoutMs !== undefined) {
      running.stopTimer = clock.setTimer(() => {
        if (this.options.plane.isJournaling(batch)) return;
        if (!this.#end(stageIndex, batch, running)) return;
        const error = new StageTimeoutError(stage.name, batch, timeoutMs);
        running.abort(error);
        this.options.plane.countAttempt(stageIndex, batch, timeoutMs, attempt > 1);
        this.#failed({ actor, stageIndex, batch, attempt, type: 'attempt.timedOut' }, error);
      }, timeoutMs);
    }
    return running;
  }

  /** False when the attempt was ended already: its answer is not wanted any more. */
  #end(stageIndex: number, batch: number, running: Attempt): boolean {
    const key = this.#key(stageIndex, batch);
    if (this.#isAborted || this.#running.get(key) !== running) return false;
    this.#running.delete(key);
    running.stopTimer();
    return true;
  }

  #failed(ended: EndedAttempt, error: unknown): void {
    const { clock, random, publish, fail } = this.options;
    const { actor, stageIndex, batch, attempt, type } = ended;
    const stage = this.#stage(stageIndex);
    if (endsTheRun(error)) {
      fail(error);
      return;
    }
    const facts = errorData(error);
    if (attempt < stage.retry.attempts) {
      const delayMs = retryDelayMs(stage.retry, attempt, random);
      publish({ type: 'batch.retried', stage: stage.name, batch, attempt, delayMs, error: facts });
      actor.send({ type, batch, attempt, error: facts, delayMs, dueAt: Math.round(clock.now() + delayMs) });
    } else if (stage.onError === 'fail') {
      this.lastFailure = asStageError(stage, batch, error);
      publish({ type: 'stage.failed', stage: stage.name, batch, error: facts });
      actor.send({ type, batch, attempt, error: facts, delayMs: 0, dueAt: 0 });
    } else {
      this.#loseBatch(ended, error);
    }
  }

  /** The attempt stays the actor's until the batch is concluded without its rows. */
  #loseBatch({ actor, stageIndex, batch, attempt }: EndedAttempt, error: unknown): void {
    const { plane, fail } = this.options;
    plane.loseBatch(stageIndex, batch, error).then((figures) => {
      if (this.#isAborted) return;
      this.#completed(stageIndex, batch, attempt, figures, 0);
      this.#answers.addCompletion({ actor, attempt, through: undefined }, batch);
    }, fail);
  }

  #context(stageIndex: number, batch: number, attempt: number, running: Attempt): AttemptContext {
    const { sessionId, logger } = this.options;
    const stage = this.#stage(stageIndex);
    const context: Omit<AttemptContext, 'signal'> = {
      batch: { index: batch, rowOffset: this.options.plane.rowOffset(batch) },
      attempt,
      idempotencyKey: idempotencyKeyOf(sessionId, stage.name, batch),
      logger,
      [ABORTABLE]: running,
    };
    return Object.defineProperty(context, 'signal', SIGNAL) as AttemptContext;
  }

  #key(stageIndex: number, batch: number): number {
    return batch * this.options.stages.length + stageIndex;
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}

/** Errors of ours say where already; `cause` is what the stage threw. */
function asStageError(stage: AnyStage, batch: number, error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  return new StageError(`Stage "${stage.name}" failed over batch ${batch}: ${messageOf(error)}`, {
    cause: error,
  });
}
