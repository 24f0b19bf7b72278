/**
 * The test's own record over all simulated processes, outside the disk: announced outputs, invocations, violations.
 */
import type { Plan, StagePlan } from './plan.js';

export class Ledger {
  /** Broken invariants, each with its number first. */
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  /** Announced durable outputs: session, stage, batch. */
  readonly #promised = new Set<string>();
  readonly #keys = new Map<string, string>();
  readonly #faults = new Map<string, number>();
  /** Batches announced as committed, by session. */
  readonly #committed = new Map<string, number>();
  /** Sessions whose start was announced; they must be resumable. */
  readonly started = new Set<string>();
  invocations = 0;

  constructor(readonly plan: Plan) {}

  addViolation(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  addPromise(session: string, stage: number, batch: number): void {
    this.#promised.add(`${session} ${stage} ${batch}`);
  }

  addCommitted(session: string, batches: number): void {
    if (batches < this.committed(session))
      this.addViolation(`I5: committed went back from ${this.committed(session)} to ${batches}`);
    this.#committed.set(session, batches);
  }

  /** A resume uses an earlier checkpoint: later announcements no longer count. */
  forgetCommitted(session: string): void {
    this.#committed.delete(session);
  }

  committed(session: string): number {
    return this.#committed.get(session) ?? 0;
  }

  /** Records a call of a stage's function. */
  addInvocation(stage: StagePlan, batch: number, key: string): void {
    this.invocations++;
    const session = key.slice(0, 36);
    // Without the hash of the rows: of the batch, or of the call.
    const place = `${stage.index} ${key.slice(0, key.lastIndexOf(':'))}`;
    const known = this.#keys.get(place) ?? key;
    this.#keys.set(place, key);
    if (known !== key)
      this.addViolation(`I8: batch ${batch} of ${stage.name} got a different idempotency key than before`);
    if (batch < this.committed(session))
      this.addViolation(`I5: ${stage.name} was invoked for batch ${batch}, which is committed`);
    for (let later = stage.index; later < this.plan.stages.length; later++) {
      if (this.#promised.has(`${session} ${later} ${batch}`))
        this.addViolation(
          `I8: ${stage.name} was invoked for batch ${batch} again, after the output of stage ${later} was announced`,
        );
    }
  }

  /** Counts a fault that occurs `times` times. @returns whether it still occurs. */
  isFaultDue(stage: StagePlan, place: string, times: number): boolean {
    const key = `${stage.index} ${place}`;
    const count = (this.#faults.get(key) ?? 0) + 1;
    this.#faults.set(key, count);
    return count <= times;
  }
}
