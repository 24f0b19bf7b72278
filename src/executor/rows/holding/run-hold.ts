/**
 * The gate in front of attempts: closed, nothing more begins, and the run pauses by itself with the reason.
 *
 * One for each opening of a session. It is closed where the reason is found: an exhausted account, a budget, too many losses.
 * Stage actors get the answer `attempt.held`, and the machine gets `hold`. A resume opens it again.
 */
import type { HoldReason } from '../../../../machines/context.js';
import type { ExecutorEvent } from '../../../../machines/executor-events.js';
import { holdReason } from '../../hold-reason.js';

export class RunHold {
  #closedUpTo = -1;
  #reason: HoldReason | undefined;

  constructor(private readonly send: (event: ExecutorEvent) => void) {}

  /** Why it is closed; undefined: it is open. */
  get reason(): HoldReason | undefined {
    return this.#reason;
  }

  /** Nothing may begin in this stage. */
  isClosedFor(stageIndex: number): boolean {
    return stageIndex <= this.#closedUpTo;
  }

  /** Nothing more begins in the stages up to this one: their work would not get past it. Later stages finish what they have.
   * The first reason stays. */
  close(reason: HoldReason, upToStage: number): void {
    this.#closedUpTo = Math.max(this.#closedUpTo, upToStage);
    if (this.#reason !== undefined) return;
    this.#reason = holdReason(reason);
    this.send({ type: 'hold', reason: this.#reason });
  }

  open(): void {
    this.#closedUpTo = -1;
    this.#reason = undefined;
  }
}
