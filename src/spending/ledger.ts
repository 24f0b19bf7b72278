/**
 * What a session has spent, over all its processes (I21).
 *
 * 1. An amount is counted whatever becomes of the call, and never rewinds: money is spent whether or not rows are committed.
 * 2. Every entry has a number. The state says up to which number it counts, so that a journal record is counted once.
 * 3. A call that was in flight at a crash is counted as *uncertain*, at its reservation.
 * 4. At most 16 names: further ones are summed as `other`.
 */
import { isObject } from '../formats/json.js';
import { addSpending, NOTHING_SPENT, type Spending } from './spending.js';

const MAX_NAMES = 16;
const OTHER = 'other';

/** Of one stage, or of all. */
export interface SpendingTotals {
  readonly certain: Spending;
  /** Reserved by calls that were in flight when a process crashed: spent, or not. */
  readonly uncertain: Spending;
}

/** As it is stored. */
export interface LedgerState {
  /** The last entry that is counted. */
  readonly entry: number;
  /** Reservations up to this entry are settled, or counted as uncertain. */
  readonly settled: number;
  /** By stage. */
  readonly stages: Readonly<Record<string, SpendingTotals>>;
}

/** Whether it can be trusted as a stored state (I9). */
export function isLedgerState(value: unknown): value is LedgerState {
  if (!isObject(value)) return false;
  const { entry, settled, stages } = value;
  if (!isCount(entry) || !isCount(settled) || !isObject(stages)) return false;
  return Object.values(stages).every(
    (totals) => isObject(totals) && isAmounts(totals.certain) && isAmounts(totals.uncertain),
  );
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

function isAmounts(value: unknown): value is Spending {
  return (
    isObject(value) &&
    Object.keys(value).length <= MAX_NAMES &&
    Object.values(value).every((sum) => typeof sum === 'number' && Number.isFinite(sum) && sum >= 0)
  );
}

const NOTHING: SpendingTotals = { certain: NOTHING_SPENT, uncertain: NOTHING_SPENT };

export class Ledger {
  readonly #stages: Map<string, SpendingTotals>;
  readonly #names = new Set<string>([OTHER]);
  readonly #reserved = new Map<number, { readonly stage: string; readonly amount: Spending }>();
  #entry: number;
  #settled: number;
  #total: SpendingTotals = NOTHING;

  constructor(state?: LedgerState) {
    this.#entry = state?.entry ?? 0;
    this.#settled = state?.settled ?? 0;
    this.#stages = new Map(Object.entries(state?.stages ?? {}));
    for (const totals of this.#stages.values()) {
      this.#total = addTotals(this.#total, totals);
      for (const name of Object.keys({ ...totals.certain, ...totals.uncertain })) this.#names.add(name);
    }
  }

  get isEmpty(): boolean {
    return this.#stages.size === 0;
  }

  /** Reservations up to this entry are settled, or counted as uncertain. */
  get settled(): number {
    return this.#settled;
  }

  get entry(): number {
    return this.#entry;
  }

  /** Over all stages, or of one. */
  total(stage?: string): SpendingTotals {
    return stage === undefined ? this.#total : (this.#stages.get(stage) ?? NOTHING);
  }

  /** What calls in flight have reserved. */
  reserved(stage?: string): Spending {
    let sum = NOTHING_SPENT;
    for (const one of this.#reserved.values())
      if (stage === undefined || one.stage === stage) sum = addSpending(sum, one.amount);
    return sum;
  }

  /** @returns the number of the entry. */
  spend(stage: string, amount: Spending): number {
    this.#add(stage, { certain: this.#named(amount), uncertain: NOTHING_SPENT });
    return ++this.#entry;
  }

  /** @returns the number of the entry, which settles it. */
  reserve(stage: string, amount: Spending): number {
    this.#reserved.set(++this.#entry, { stage, amount });
    return this.#entry;
  }

  settle(entry: number): void {
    this.#reserved.delete(entry);
  }

  /** Counts the entries of an earlier process that the state does not count.
   * @param lost reservations that were never settled. @param last the last entry of that process. */
  recover(
    spent: readonly { readonly stage: string; readonly amount: Spending }[],
    lost: readonly { readonly stage: string; readonly amount: Spending }[],
    last: number,
  ): void {
    for (const { stage, amount } of spent)
      this.#add(stage, { certain: this.#named(amount), uncertain: NOTHING_SPENT });
    for (const { stage, amount } of lost)
      this.#add(stage, { certain: NOTHING_SPENT, uncertain: this.#named(amount) });
    this.#entry = Math.max(this.#entry, last);
    this.#settled = this.#entry;
  }

  state(): LedgerState {
    return { entry: this.#entry, settled: this.#settled, stages: Object.fromEntries(this.#stages) };
  }

  #add(stage: string, amount: SpendingTotals): void {
    this.#stages.set(stage, addTotals(this.total(stage), amount));
    this.#total = addTotals(this.#total, amount);
  }

  #named(amount: Spending): Spending {
    let named = amount;
    for (const name of Object.keys(amount)) {
      if (this.#names.has(name)) continue;
      if (this.#names.size < MAX_NAMES) this.#names.add(name);
      else named = renamed(named, name);
    }
    return named;
  }
}

function renamed(amount: Spending, name: string): Spending {
  const { [name]: value = 0, ...rest } = amount;
  return addSpending(rest, { [OTHER]: value });
}

function addTotals(a: SpendingTotals, b: SpendingTotals): SpendingTotals {
  return {
    certain: addSpending(a.certain, b.certain),
    uncertain: addSpending(a.uncertain, b.uncertain),
  };
}
