/** The calls of one batch in one stage, over all attempts: which of them are open, and what the others gave. */
import type { CallSlots } from '../../../stages/calls/call-slots.js';
import { type Call, cutIntoCalls } from './call.js';
import { CallsAttempt } from './calls-attempt.js';
import type { CallsEnd, CallsHost } from './calls-port.js';
import type { StageCalls } from './stage-calls.js';

export class BatchCalls {
  readonly calls: readonly Call[];
  #isRestored = false;
  /** Calls that were made, and not taken from the journal. */
  #made = 0;
  /** The attempt that has begun; 0: none has. */
  begun = 0;
  /** Milliseconds of that attempt with at least one call. */
  activeMs = 0;
  readonly #slots: CallSlots;

  constructor(
    readonly plan: StageCalls,
    readonly batch: number,
    readonly rows: readonly unknown[],
  ) {
    this.calls = cutIntoCalls(rows, plan.rowsPerCall);
    this.#slots = plan.slots();
  }

  async runAttempt(host: CallsHost): Promise<CallsEnd> {
    if (!this.#isRestored) {
      // Without a wait where there is nothing to take: the first calls ask for their permits at once.
      const restoring = host.restoreCalls(this.calls);
      if (restoring !== undefined) await restoring;
      const finding = host.findCached(this.calls);
      if (finding !== undefined) await finding;
      this.#isRestored = true;
    }
    host.abort.throwIfAborted();
    const begin = () => {
      this.#made++;
      if (this.begun === host.attempt) return;
      this.begun = host.attempt;
      this.activeMs = 0;
      host.beginAttempt();
    };
    return new CallsAttempt(this.plan, this.batch, this.calls, this.#slots, host, begin).run(
      () => this.#made === 0,
    );
  }
}
