/**
 * I8: the output of a durable stage is used as the journal has it, on the live path and after a resume; and only for the
 * rows and the code that it was made with.
 */
import { expect, test } from 'vitest';
import { defineStage, InvalidOptionError, map, memoryStorage, rows, StateManager } from 'xstate-pipeline';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

test('the next stage gets JSON on the live path, as after a resume', async () => {
  const seen: unknown[] = [];
  const h = harness(
    [
      defineStage({
        name: 'dates',
        durable: true,
        process: (batch: Row[]) => batch.map(({ n }) => ({ n, at: new Date(n), gone: undefined })),
      }),
      map('look', (row: object) => {
        seen.push(row);
        return row;
      }),
    ],
    { count: 2 },
  );
  await h.start();
  expect(seen).toStrictEqual([
    { n: 0, at: '1970-01-01T00:00:00.000Z' },
    { n: 1, at: '1970-01-01T00:00:00.001Z' },
  ]);
});

test.each(['fail', 'skip'] as const)(
  'an output that the journal refuses is a failed attempt: the next attempt gets its rows (onError %s)',
  async (onError) => {
    const storage = memoryStorage();
    let refusals = 1;
    const refusing = {
      ...storage,
      async journal(sessionId: string, epoch: number) {
        const journal = await storage.journal(sessionId, epoch);
        return {
          ...journal,
          append: (...record: Parameters<typeof journal.append>) =>
            record[0].stage === 'large' && refusals-- > 0
              ? Promise.reject(new InvalidOptionError('an output this large'))
              : journal.append(...record),
        };
      },
    };
    const retry = { attempts: 2, initialDelayMs: 0, jitter: false };
    const stage = defineStage({
      name: 'large',
      durable: true,
      onError,
      retry,
      process: (batch: Row[]) => batch,
    });
    const h = harness([stage], { count: 30, stateManager: new StateManager(refusing) });
    const result = await h.start();
    expect(await result.data.toArray()).toEqual(numbers(30));
    expect(result.metrics).toMatchObject({ rowsIn: 30, rowsOut: 30, retries: 1 });
  },
);

/** A session in whose journal are the outputs of batches 3 to 9, none of them committed; and functions that resume it. */
async function interrupted() {
  const calls: string[] = [];
  const paid = (version: string) =>
    defineStage({
      name: 'paid',
      version,
      durable: true,
      concurrency: 10,
      process: (batch: Row[], { batch: { index } }) => {
        calls.push(`${version}: ${index}, ${batch.length} rows`);
        return batch.map(({ n }) => ({ n, by: version }));
      },
    });
  const door = gate();
  const waits = (opened: Promise<void>) =>
    defineStage({
      name: 'waits',
      process: async (batch: object[], { batch: { index } }) => {
        if (index === 2) await opened;
        return batch;
      },
    });
  const h = harness([paid('1'), waits(door.opened)], { pipeline: { maxInFlight: 20 } });
  const journaled = h.event(
    'batch.completed',
    (e) => e.type === 'batch.completed' && e.batch === 9 && e.durable,
  );
  h.start();
  await journaled;
  const { sessionId } = await h.executor.cancel();
  calls.length = 0;
  const goOn = (version: string, count = 100) => {
    const { stateManager, sink } = h;
    const next = harness([paid(version), waits(Promise.resolve())], { stateManager, sink });
    return next.executor.resume(sessionId, { source: rows(numbers(count)), sink }, { force: true });
  };
  return { calls, goOn, sink: h.sink };
}

test('the same code over the same rows: no second invocation', async () => {
  const { calls, goOn } = await interrupted();
  await goOn('1');
  expect(calls.filter((call) => !/: [012],/.test(call))).toEqual([]);
});

test('other code, by force: its own outputs for every batch that is not committed', async () => {
  const { calls, goOn, sink } = await interrupted();
  await goOn('2');
  expect(calls).toEqual(expect.arrayContaining([3, 4, 5, 6, 7, 8, 9].map((batch) => `2: ${batch}, 10 rows`)));
  expect(sink.rows.slice(30)).toEqual(
    numbers(100)
      .slice(30)
      .map(({ n }) => ({ n, by: '2' })),
  );
});

test('other rows, by force: outputs of the old rows are not used', async () => {
  const { calls, goOn, sink } = await interrupted();
  await goOn('1', 95);
  expect(calls.filter((call) => !/: [012],/.test(call))).toEqual(['1: 9, 5 rows']);
  expect(sink.rows).toHaveLength(95);
});
