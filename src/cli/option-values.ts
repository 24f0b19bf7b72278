/** Parses the numbers of options. */
import { InvalidArgumentError } from 'commander';
import { BUDGET_UNITS, type SessionBudget } from '../spending/budget.js';

/** `usd=10,calls=500`; of a stage: `classify:usd=5`. Names with a comma or `=` cannot be given here. */
export function budgetLimits(text: string): SessionBudget {
  const session: Record<string, number> = {};
  const stages: Record<string, Record<string, number>> = {};
  for (const part of text.split(',')) {
    const [, stage, unit = '', amount = ''] = /^(?:([^=]+):)?([^=:]*)=(\d+(?:\.\d+)?)$/.exec(part) ?? [];
    if (!(BUDGET_UNITS as readonly string[]).includes(unit))
      throw new InvalidArgumentError(
        `It must be limits, such as usd=10,calls=500, or classify:usd=5 for a stage. The units are ${BUDGET_UNITS.join(', ')}.`,
      );
    if (stage === undefined) session[unit] = Number(amount);
    else stages[stage] = { ...stages[stage], [unit]: Number(amount) };
  }
  return Object.keys(stages).length === 0 ? session : { ...session, stages };
}

export const wholeNumber = (text: string): number => within(text, 1);
/** From 0. */
export const batchNumber = (text: string): number => within(text, 0);
/** 0: any free port. */
export const portNumber = (text: string): number => within(text, 0, 65_535);

function within(text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`;
  throw new InvalidArgumentError(`It must be a whole number, from ${min}${upTo}.`);
}

/** Of an option that may be given several times. */
export const collect = (text: string, before: readonly string[]): string[] => [...before, text];
