/** Parses the numbers of options. */
import { InvalidArgumentError } from 'commander';
import { BUDGET_UNITS, type Budget } from '../spending/budget.js';

/** `usd=10,calls=500` */
export function budgetLimits(text: string): Budget {
  const entries = text.split(',').map((part): [string, number] => {
    const [unit = '', amount = ''] = part.split('=');
    const limit = Number(amount);
    const isKnown = (BUDGET_UNITS as readonly string[]).includes(unit);
    if (isKnown && /^\d+(\.\d+)?$/.test(amount)) return [unit, limit];
    throw new InvalidArgumentError(
      `It must be limits, such as usd=10,calls=500. The units are ${BUDGET_UNITS.join(', ')}.`,
    );
  });
  return Object.fromEntries(entries);
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
