/** W12 by hand: a prepared insert, in transactions of 5,000 rows, each on disk when it returns. */
import Database from 'libsql';
import { COLUMNS, loadedRows, TRANSACTION_ROWS } from './loaded-rows.mjs';

/** @param {{ input: string, dir: string }} params */
export function run({ input, dir }) {
  const database = new Database(`${dir}/test.db`);
  database.exec('pragma synchronous = full');
  database.exec(`create table orders (${COLUMNS})`);
  const rows = loadedRows(input);
  const before = performance.now();
  const insert = database.prepare('insert into orders values (?, ?, ?, ?, ?, ?, ?, ?)');
  for (let from = 0; from < rows.length; from += TRANSACTION_ROWS) {
    database.exec('begin immediate');
    for (const row of rows.slice(from, from + TRANSACTION_ROWS))
      insert.run(row.id, row.name, row.amount, row.quantity, row.status, row.at, row.country, row.reference);
    database.exec('commit');
  }
  return { rowsPerSecond: rows.length / ((performance.now() - before) / 1000) };
}
