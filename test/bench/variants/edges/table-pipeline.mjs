/** W12 through `table()`: with staging table, positions, checkpoints and a publish in one transaction. */
import Database from 'libsql';
import pg from 'pg';
import { pipeline, rows } from 'xstate-pipeline';
import { table } from 'xstate-pipeline/sql';
import { COLUMNS, loadedRows, TRANSACTION_ROWS } from './loaded-rows.mjs';

/** @param {{ kind: 'sqlite' | 'postgres', input: string, dir: string, host?: string }} params */
export async function run({ kind, input, dir, host }) {
  const pool =
    kind === 'postgres'
      ? new pg.Pool({ ...(host && { host }), user: 'test', database: 'postgres' })
      : undefined;
  const database = kind === 'sqlite' ? new Database(`${dir}/test.db`) : undefined;
  const create = `create table orders (${COLUMNS})`;
  await pool?.query(`drop table if exists orders; ${create}`);
  database?.exec(create);
  const client = pool ?? database;
  if (client === undefined) throw new Error('There is no database.');
  const orders = loadedRows(input);
  const before = performance.now();
  await pipeline('load', { checkpointInterval: TRANSACTION_ROWS })
    .from(rows(orders))
    .to(table({ client, name: 'orders' }))
    .run({ stateDir: `${dir}/state` });
  const seconds = (performance.now() - before) / 1000;
  await pool?.end();
  return { rowsPerSecond: orders.length / seconds };
}
