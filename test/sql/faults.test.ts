/**
 * A database that fails at every statement of a run, before it or after it (so that the answer of a COMMIT is lost), and stays
 * away; the session is then resumed over a new connection.
 *
 * `XSTATE_PIPELINE_EVERY_STATEMENT=1` tries every statement; without it, every fifth.
 *
 * Pinned: I23 (no row lost, doubled or published in part), I6 (a failed commit is final for its run), I10 (a replaced writer
 * is fenced, also with another state directory).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { map, memoryStorage, pipeline, rows, StateManager } from 'xstate-pipeline';
import type { SinkPosition } from '../../src/sinks/sink.js';
import type { SqlClient } from '../../src/sql/clients/connect.js';
import type { TablePublish } from '../../src/sql/publish-statements.js';
import { table } from '../../src/sql/table.js';
import { contextOf } from '../../src/testing/contracts/source.js';
import { type ClientName, isPresent, type TestDatabase, TestDatabases } from './clients.js';

const INPUT = Array.from({ length: 40 }, (_, id) => ({ id, title: `row ${id}` }));
const OLD = [
  { id: 3, title: 'old' },
  { id: 100, title: 'old' },
];
const MODES = ['append', 'replace', { upsert: ['id'] }] as const satisfies readonly TablePublish[];

/** What the table holds when the run has completed. */
function expectedRows(publish: TablePublish) {
  if (publish === 'append') return [OLD[1], ...INPUT].toSorted((a, b) => (a?.id ?? 0) - (b?.id ?? 0));
  return publish === 'replace' ? INPUT : [...INPUT, OLD[1]];
}

const STEP = process.env.XSTATE_PIPELINE_EVERY_STATEMENT === undefined ? 5 : 1;

class Disconnected extends Error {
  readonly code = '08006';
}

interface Fault {
  /** From 1. */
  readonly statement: number;
  readonly when: 'before' | 'after';
}

/** A client that fails at a statement and at every later one. */
function failing(client: SqlClient, fault: Fault | undefined): { client: SqlClient; statements(): number } {
  let count = 0;
  const around = <R>(statement: () => R): R => {
    count++;
    const isAway = fault !== undefined && count >= fault.statement;
    if (isAway && (fault.when === 'before' || count > fault.statement)) throw new Disconnected('gone');
    const result = statement();
    if (!isAway) return result;
    if (result instanceof Promise)
      return result.then(() => {
        throw new Disconnected('gone');
      }) as R;
    throw new Disconnected('gone');
  };
  const statements = () => count;
  if ('prepare' in client) {
    const wrapped = {
      exec: (sql: string) => around(() => client.exec(sql)),
      prepare(sql: string) {
        const prepared = client.prepare(sql);
        return {
          all: (...given: never[]) => around(() => prepared.all(...given)),
          run: (...given: never[]) => around(() => prepared.run(...given)),
        };
      },
    };
    return { client: wrapped, statements };
  }
  const { query } = client as { query(sql: string, given?: unknown[]): Promise<{ rows: unknown[] }> };
  return {
    client: { query: async (sql, given) => around(() => query.call(client, sql, given)) },
    statements,
  };
}

const databases = new TestDatabases();
afterAll(() => databases.close());

describe.each((['libsql', 'pg Client'] as const).filter(isPresent))('%s', (name: ClientName) => {
  let database: TestDatabase;
  let tables = 0;
  beforeAll(async () => {
    database = await databases.open(name);
  });

  async function makeTable(publish: TablePublish) {
    const target = `t${++tables}`;
    await database.run(`create table ${target} (id integer primary key, title text not null)`);
    for (const { id, title } of publish === 'append' ? OLD.slice(1) : OLD)
      await database.run(`insert into ${target} values (${id}, '${title}')`);
    const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 8 });
    return {
      contents: async () =>
        JSON.parse(JSON.stringify(await database.run(`select id, title from ${target} order by id`))),
      run: (client: SqlClient, resume?: 'last-or-new') =>
        pipeline('import', { batchSize: 4 })
          .from(rows(INPUT))
          .pipe(map('same', (row) => row))
          .to(table({ client, name: target, publish }))
          .run({ stateManager, ...(resume && { resume }) }),
    };
  }

  test.each(MODES)(
    'fails at every statement, and is resumed: %j',
    async (publish) => {
      const whole = await makeTable(publish);
      const counted = failing(database.client, undefined);
      await whole.run(counted.client);
      expect(await whole.contents()).toEqual(expectedRows(publish));
      expect(counted.statements()).toBeGreaterThan(20);

      let failures = 0;
      for (let statement = 1; statement <= counted.statements(); statement += STEP) {
        for (const when of ['before', 'after'] as const) {
          const place = `${when} statement ${statement}`;
          const one = await makeTable(publish);
          const before = await one.contents();
          const failed = await one.run(failing(database.client, { statement, when }).client).then(
            () => undefined,
            (error: unknown) => error,
          );
          await database.reset();
          const after = await one.contents();
          // The number of statements varies with the number of commits.
          if (failed === undefined) continue;
          failures++;
          expect(failed, place).toMatchObject({ message: expect.not.stringContaining('\n') });
          const isWhole = JSON.stringify(after) === JSON.stringify(expectedRows(publish));
          if (!isWhole) expect(after, place).toEqual(before);
          const result = await one.run(database.client, 'last-or-new');
          expect(result.success, place).toBe(true);
          expect(await one.contents(), place).toEqual(expectedRows(publish));
        }
      }
      expect(failures).toBeGreaterThan(40 / STEP);
    },
    120_000,
  );

  test('of two executors of one session, on two state directories, only one publishes', async () => {
    const target = `t${++tables}`;
    await database.run(`create table ${target} (id integer primary key, title text not null)`);
    const open = (at?: SinkPosition) =>
      table({ client: database.client, name: target }).open(at, false, contextOf());
    const first = await open();
    await first.append([first.encode(INPUT.slice(0, 4))]);
    const position = await first.flush();
    const second = await open(position);
    await first.append([first.encode(INPUT.slice(4, 8))]);
    await expect(first.flush()).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
    await expect(first.publish()).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
    await first.close();
    await second.append([second.encode(INPUT.slice(4))]);
    await second.flush();
    await second.publish();
    await second.close();
    expect(
      JSON.parse(JSON.stringify(await database.run(`select id, title from ${target} order by id`))),
    ).toEqual(INPUT);
  });
});
