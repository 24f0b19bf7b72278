/** `table()` keeps the sink contract over every client that it knows, on real servers and files. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { TablePublish } from '../../src/sql/publish-statements.js';
import { table } from '../../src/sql/table.js';
import { type SinkFixture, sinkContract } from '../../src/testing/contracts/sink.js';
import { CLIENTS, type ClientName, isPresent, type TestDatabase, TestDatabases } from './clients.js';

const rows = Array.from({ length: 12 }, (_, id) => ({
  id,
  title: id % 4 === 0 ? null : `Straße "${id}" 🚲\n`,
  price: id / 4,
  tags: id % 3 === 0 ? null : { list: [id] },
}));

let places = 0;

/** A fresh table; its rows are compared as JSON. */
async function fixture(
  name: ClientName,
  { client, run }: TestDatabase,
  publish: TablePublish,
): Promise<SinkFixture> {
  const isSqlite = name === 'libsql';
  const target = `t${++places}`;
  const json = isSqlite ? 'text' : 'jsonb';
  await run(
    `create table ${target} (id integer primary key, title text, price double precision, tags ${json})`,
  );
  return {
    sink: table({ client, name: target, publish, columns: ['id', 'title', 'price', 'tags'] }),
    rows,
    readBack: rows.map((row) => (isSqlite ? { ...row, tags: row.tags && JSON.stringify(row.tags) } : row)),
    sideBySide: publish !== 'append',
    bySession: true,
    holdsSession: name === 'pg Pool' || name === 'postgres',
    async target() {
      const found = await run(`select * from ${target} order by id`);
      if (found.length > 0) return JSON.parse(JSON.stringify(found));
      const published = await run(
        `select 1 from xp_sessions where sink = '${target}' and published = 1`,
      ).catch(() => []);
      return published.length > 0 ? [] : undefined;
    },
    async loseUnpublished() {
      const tables = isSqlite
        ? await run('select name from sqlite_master')
        : await run('select tablename as name from pg_tables');
      for (const { name: found } of tables)
        if (/^xp_[0-9a-f]{12}_/.test(String(found))) await run(`drop table "${String(found)}"`);
    },
  };
}

const databases = new TestDatabases();
afterAll(() => databases.close());

describe.each(CLIENTS.filter(isPresent))('%s', (name) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await databases.open(name);
  });
  const modes: readonly TablePublish[] =
    name === 'libsql' || name === 'pg Pool' ? ['append', 'replace', { upsert: ['id'] }] : ['replace'];
  for (const publish of modes)
    sinkContract(`table(), ${JSON.stringify(publish)},`, () => fixture(name, database, publish), {
      describe,
      it: test,
    });
});
