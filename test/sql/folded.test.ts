/** The results of a `fold` in a table: published once, although a crash makes the run publish them again (I19). */
import { afterAll, describe, expect, test } from 'vitest';
import {
  collect,
  fold,
  memoryStorage,
  PipelineExecutor,
  rows,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { table } from '../../src/sql/table.js';
import { isPresent, TestDatabases } from './clients.js';

const databases = new TestDatabases();
afterAll(() => databases.close());

describe.each((['libsql', 'pg Pool'] as const).filter(isPresent))('%s', (name) => {
  test.each(['append', 'replace', 'upsert'] as const)('publish: %s', async (mode) => {
    const database = await databases.open(name);
    await database.run('create table totals (key integer primary key, value integer)');
    await database.run('insert into totals values (100, 1)');
    const publish = mode === 'upsert' ? { upsert: ['key'] } : mode;
    const count = fold('count', {
      key: ({ n }: { n: number }) => n % 3,
      init: () => 0,
      step: (value: number) => value + 1,
      to: table({ client: database.client, name: 'totals', publish }),
    });
    // The results are published before the output, whose first publishing fails.
    let failures = 1;
    const kept = collect<{ n: number }>();
    const openKept = kept.open.bind(kept);
    const sink = Object.assign(kept, {
      async open(...args: Parameters<typeof openKept>) {
        const open = await openKept(...args);
        return new Proxy(open, {
          get(target, key) {
            if (key === 'publish' && failures-- > 0)
              return () => Promise.reject(new Error('the power fails'));
            const value: unknown = Reflect.get(target, key, target);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      },
    });
    const executor = new PipelineExecutor([count], new StateManager(memoryStorage()), [], {
      logger: silentLogger,
    });
    const source = rows(Array.from({ length: 10 }, (_, n) => ({ n })));
    await expect(executor.execute({ name: 'folded', source, sink })).rejects.toThrow('the power fails');
    await executor.resume();
    const found = JSON.parse(
      JSON.stringify(await database.run('select key, value from totals order by key')),
    );
    const counts = [
      { key: 0, value: 4 },
      { key: 1, value: 3 },
      { key: 2, value: 3 },
    ];
    expect(found).toEqual(mode === 'replace' ? counts : [...counts, { key: 100, value: 1 }]);
  });
});
