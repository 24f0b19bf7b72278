/**
 * The gates of a run's stages: each asks everything that may stop a call, in the order in which nothing has to be given back.
 *
 * First the budgets, which take nothing yet; then the limiters, which take a permit; then the call's reservation is made. Only
 * stages with a limiter, an adaptive concurrency, an estimate or a budget have a gate. The others are never asked about, and cost
 * nothing.
 */
import { StageTimeoutError } from '../../../errors.js';
import type { Clock } from '../../../platform/clock.js';
import type { Admission, CallGate, CallOutcome, CallRequest } from '../../../stages/calls/call-gate.js';
import { refusalOf } from '../../../stages/failures/overload.js';
import type { AnyStage } from '../../../stages/stage.js';
import type { RunHold } from '../holding/run-hold.js';
import type { RunSpending } from '../spending/run-spending.js';
import { LimitGate } from './limit-gate.js';

/** What a call says about the load of its service, for an adaptive concurrency. */
export type LoadSignal =
  /** `inUse`: calls of the stage at once, this one included; undefined: the stage counts batches. */
  | { readonly type: 'calls.succeeded'; readonly batch: number; readonly inUse?: number }
  | { readonly type: 'overloaded'; readonly batch: number; readonly at: number };

export class CallGates {
  readonly perStage: readonly (CallGate | undefined)[];
  readonly #limits: LimitGate;
  /** Calls that run, by stage. */
  readonly #inUse: number[];

  constructor(
    stages: readonly AnyStage[],
    private readonly clock: Clock,
    private readonly spending: RunSpending,
    private readonly hold: RunHold,
    private readonly report: (stageIndex: number, signal: LoadSignal) => void,
  ) {
    this.#limits = new LimitGate(stages, clock);
    this.#inUse = stages.map(() => 0);
    this.perStage = stages.map(({ limit, adaptive }, i) =>
      limit.length === 0 && adaptive === undefined && !spending.isPaid(i) ? undefined : this.#gate,
    );
  }

  readonly #gate: CallGate = {
    requestCall: (request) => {
      const answer = this.#request(request);
      return request.stage.adaptive === undefined ? answer : this.#watched(request, answer);
    },
  };

  /** Adaptive concurrency learns how the call ends. */
  #watched({ stage, stageIndex, batch }: CallRequest, admission: Admission): Admission {
    if (admission.kind !== 'go') return admission;
    this.#addInUse(stageIndex, 1);
    return {
      ...admission,
      settle: (outcome) => {
        admission.settle(outcome);
        const inUse = stage.kind === 'batch' ? { inUse: this.#inUse[stageIndex] as number } : {};
        this.#addInUse(stageIndex, -1);
        if (outcome.error === undefined)
          this.report(stageIndex, { type: 'calls.succeeded', batch, ...inUse });
        else if (this.#isOverload(outcome))
          this.report(stageIndex, { type: 'overloaded', batch, at: Math.round(this.clock.now()) });
      },
    };
  }

  #addInUse(stageIndex: number, change: number): void {
    this.#inUse[stageIndex] = (this.#inUse[stageIndex] as number) + change;
  }

  #isOverload({ error }: CallOutcome): boolean {
    return error instanceof StageTimeoutError || refusalOf(error, this.clock.now()) !== undefined;
  }

  /** The calls that wait leave their lines: the run has ended. */
  giveUpAll(): void {
    this.#limits.giveUpAll();
  }

  #request(request: CallRequest): Admission {
    const { stage, stageIndex } = request;
    if (!this.spending.isPaid(stageIndex)) return this.#limits.requestCall(request) ?? UNLIMITED;
    const next = this.spending.estimate(request);
    const refusal = this.spending.decide(request, next);
    if (refusal?.kind === 'hold') this.hold.close(refusal.reason, stageIndex);
    if (refusal !== undefined) return refusal;
    // Without an estimate of the stage, the limiters know better: they count the answers of all who share them.
    const limited = stage.estimate === undefined ? request : { ...request, estimate: next };
    const admission = this.#limits.requestCall(limited) ?? UNLIMITED;
    if (admission.kind !== 'go') return admission;
    const settle = admission.settle.bind(admission);
    return { kind: 'go', settle, ready: this.spending.reserve(request, next) };
  }
}

const UNLIMITED: Admission = { kind: 'go', settle() {} };
