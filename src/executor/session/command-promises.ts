/**
 * The promises that commands give: one for the end of a run, one for a pause, one for a cancel.
 *
 * Owned by `ExecutorActions`; the facade and other processes ask for them before they send the command, and
 * `concludeRun` settles them when what they promise is true.
 */
import { Deferred } from '../../platform/deferred.js';
import type { CancelReceipt, PauseReceipt } from '../receipts.js';
import type { ExecutionResult } from '../result.js';

/** Those that an ending settles. */
export interface PendingPromises {
  readonly outcome: Deferred<ExecutionResult>;
  readonly pause: Deferred<PauseReceipt> | undefined;
  readonly cancel: Deferred<CancelReceipt> | undefined;
}

export class CommandPromises {
  #outcome = new Deferred<ExecutionResult>();
  #pause: Deferred<PauseReceipt> | undefined;
  #cancel: Deferred<CancelReceipt> | undefined;

  expectOutcome(): Promise<ExecutionResult> {
    if (this.#outcome.isSettled) this.#outcome = new Deferred();
    return this.#outcome.promise;
  }

  expectPause(): Promise<PauseReceipt> {
    this.#pause ??= new Deferred();
    return this.#pause.promise;
  }

  expectCancel(): Promise<CancelReceipt> {
    this.#cancel ??= new Deferred();
    return this.#cancel.promise;
  }

  /** Takes what an ending settles; what is expected from now on belongs to the next.
   * @param isOver the run has ended, not paused. */
  takePending(isOver: boolean): PendingPromises {
    const pending = { outcome: this.#outcome, pause: this.#pause, cancel: isOver ? this.#cancel : undefined };
    this.#pause = undefined;
    if (isOver) {
      this.#outcome = new Deferred();
      this.#cancel = undefined;
    }
    return pending;
  }

  rejectOutcome(error: unknown): void {
    this.#outcome.reject(error);
  }
}

export function rejectAll({ outcome, pause, cancel }: PendingPromises, error: unknown): void {
  outcome.reject(error);
  pause?.reject(error);
  cancel?.reject(error);
}
