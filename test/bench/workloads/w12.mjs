/** W12: the edges: tables of SQLite and PostgreSQL, and compressed input, against hand-written code. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { postgresFolder, startPostgres } from '../../sql/postgres.mjs';
import { makeOrders } from '../harness/order-rows.mjs';
import { fresh, OURS, ordersCase, variant } from './workload.mjs';

const PREPARED = 'prepared insert, by hand';
const COPY = 'COPY, by hand';
const GUNZIP = 'gunzip | loop';
const SQLITE = [
  variant(PREPARED, 'variants/edges/sqlite-inserts'),
  variant(OURS, 'variants/edges/table-pipeline', { kind: 'sqlite' }),
];
const POSTGRES = [
  variant(COPY, 'variants/edges/postgres-copy'),
  variant(OURS, 'variants/edges/table-pipeline', { kind: 'postgres' }),
];
const GZIP = [
  variant(GUNZIP, 'variants/edges/gzip-loop'),
  variant(OURS, 'variants/orders/orders-pipeline', { which: 'W1' }),
];

/** @type {import('../../sql/postgres.mjs').PostgresServer | undefined} */
let server;

async function host() {
  if (server === undefined) {
    server = await startPostgres();
    server.stopAtExit();
  }
  return server.folder;
}

/** @type {import('./workload.mjs').Workload} */
export const W12 = {
  name: 'W12',
  title: 'Databases and compressed input',
  ...{ unit: 'rows', size: 200_000, quickSize: 2_000 },
  variants: [...new Set([...SQLITE, ...POSTGRES, ...GZIP].map(({ name }) => name))],
  cases({ size, dir }) {
    const input = join(dir, `orders-${size}.jsonl`);
    const work = join(dir, 'w12');
    const table = { figure: 'rowsPerSecond', better: /** @type {const} */ ('higher'), unit: 'rows/s' };
    const gzip = ordersCase({ size, dir }, 'gzip', GZIP);
    return [
      {
        ...{ name: 'SQLite', baseline: PREPARED, variants: SQLITE, ...table },
        async before() {
          makeOrders(input, size);
          fresh(work);
          return { input, dir: work };
        },
      },
      ...(postgresFolder === undefined
        ? []
        : [
            {
              ...{ name: 'PostgreSQL', baseline: COPY, variants: POSTGRES, ...table },
              async before() {
                makeOrders(input, size);
                fresh(work);
                return { input, dir: work, host: await host() };
              },
            },
          ]),
      {
        ...gzip,
        async before(one) {
          const params = (await gzip.before?.(one)) ?? {};
          if (!existsSync(`${input}.gz`)) spawnSync('gzip', ['-k', input]);
          return { ...params, input: `${input}.gz` };
        },
      },
    ];
  },
};
