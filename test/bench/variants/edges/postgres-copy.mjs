/** W12 by hand: COPY of an existing CSV file, in one transaction. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { COLUMNS, loadedRows } from './loaded-rows.mjs';

/** @param {{ input: string, dir: string, host: string }} params */
export function run({ input, dir, host }) {
  const psql = (/** @type {string} */ command) =>
    execFileSync('psql', ['-h', host, '-U', 'test', '-d', 'postgres', '-qc', command]);
  psql('drop table if exists orders');
  psql(`create table orders (${COLUMNS})`);
  const rows = loadedRows(input);
  const quoted = (/** @type {unknown} */ value) => `"${String(value).replaceAll('"', '""')}"`;
  const text = rows.map((row) => Object.values(row).map(quoted).join(',')).join('\n');
  writeFileSync(`${dir}/orders.csv`, `${text}\n`);
  const before = performance.now();
  psql(`\\copy orders from '${dir}/orders.csv' csv`);
  return { rowsPerSecond: rows.length / ((performance.now() - before) / 1000) };
}
