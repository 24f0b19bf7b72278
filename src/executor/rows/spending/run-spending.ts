/**
 * What the calls of a run spend: counted in the ledger, written to the journal, and compared with the budgets before each call.
 *
 * 1. A call of a paid stage is decided before it begins: spent, reserved and expected amounts together stay within every budget.
 * 2. It reserves its estimate, and settles what it spent, however it ended.
 * 3. A call that only fits once other calls have settled waits for them. One that does not fit pauses the run.
 * 4. A budget in dollars or tokens ends the run before its first call where the estimate tells none: it would never be reached.
 */
import type { HoldReason } from '../../../../machines/context.js';
import type { Journal } from '../../../checkpoint/journal/journal.js';
import { InvalidOptionError } from '../../../errors.js';
import type { Clock } from '../../../platform/clock.js';
import {
  amountText,
  type Budget,
  type BudgetUnit,
  type Exceeded,
  exceededBy,
  type SessionBudget,
  tells,
  used,
  warningsOf,
} from '../../../spending/budget.js';
import type { Ledger } from '../../../spending/ledger.js';
import {
  addSpending,
  checkSpending,
  isNothing,
  NOTHING_SPENT,
  type Spending,
} from '../../../spending/spending.js';
import type { CallRequest, Deferred, Held } from '../../../stages/calls/call-gate.js';
import type { AnyStage } from '../../../stages/stage.js';
import type { EventDraft } from '../../publish.js';
import { writeEntry } from './spending-journal.js';

export interface RunSpendingOptions {
  readonly stages: readonly AnyStage[];
  readonly ledger: Ledger;
  readonly journal: Journal | undefined;
  /** Of the whole session. */
  readonly budget: SessionBudget | undefined;
  readonly clock: Clock;
  /** Milliseconds in EXECUTING, over all processes. */
  readonly elapsedMs: () => number;
  readonly publish: (draft: EventDraft) => void;
  /** Ends the run: the journal cannot be written. */
  readonly fail: (error: unknown) => void;
}

type CallPlace = Pick<CallRequest, 'stageIndex' | 'batch' | 'call'>;

/** Milliseconds until a call asks again that waits for others to settle. */
const ASK_AGAIN_MS = 250;
/** Weight of the newest call in the moving average of a stage without an estimate. */
const NEWEST = 1 / 8;

export class RunSpending {
  readonly #reservations = new Map<string, number>();
  readonly #averages = new Map<number, Record<string, number>>();
  /** `scope unit share` of the warnings that were announced. */
  readonly #warned = new Set<string>();

  #budget: SessionBudget | undefined;

