/**
 * What outlives every simulated death, outside of the disk: what was promised to observers, every invocation, and every
 * promise that was broken.
 */
import type { Plan, StagePlan } from './plan.js';

export class Ledger {
  /** Broken invariants, each beginning with its number. */
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  /** Durable outputs that were announced: session, stage, batch. */
  readonly #promised = new Set<string>();
  readonly #keys = new Map<string, string>();
  readonly #misbehaved = new Map<string, number>();
  /** Batches announced as committed, by session. */
  readonly #committed = new Map<string, number>();
  /** Sessions whose start was announced: they can be resumed from then on. */
  readonly started = new Set<string>();
  invocations = 0;

  constructor(readonly plan: Plan) {}

  violated(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  promise(session: string, stage: number, batch: number): void {
    this.#promised.add(`${session} ${stage} ${batch}`);
  }

  commit(session: string, batches: number): void {
    if (batches < this.committed(session))
      this.violated(`I5: committed went back from ${this.committed(session)} to ${batches}`);
    this.#committed.set(session, batches);
  }

  /** An earlier checkpoint has to do: what was announced since counts no more. */
  forgetCommitted(session: string): void {
    this.#committed.delete(session);
  }

  committed(session: string): number {
    return this.#committed.get(session) ?? 0;
  }

  /** A stage's function is called. */
  invoked(stage: StagePlan, batch: number, key: string): void {
    this.invocations++;
    const session = key.slice(0, 36);
    const known = this.#keys.get(`${session} ${stage.index} ${batch}`) ?? key;
    this.#keys.set(`${session} ${stage.index} ${batch}`, key);
    if (known !== key)
      this.violated(`I8: batch ${batch} of ${stage.name} had another idempotency key before`);
    if (batch < this.committed(session))
      this.violated(`I5: ${stage.name} saw batch ${batch}, which is committed`);
    for (let later = stage.index; later < this.plan.stages.length; later++) {
      if (this.#promised.has(`${session} ${later} ${batch}`))
        this.violated(
          `I8: ${stage.name} saw batch ${batch} again, whose output of stage ${later} was announced`,
        );
    }
  }

  /** Whether a fate that lasts `times` times is not over yet; counts. */
  misbehaves(stage: StagePlan, place: string, times: number): boolean {
    const key = `${stage.index} ${place}`;
    const count = (this.#misbehaved.get(key) ?? 0) + 1;
    this.#misbehaved.set(key, count);
    return count <= times;
  }
}
