/**
 * A budget: what a run may spend before it pauses by itself.
 *
 * Decided before a call begins, from what was spent, what calls in flight have reserved, and what the call is expected to spend.
 */
import { amount, jsonObject, optional, options, type Shape, shape } from '../formats/shape.js';
import type { SpendingTotals } from './ledger.js';
import { addAmounts, addSpending, type Spending } from './spending.js';

/** Limits by name, over the whole session, or over one stage. */
export interface Budget {
  /** US dollars. Needs an `estimate` of the paid stages, or calls of theirs that have been settled. */
  readonly usd?: number;
  /** Input and output tokens together. */
  readonly tokens?: number;
  /** Calls that have begun. */
  readonly calls?: number;
  /** Rows that calls have received. */
  readonly rows?: number;
  /** Milliseconds in EXECUTING, over all processes; time between them is no part. */
  readonly activeMs?: number;
  /** Shares of a limit at which `budget.warning` is announced. Default `[0.75, 0.9]`. */
  readonly warnAt?: readonly number[];
}

/** Limits over the whole session, and over single stages. */
export interface SessionBudget extends Budget {
  /** Limits over a stage, by its name: instead of those that the stage was defined with. */
  readonly stages?: Readonly<Record<string, Budget>>;
}

const limit = amount(0, Number.MAX_SAFE_INTEGER);

const BUDGET_FIELDS = {
  usd: optional(limit),
  tokens: optional(limit),
  calls: optional(limit),
  rows: optional(limit),
  activeMs: optional(limit),
  warnAt: optional(
    shape(
      'a list of shares, from 0 to 1',
      (value): value is number[] =>
        Array.isArray(value) && value.every((share) => typeof share === 'number' && share > 0 && share <= 1),
    ),
  ),
};

/** For stages. */
export const budgetOption = options(BUDGET_FIELDS);

const budgetsByStage: Shape<Readonly<Record<string, Budget>>> = {
  expected: 'an object with a budget for each stage',
  read: (value, path) =>
    Object.fromEntries(
      Object.entries(jsonObject.read(value, path)).map(([name, budget]) => [
        name,
        budgetOption.read(budget, `${path}.${name}`),
      ]),
    ),
};

/** For pipelines and runs. */
export const sessionBudgetOption = options({ ...BUDGET_FIELDS, stages: optional(budgetsByStage) });

/** The limits of `before`, but for those that `change` names. */
export function changeBudget(before: SessionBudget | undefined, change: SessionBudget): SessionBudget {
  if (before === undefined || (before.stages === undefined && change.stages === undefined))
    return { ...before, ...change };
  const stages: Record<string, Budget> = { ...before.stages };
  for (const [name, budget] of Object.entries(change.stages ?? {}))
    stages[name] = { ...stages[name], ...budget };
  return { ...before, ...change, stages };
}

/** The limits of a budget; `warnAt` is none. */
export const BUDGET_UNITS = ['usd', 'tokens', 'calls', 'rows', 'activeMs'] as const;
export type BudgetUnit = (typeof BUDGET_UNITS)[number];

/** Spending in the units of budgets. */
export function inBudgetUnits(spent: Spending): Spending {
  const { tokens, inputTokens = 0, outputTokens = 0 } = spent;
  return { ...spent, tokens: tokens ?? addAmounts(inputTokens, outputTokens) };
}

/** Whether an amount of this unit is given, 0 included. */
export function tells(spent: Spending, unit: 'usd' | 'tokens'): boolean {
  const names = unit === 'usd' ? ['usd'] : ['tokens', 'inputTokens', 'outputTokens'];
  return names.some((name) => spent[name] !== undefined);
}

/** What counts against a budget: certain and uncertain amounts, and reservations. */
export function used({ certain, uncertain }: SpendingTotals, reserved: Spending): Spending {
  return inBudgetUnits(addSpending(addSpending(certain, uncertain), reserved));
}

/** A limit that would be exceeded. */
export interface Exceeded {
  readonly unit: BudgetUnit;
  readonly limit: number;
  readonly used: number;
}

/** @param next what the call is expected to spend. @returns undefined: the call may begin. */
export function exceededBy(budget: Budget, spent: Spending, next: Spending): Exceeded | undefined {
  const call = inBudgetUnits(next);
  for (const unit of BUDGET_UNITS) {
    const limit = budget[unit];
    if (limit === undefined) continue;
    const before = spent[unit] ?? 0;
    const needed = call[unit] ?? 0;
    const isOver = needed > 0 ? addAmounts(before, needed) > limit : before >= limit;
    if (isOver) return { unit, limit, used: before };
  }
  return undefined;
}

/** The highest share of `warnAt` that `spent` has reached, by unit. */
export function warningsOf(
  budget: Budget,
  spent: Spending,
): { readonly unit: BudgetUnit; readonly share: number }[] {
  const { warnAt = [0.75, 0.9] } = budget;
  return BUDGET_UNITS.flatMap((unit) => {
    const limit = budget[unit];
    if (limit === undefined || limit === 0) return [];
    const reached = warnAt.filter((share) => (spent[unit] ?? 0) >= share * limit);
    return reached.length === 0 ? [] : [{ unit, share: Math.max(...reached) }];
  });
}

/** `$0.25`, `1,200 tokens`. */
export function amountText(unit: BudgetUnit, amount: number): string {
  if (unit === 'usd') return `$${amount.toFixed(amount >= 1 || amount === 0 ? 2 : 4)}`;
  if (unit === 'activeMs') return `${Math.round(amount / 1000)} s of work`;
  return `${amount.toLocaleString('en-US')} ${unit}`;
}
