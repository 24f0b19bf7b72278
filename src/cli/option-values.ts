/** Parses the numbers of options. */
import { InvalidArgumentError } from 'commander';

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
