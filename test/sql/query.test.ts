/** `query()` keeps the source contract, and loses no digit of a key. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { query } from '../../src/sql/query.js';
import { contextOf, readAll, sourceContract } from '../../src/testing/contracts/source.js';
import { CLIENTS, isPresent, type TestDatabase, TestDatabases } from './clients.js';

const rows = Array.from({ length: 20 }, (_, i) => ({
  shop: `s${i % 3}`,
  id: i,
  title: `Straße ${i} 🚲`,
  price: i / 4,
}));
const inOrder = rows.toSorted((a, b) => a.shop.localeCompare(b.shop) || a.id - b.id);

const databases = new TestDatabases();
afterAll(() => databases.close());

describe.each(CLIENTS.filter(isPresent))('%s', (name) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await databases.open(name);
    await database.run('create table orders (shop text, id integer, title text, price double precision)');
    await database.run(
      `insert into orders values ${rows.map((row) => `('${row.shop}', ${row.id}, '${row.title}', ${row.price})`).join(', ')}`,
    );
    await database.run('create table empty (id integer)');
  });
  const orders = (where = '') =>
    query({ client: database.client, sql: `select * from orders ${where}`, key: ['shop', 'id'] });

  sourceContract(
    'query()',
    async () => ({ source: orders, rows: inOrder, shorter: async () => orders("where shop <> 's2'") }),
    { describe, it: test },
  );

  test('a query without rows gives none', async () => {
    const source = await query({ client: database.client, sql: 'select * from empty', key: 'id' }).open(
      undefined,
      contextOf(),
    );
    expect(await readAll(source)).toEqual([]);
    await source.close();
  });

  test.skipIf(name === 'libsql')('keys keep microseconds and 64 bits', async () => {
    const sql =
      "select timestamptz '2026-01-01' + n * interval '1 microsecond' as at, 9007199254740993 + n as big from generate_series(0, 4) n";
    for (const key of ['at', 'big']) {
      const source = await query<{ big: unknown }>({ client: database.client, sql, key }).open(
        undefined,
        contextOf(),
      );
      const seen = await readAll(source, 1);
      expect(seen).toHaveLength(5);
      expect(new Set(seen.map(({ rows: [row] }) => String((row as { big: unknown }).big))).size).toBe(5);
      await source.close();
    }
  });

  test.each([
    ['a missing table', 'select * from nothing', 'id'],
    ['a missing column', 'select * from orders', 'nothing'],
    ['a key that is null', 'select null as id', 'id'],
  ])('%s is refused in one line', async (_, sql, key) => {
    const reading = async () => {
      const source = await query({ client: database.client, sql, key }).open(undefined, contextOf());
      await readAll(source).finally(() => source.close());
    };
    await expect(reading()).rejects.toThrow(
      expect.objectContaining({ code: 'SOURCE', message: expect.not.stringContaining('\n') }),
    );
  });
});
