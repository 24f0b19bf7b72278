/** The rows of W12: as objects, made before the clock runs. */
import { readFileSync } from 'node:fs';

/**
 * @param {string} input
 * @returns {{ id: number, name: string, amount: string, quantity: number, status: string, at: string, country: string, reference: string }[]}
 */
export const loadedRows = (input) =>
  readFileSync(input, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

export const COLUMNS =
  'id integer, name text, amount text, quantity integer, status text, at text, country text, reference text';
/** Rows in one transaction. */
export const TRANSACTION_ROWS = 5_000;
