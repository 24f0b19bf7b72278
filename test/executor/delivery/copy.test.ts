/** The recipe of docs/recipes.md that loads an output into PostgreSQL with COPY: repeated, it loads no row twice. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, test } from 'vitest';
import { type Delivery, pipeline } from 'xstate-pipeline';
import { csv } from 'xstate-pipeline/node';
import { postgresFolder, startPostgres } from '../../sql/postgres.mjs';
import { freshFolder } from '../../support/folders.js';

test.skipIf(postgresFolder === undefined)(
  'COPY after the run, twice',
  async () => {
    const server = await startPostgres();
    const folder = freshFolder();
    const at = { host: server.folder, user: server.user, database: 'postgres' };
    const client = new pg.Client(at);
    await client.connect();
    try {
      await client.query('create table orders (id integer, title text)');
      writeFileSync(`${folder}/orders.csv`, 'id,title\n1,"a ""quoted"" one"\n2,Straße 🚲\n');
      const run = promisify(execFile);
      const psql = (...commands: readonly string[]) =>
        run('psql', [
          ...['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--single-transaction'],
          ...['--host', at.host, '--username', at.user, at.database],
          ...commands.flatMap((command) => ['--command', command]),
        ]);
      let deliveries = 0;
      const deliver = async ({ path }: Delivery) => {
        await psql('truncate orders', `\\copy orders from '${path}' (format csv, header)`);
        if (++deliveries === 1) throw new Error('the answer was lost');
      };
      const load = pipeline('load', { deliver })
        .from(csv(`${folder}/orders.csv`))
        .to(csv(`${folder}/loaded.csv`));
      const options = { stateDir: `${folder}/state` };
      await expect(load.run(options)).rejects.toMatchObject({ code: 'DELIVERY' });
      await load.run({ ...options, resume: 'last' });
      expect(deliveries).toBe(2);
      expect((await client.query('select * from orders order by id')).rows).toEqual([
        { id: 1, title: 'a "quoted" one' },
        { id: 2, title: 'Straße 🚲' },
      ]);
    } finally {
      await client.end();
      await server.stop();
    }
  },
  60_000,
);
