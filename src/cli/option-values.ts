/** What stands behind an option, as a number; a slip is wrong usage, in words. */
import { InvalidArgumentError } from 'commander';

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It has to be a whole number, from 1.');
  return value;
}

/** Batches are counted from 0. */
export function batchNumber(text: string): number {
  return text === '0' ? 0 : wholeNumber(text);
}

/** 0: any port that is free. */
export function portNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('It has to be a number up to 65535.');
  return value;
}
