/**
 * What calls spend: amounts by name. `usd`, `inputTokens`, `outputTokens` and `calls` have a meaning to budgets and displays;
 * any other name is only summed.
 *
 * Sums are exact to a billionth: money in binary fractions would be off by a cent after some million calls.
 */
import { InvalidOptionError } from '../errors.js';
import { kindOf } from '../formats/shape.js';

/** Amounts by name: finite numbers from 0. */
export type Spending = Readonly<Record<string, number>>;

export const NOTHING_SPENT: Spending = Object.freeze({});

const BILLION = 1e9;
const MAX_NAME_LENGTH = 40;
/** Largest amount: sums of a million of these are still exact whole numbers. */
const MAX_AMOUNT = 1e9;
const HOSTILE_NAMES = ['__proto__', 'constructor', 'prototype'];

export function addSpending(a: Spending, b: Spending): Spending {
  if (a === NOTHING_SPENT) return b;
  const sum: Record<string, number> = { ...a };
  for (const name of Object.keys(b)) sum[name] = addAmounts(sum[name] ?? 0, b[name] ?? 0);
  return sum;
}

export function isNothing(spending: Spending): boolean {
  for (const name of Object.keys(spending)) if (spending[name] !== 0) return false;
  return true;
}

/** Whole parts and billionths are added apart: each stays exact. */
export function addAmounts(a: number, b: number): number {
  if (Number.isInteger(a) && Number.isInteger(b)) return a + b;
  const billionths = billionthsOf(a) + billionthsOf(b);
  const carry = Math.floor(billionths / BILLION);
  return Math.floor(a) + Math.floor(b) + carry + (billionths - carry * BILLION) / BILLION;
}

const billionthsOf = (amount: number): number => Math.round((amount - Math.floor(amount)) * BILLION);

export function isSpending(value: unknown): value is Spending {
  try {
    checkSpending('it', value);
    return true;
  } catch {
    return false;
  }
}

/** @throws {InvalidOptionError} for anything but amounts by name. @param what for the message */
export function checkSpending(what: string, given: unknown): Spending {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InvalidOptionError(
      `${what} must be an object of amounts, like { usd: 0.01 }; got ${kindOf(given)}.`,
    );
  const checked: Record<string, number> = {};
  for (const [name, amount] of Object.entries(given)) {
    // A service that does not report a number has spent an unknown amount of it.
    if (amount === undefined) continue;
    if (name === '' || name.length > MAX_NAME_LENGTH || HOSTILE_NAMES.includes(name))
      throw new InvalidOptionError(
        `${what}: an amount's name must be a text of 1 to ${MAX_NAME_LENGTH} characters.`,
      );
    if (typeof amount !== 'number' || !(amount >= 0 && amount <= MAX_AMOUNT))
      throw new InvalidOptionError(
        `${what}: ${name} must be a number from 0 to ${MAX_AMOUNT}; got ${typeof amount === 'number' ? amount : kindOf(amount)}.`,
      );
    checked[name] = amount;
  }
  return checked;
}