  constructor(private readonly options: RunSpendingOptions) {
    this.#budget = options.budget;
    for (const { key } of this.#warnings()) this.#warned.add(key);
  }

  /** Changes the limits. What is spent already counts.
   * @throws {InvalidOptionError} for a stage whose calls were not counted so far. */
  changeBudget(budget: SessionBudget | undefined): void {
    const { stages } = this.options;
    const before = this.#budget;
    const wasPaid = stages.map((_, i) => this.isPaid(i));
    this.#budget = budget;
    const added = stages.find((_, i) => this.isPaid(i) && !wasPaid[i]);
    if (added !== undefined) {
      this.#budget = before;
      throw new InvalidOptionError(
        `The calls of stage "${added.name}" are not counted in this process. Cancel the run, then resume the session with the budget.`,
      );
    }
    this.#warned.clear();
    for (const { key } of this.#warnings()) this.#warned.add(key);
  }

  /** Whether the calls of a stage are counted and decided. */
  isPaid(stageIndex: number): boolean {
    const { estimate, rowsPerCall, limit } = this.#stage(stageIndex);
    if (estimate !== undefined || this.#ownBudget(this.#stage(stageIndex)) !== undefined) return true;
    return this.#budget !== undefined && (rowsPerCall !== undefined || limit.length > 0);
  }

  /** Whether the call may begin; it reserves nothing yet. @param next what it is expected to spend. @returns undefined: it may. */
  decide({ stageIndex }: CallRequest, next: Spending): Deferred | Held | undefined {
    const unit = this.#unpricedUnit(stageIndex, next);
    if (unit !== undefined) {
      this.options.fail(
        new InvalidOptionError(
          `Stage "${this.#stage(stageIndex).name}": a budget is in ${unit}, and the estimate of a call tells no ${unit}. Return ${unit}, 0 for a free call; llm() needs its price.`,
        ),
      );
      return this.#askAgain();
    }
    for (const { budget, stage } of this.#budgets(stageIndex)) {
      const exceeded = exceededBy(budget, this.#used(stage, true), next);
      if (exceeded === undefined) continue;
      const isTight = exceededBy(budget, this.#used(stage, false), next) === undefined;
      if (isTight) return this.#askAgain();
      return { kind: 'hold', reason: reasonOf(exceeded, stage) };
    }
    return undefined;
  }

  #askAgain(): Deferred {
    const dueAt = Math.round(this.options.clock.now() + ASK_AGAIN_MS);
    return { kind: 'defer', dueAt, waitingFor: 'budget' };
  }

  /** A unit that a budget limits, and that no estimate tells. What is not a function was checked where the pipeline was defined. */
  #unpricedUnit(stageIndex: number, next: Spending): BudgetUnit | undefined {
    if (typeof this.#stage(stageIndex).estimate !== 'function') return undefined;
    const isAlone = this.options.stages.every(
      ({ estimate }, i) => i === stageIndex || estimate === undefined,
    );
    const budgets = this.#budgets(stageIndex).filter(({ stage }) => stage !== undefined || isAlone);
    return (['usd', 'tokens'] as const).find(
      (unit) => budgets.some(({ budget }) => budget[unit] !== undefined) && !tells(next, unit),
    );
  }

  /** Resolves when a crash does not lose the reservation; undefined: at once. */
  reserve({ stageIndex, batch, call }: CallRequest, amount: Spending): Promise<void> | undefined {
    const { ledger, journal } = this.options;
    const stage = this.#stage(stageIndex).name;
    const entry = ledger.reserve(stage, amount);
    this.#reservations.set(keyOf({ stageIndex, batch, call }), entry);
    return journal && writeEntry(journal, batch, { kind: 'reserved', entry, stage, amount });
  }

  /** A call has ended, or is given up.
   * @param rows that it received. @param reported by the stage's function. @returns what it spent. */
  settle(place: CallPlace, rows: number, reported: Spending): Spending {
    const { ledger } = this.options;
    const { stageIndex, batch } = place;
    const key = keyOf(place);
    const reserved = this.#reservations.get(key);
    const isPaid = reserved !== undefined || this.isPaid(stageIndex);
    const spent = isPaid ? addSpending({ calls: 1, rows }, without(reported, 'calls', 'rows')) : reported;
    if (reserved !== undefined) {
      this.#reservations.delete(key);
      ledger.settle(reserved);
      this.#learn(stageIndex, spent);
    }
    this.#record(stageIndex, batch, spent, reserved);
    return spent;
  }

  /** What was spent outside of a call: by an attempt over a whole batch, or after the call had ended. */
  spend(stageIndex: number, batch: number, spent: Spending): void {
    this.#record(stageIndex, batch, spent, undefined);
  }

  #record(stageIndex: number, batch: number, spent: Spending, reserved: number | undefined): void {
    const { ledger, journal, fail } = this.options;
    if (isNothing(spent) && reserved === undefined) return;
    const stage = this.#stage(stageIndex).name;
    const entry = ledger.spend(stage, spent);
    const settled = reserved === undefined ? {} : { reserved };
    if (journal !== undefined)
      writeEntry(journal, batch, { kind: 'spent', entry, stage, amount: spent, ...settled }).catch(fail);
    this.#warn();
  }

  /** What a call is expected to spend: as the stage says, else as its calls did so far. */
  estimate({ stageIndex, rows }: Pick<CallRequest, 'stageIndex' | 'rows'>): Spending {
    const { estimate, name } = this.#stage(stageIndex);
    const given = typeof estimate === 'function' ? estimate(rows) : estimate;
    const expected =
      given === undefined
        ? (this.#averages.get(stageIndex) ?? NOTHING_SPENT)
        : checkSpending(`Stage "${name}": estimate`, given);
    return { ...expected, calls: 1, rows: rows.length };
  }

  #learn(stageIndex: number, spent: Spending): void {
    const known = this.#averages.get(stageIndex);
    if (known === undefined) {
      this.#averages.set(stageIndex, { ...spent });
      return;
    }
    for (const name of Object.keys(spent)) {
      const before = known[name] ?? 0;
      known[name] = before + ((spent[name] ?? 0) - before) * NEWEST;
    }
  }

  /** The budgets that a call of the stage is compared with. */
  #budgets(stageIndex: number): { readonly budget: Budget; readonly stage: string | undefined }[] {
    const budget = this.#budget;
    const stage = this.#stage(stageIndex);
    const own = this.#ownBudget(stage);
    const all = budget === undefined ? [] : [{ budget, stage: undefined }];
    return own === undefined ? all : [...all, { budget: own, stage: stage.name }];
  }

  #ownBudget({ name, budget }: AnyStage): Budget | undefined {
    const given = this.#budget?.stages?.[name];
    return given === undefined ? budget : { ...budget, ...given };
  }

  #used(stage: string | undefined, withReserved: boolean): Spending {
    const { ledger, elapsedMs } = this.options;
    const reserved = withReserved ? ledger.reserved(stage) : NOTHING_SPENT;
    return { ...used(ledger.total(stage), reserved), activeMs: elapsedMs() };
  }

