/**
 * One attempt over the calls of a batch.
 *
 * 1. A call whose rows came, or were lost for good, is never made again; in a durable stage from the moment when its record is
 *    in the journal (I20). A failed call leaves its neighbours alone: the next attempt makes the failed calls only.
 * 2. An attempt makes each open call once. It ends when nothing of it runs: done, failed, deferred (a call waits for a permit) or
 *    held (nothing more may begin). A deferred or held attempt continues later, with the calls that are left.
 * 3. A failure that ends or pauses the run lets no further call begin. Calls that run are finished and kept: they are paid for.
 * 4. A call has its own time limit, which begins with the call: waits for a slot or a permit are no latency (I22).
 * 5. The rows out stand in the order of the calls (I4).
 */
import { addSpending, NOTHING_SPENT, type Spending } from '../../../spending/spending.js';
import { type AttemptResult, loseOtherRows, runCall } from '../../../stages/attempt.js';
import type { Admitted, Deferred, Held } from '../../../stages/calls/call-gate.js';
import type { CallSlots } from '../../../stages/calls/call-slots.js';
import { FurtherRequest } from '../../../stages/calls/further-request.js';
import { judgeFailure, RETRY } from '../../../stages/failures/retry-decision.js';
import { isThenable } from '../../../stages/thenable.js';
import { endsTheRun } from '../row-errors.js';
import { rememberLosses } from '../row-verdicts.js';
import { atBatch, type Call, type CallFailure, type CallOutput } from './call.js';
import { conclude, synchronousEnd } from './calls-end.js';
import type { CallsEnd, CallsHost } from './calls-port.js';
import { beginCall, CallTimes } from './running-call.js';
import type { StageCalls } from './stage-calls.js';

