/**
 * Processes that are killed with SIGKILL before and after statements of their database, and resumed by others.
 *
 * Pinned: I23 over real servers and files: 0 lost, 0 doubled, 0 published in part. `XSTATE_PIPELINE_KILLS=200` kills more.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { SEED } from '../support/seed.js';
import { openPostgresAt, openSqlite, type TestDatabase } from './clients.js';
import { postgresFolder, startPostgres } from './postgres.mjs';

const CHILD = fileURLToPath(new URL('killed.child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_KILLS ?? 10);
const ROWS = 400;
const golden = Array.from({ length: ROWS }, (_, i) => ({ id: i * 2, title: `row ${i}` }));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly output: string;
}

function runChild(options: object): Promise<Ended> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, output })));
}

async function killRepeatedly(
  kind: string,
  at: unknown,
  database: TestDatabase,
  folder: string,
): Promise<void> {
  const random = seededRandom(SEED);
  await database.run('create table origin (id integer primary key, title text)');
  await database.run('create table target (id integer, title text)');
  await database.run("insert into target values (-1, 'old')");
  const values = golden.map((_, i) => `(${i}, 'row ${i}')`);
  await database.run(`insert into origin values ${values.join(', ')}`);
  const contents = async () =>
    JSON.parse(JSON.stringify(await database.run('select id, title from target order by id')));

  for (let kills = 0, run = 0; kills < KILLS; run++) {
    await database.run('delete from target');
    await database.run("insert into target values (-1, 'old')");
    const stateDir = join(folder, `state-${run}`);
    for (;;) {
      const when = random() < 0.5 ? 'before' : 'after';
      const killAt = kills < KILLS ? 1 + Math.floor(random() * 45) : 0;
      const ended = await runChild({ kind, at, stateDir, killAt, when });
      const place = `run ${run}, kill ${kills} ${when} statement ${killAt}: ${ended.output}`;
      if (ended.signal === 'SIGKILL') {
        kills++;
        const rows = await contents();
        if (rows.length !== ROWS) expect(rows, place).toEqual([{ id: -1, title: 'old' }]);
        continue;
      }
      expect(ended, place).toMatchObject({ code: 0, signal: null });
      break;
    }
    expect(await contents(), `run ${run}`).toEqual(golden);
  }
  const tables = await database.run(
    kind === 'libsql'
      ? "select name from sqlite_master where type = 'table'"
      : "select tablename as name from pg_tables where schemaname = 'public'",
  );
  const names = tables.map(({ name }) => String(name)).toSorted();
  expect(names.filter((name) => !/^xp_[0-9a-f]{12}_/.test(name))).toEqual([
    'origin',
    'target',
    'xp_sessions',
  ]);
  // A process that is killed before its first checkpoint leaves an empty staging table.
  for (const name of names.filter((one) => /^xp_[0-9a-f]{12}_/.test(one)))
    expect(await database.run(`select * from "${name}"`)).toEqual([]);
}

describe(`${KILLS} kills (seed ${SEED})`, () => {
  test('SQLite on disk', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xp-kill-'));
    const path = join(folder, 'test.db');
    const database = openSqlite(path);
    try {
      await killRepeatedly('libsql', path, database, folder);
    } finally {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 600_000);

  test.skipIf(postgresFolder === undefined)(
    'PostgreSQL',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'xp-kill-'));
      const server = await startPostgres();
      const at = { host: server.folder, user: server.user, database: 'postgres' };
      const database = openPostgresAt(at);
      try {
        await killRepeatedly('postgres', at, database, folder);
      } finally {
        await database.close();
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    600_000,
  );
});