  #warnings() {
    const budget = this.#budget;
    const scopes = [
      ...(budget === undefined ? [] : [{ budget, stage: undefined }]),
      ...this.options.stages.flatMap((stage) => {
        const own = this.#ownBudget(stage);
        return own === undefined ? [] : [{ budget: own, stage: stage.name }];
      }),
    ];
    return scopes.flatMap((scope) => {
      const spent = this.#used(scope.stage, false);
      return warningsOf(scope.budget, spent).map(({ unit, share }) => ({
        key: `${scope.stage ?? ''} ${unit} ${share}`,
        ...{ stage: scope.stage, unit, share, limit: scope.budget[unit] ?? 0, used: spent[unit] ?? 0 },
      }));
    });
  }

  #warn(): void {
    for (const { key, stage, ...warning } of this.#warnings()) {
      if (this.#warned.has(key)) continue;
      this.#warned.add(key);
      this.options.publish({
        type: 'budget.warning',
        ...warning,
        ...(stage === undefined ? {} : { stage }),
      });
    }
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}

const keyOf = ({ stageIndex, batch, call }: CallPlace): string => `${stageIndex}:${batch}:${call}`;

function without(spent: Spending, ...names: readonly string[]): Spending {
  return Object.fromEntries(Object.entries(spent).filter(([name]) => !names.includes(name)));
}

function reasonOf({ unit, limit, used: before }: Exceeded, stage: string | undefined): HoldReason {
  const whose = stage === undefined ? 'The budget' : `The budget of stage "${stage}"`;
  const more = `${unit}: ${nextLimit(limit)}`;
  const inCode = stage === undefined ? more : `stages: { ${JSON.stringify(stage)}: { ${more} } }`;
  const option = `${stage === undefined ? '' : `${stage}:`}${unit}=${nextLimit(limit)}`;
  const quoted = /^[\w:=.-]+$/.test(option) ? option : JSON.stringify(option);
  return {
    kind: 'budget',
    message: `${whose} of ${amountText(unit, limit)} is reached: ${amountText(unit, before)} spent, and the next call would exceed it.`,
    advice: `Resume with a larger budget: --budget ${quoted}, or run({ budget: { ${inCode} } }).`,
  };
}

const nextLimit = (limit: number): number => (limit === 0 ? 1 : limit * 2);