export class CallsAttempt {
  readonly #open: Call[];
  #next = 0;
  /** Calls that have begun and are not concluded: their function runs, or their rows are being journaled. */
  #unfinished = 0;
  #isWaitingForSlot = false;
  /** A failure after which no call begins. */
  #fatal: CallFailure | undefined;
  #refusal: Deferred | Held | undefined;
  #stopTimer: (() => void) | undefined;
  #isSynchronous = false;
  #isStarting = false;
  readonly #times = new CallTimes();
  readonly #failures: { readonly error: unknown; readonly row: number | undefined }[] = [];
  #settle: (() => void) | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(
    private readonly plan: StageCalls,
    private readonly batch: number,
    private readonly calls: readonly Call[],
    private readonly slots: CallSlots,
    private readonly host: CallsHost,
    private readonly begin: () => void,
  ) {
    this.#open = calls.filter(({ output, failedIn }) => output === undefined && failedIn !== host.attempt);
  }

  run(isFromJournal: () => boolean): Promise<CallsEnd> {
    const { abort } = this.host;
    const ended = new Promise<void>((resolve, reject) => {
      this.#settle = resolve;
      this.#reject = reject;
    });
    const onAbort = () => this.#abort();
    abort.addEventListener('abort', onAbort, { once: true });
    this.#startCalls();
    return ended.then(() => {
      abort.removeEventListener('abort', onAbort);
      const end = this.#isSynchronous
        ? synchronousEnd(this.calls)
        : conclude(this.calls, this.#fatal, this.#refusal, isFromJournal());
      return { end, ...this.#times.sums, failures: this.#failures };
    });
  }

  #abort(): void {
    this.#stopTimer?.();
    this.#reject?.(this.host.abort.reason);
  }

  /** Starts calls until one has to wait. */
  #startCalls(): void {
    this.#isWaitingForSlot = false;
    this.#refusal = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#isStarting = true;
    while (this.#mayStart()) {
      if (!this.slots.take()) {
        this.#waitForSlot();
        break;
      }
      const call = this.#open[this.#next] as Call;
      const admission = this.#admit(call);
      if (admission !== undefined && admission.kind !== 'go') {
        this.#refusal = admission;
        this.slots.release();
        break;
      }
      this.#next++;
      this.#startCall(call, admission);
    }
    this.#isStarting = false;
    this.#endIfIdle();
  }

  #mayStart(): boolean {
    return (
      this.#next < this.#open.length &&
      this.#fatal === undefined &&
      !this.#isSynchronous &&
      !this.host.abort.aborted &&
      // The first row shows whether the function is asynchronous.
      !(this.plan.isProbed && this.#unfinished > 0)
    );
  }

  #waitForSlot(): void {
    this.#isWaitingForSlot = true;
    this.slots.wait(this.batch, () => {
      if (this.host.abort.aborted) return;
      this.#startCalls();
    });
  }

  #admit({ index, requested: rows, isFree }: Call): Admitted | Deferred | Held | undefined {
    const { gate, stage, stageIndex } = this.plan;
    const { attempt } = this.host;
    const reason = this.host.holdReason();
    if (reason !== undefined) return { kind: 'hold', reason };
    if (isFree) return undefined;
    return gate?.requestCall({ stage, stageIndex, batch: this.batch, call: index, rows, attempt });
  }

  /** Once its reservation is written: the call's time begins then. */
  #startCall(call: Call, admitted: Admitted | undefined): void {
    this.begin();
    if (admitted?.ready === undefined) {
      this.#performCall(call, admitted, undefined);
      return;
    }
    this.#unfinished++;
    const perform = (problem: { readonly thrown: unknown } | undefined) => {
      this.#unfinished--;
      this.#performCall(call, admitted, problem);
    };
    admitted.ready.then(
      () => perform(undefined),
      (thrown: unknown) => perform({ thrown }),
    );
  }

  /** @param problem the call cannot begin. */
  #performCall(
    call: Call,
    admitted: Admitted | undefined,
    problem: { readonly thrown: unknown } | undefined,
  ): void {
    const { host, plan } = this;
    const { stage } = plan;
    this.#unfinished++;
    const run = beginCall(host, stage, this.batch, call);
    this.#times.begin(run.startedAt);
    /** The function has ended. */
    const endCall = (error: unknown): Spending => {
      run.end();
      this.#times.end(run.startedAt, host.clock.monotonic());
      const spent = host.settleCall(call);
      admitted?.settle(error === undefined ? { spent } : { spent, error });
      return spent;
    };
    const fail = (thrown: unknown) => {
      if (thrown instanceof FurtherRequest) {
        const spent = endCall(undefined);
        if (!host.abort.aborted) this.#finish(this.#askFurther(call, thrown, spent));
        return;
      }
      const spent = endCall(thrown ?? new Error('undefined'));
      if (host.abort.aborted) return;
      this.#finish(this.#failCall(call, thrown, spent));
    };
    try {
      // Aborted while its reservation was written: the function is not called.
      host.abort.throwIfAborted();
      if (problem !== undefined) throw problem.thrown;
      const result = runCall(stage, call.rows, run.context, call.memory, call.first);
      if (!isThenable(result)) {
        if (plan.isProbed && result.failures.length === 0) this.#isSynchronous = true;
        this.#succeed(call, result, endCall);
        return;
      }
      plan.isProbed = false;
      result.then((settled) => this.#succeed(call, settled, endCall), fail);
    } catch (error) {
      fail(error);
    }
  }

  #succeed(call: Call, result: AttemptResult, endCall: (error: unknown) => Spending): void {
    const spent = endCall(result.failures[0]?.error);
    if (this.host.abort.aborted) return;
    this.#finish(this.#concludeCall(call, result, spent));
  }

  /** The call's function has ended; its rows may still be journaled. Its slot is free. */
  #finish(concluded: Promise<void> | undefined): void {
    if (concluded === undefined) this.#unfinished--;
    else
      concluded.then(() => {
        this.#unfinished--;
        // It needs another request.
        if (!this.#isWaiting && this.#mayStart()) this.#startCalls();
        else this.#endIfIdle();
      });
    if (!this.#isWaiting && this.#mayStart()) this.#waitForSlot();
    this.slots.release();
    // A synchronous call: the loop that started it continues.
    if (!this.#isStarting) this.#endIfIdle();
  }

  get #isWaiting(): boolean {
    return this.#isStarting || this.#isWaitingForSlot || this.#refusal !== undefined;
  }

  /** The call is the next one that begins, in the same attempt. @returns undefined: at once. */
  #askFurther(call: Call, { rows, answers }: FurtherRequest, spent: Spending): Promise<void> | undefined {
    call.spentBefore = addSpending(call.spentBefore, spent);
    call.asked = rows;
    const kept = this.host.keepAnswers(call, answers);
    const ask = () => {
      this.#open.splice(this.#next, 0, call);
    };
    if (kept === undefined) ask();
    return kept?.then(ask, (error: unknown) => this.#failCall(call, error, NOTHING_SPENT));
  }

  /** While other calls of the batch run, the batch keeps its place and asks again by itself. */
  #awaitPermit({ dueAt }: Deferred): void {
    if (this.#stopTimer !== undefined || this.#unfinished === 0) return;
    const { clock } = this.host;
    this.#stopTimer = clock.setTimer(() => this.#startCalls(), Math.max(0, dueAt - clock.now()));
  }

  /** @returns undefined: it is concluded. */
  #concludeCall(call: Call, { rows, failures }: AttemptResult, spent: Spending): Promise<void> | undefined {
    if (this.#isSynchronous) return undefined;
    const { stage } = this.plan;
    const { attempt } = this.host;
    for (const { error, index } of failures) this.#failures.push({ error, row: call.first + index });
    if (failures.length + call.memory.lost.length > 0) {
      const decisive = rememberLosses(stage, call.memory, failures, attempt);
      if (decisive !== undefined) {
        const { error, verdict } = decisive;
        return this.#failWith(call, { error, verdict, row: atBatch(call, decisive) });
      }
    }
    if (this.#isLossRefused(call)) return undefined;
    return this.#keep(call, rows, spent);
  }

  #keep(call: Call, rows: readonly unknown[], spent: Spending): Promise<void> | undefined {
    const keepOutput = (output: CallOutput) => {
      call.output = output;
    };
    const fail = (error: unknown) => this.#failCall(call, error, NOTHING_SPENT);
    try {
      const kept = this.host.keepCall(call, rows, addSpending(call.spentBefore, spent));
      if (isThenable(kept)) return kept.then(keepOutput, fail);
      keepOutput(kept as CallOutput);
      return undefined;
    } catch (error) {
      return fail(error);
    }
  }

  /** A call failed as a whole: it is made again, its rows are lost, or it ends the run. */
  #failCall(call: Call, thrown: unknown, spent: Spending): Promise<void> | undefined {
    const { stage } = this.plan;
    const { attempt, clock } = this.host;
    if (endsTheRun(thrown)) return this.#failWith(call, { error: thrown, verdict: { kind: 'stop' } });
    const { error, verdict = RETRY } = judgeFailure(stage, thrown, { attempt, now: clock.now() });
    this.#failures.push({ error, row: undefined });
    const isLost = verdict.kind === 'lose' || (verdict.kind === 'retry' && attempt >= stage.retry.attempts);
    if (!isLost || stage.onError === 'fail')
      return this.#failWith(call, { error, verdict: isLost ? { kind: 'lose' } : verdict });
    const kept = loseOtherRows(call.memory, call.rows, error);
    if (this.#isLossRefused(call)) return undefined;
    return this.#keep(call, kept, spent);
  }

  /** The run pauses or fails instead of losing these rows: the call is made again. */
  #isLossRefused(call: Call): boolean {
    const error = this.host.refusedLosses(call.rows.length, call.memory);
    const kind = endsTheRun(error) ? 'stop' : 'pause';
    if (error !== undefined) this.#failWith(call, { error, verdict: { kind } });
    return error !== undefined;
  }

  #failWith(call: Call, failure: CallFailure): undefined {
    call.failure = failure;
    // After a pause the attempt has the same number, and makes the call again.
    if (failure.verdict.kind !== 'pause') call.failedIn = this.host.attempt;
    if (failure.verdict.kind !== 'retry') this.#fatal ??= failure;
    return undefined;
  }

  #endIfIdle(): void {
    if (this.#unfinished > 0) {
      if (this.#refusal?.kind === 'defer') this.#awaitPermit(this.#refusal);
      return;
    }
    if (this.#isWaitingForSlot && this.#mayStart()) return;
    const isOver = this.#next >= this.#open.length || this.#fatal !== undefined || this.#isSynchronous;
    if (!isOver && this.#refusal === undefined) return;
    this.#stopTimer?.();
    this.#settle?.();
  }
}
