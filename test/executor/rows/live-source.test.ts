/**
 * A live source: its rows are worked on within `checkpointEveryMs`, however few they are, and a pause does not wait for the
 * next one. No row is lost or read twice (I16).
 */
import { expect, test } from 'vitest';
import { map, type Source } from 'xstate-pipeline';
import { manualClock } from 'xstate-pipeline/testing';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

/** Rows that arrive when the test says so. */
function live() {
  const arrived: Row[] = [];
  let wake = () => {};
  let isEnded = false;
  return {
    push(...rows: Row[]) {
      arrived.push(...rows);
      wake();
    },
    end() {
      isEnded = true;
      wake();
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
      for (;;) {
        while (arrived.length > 0) yield arrived.shift() as Row;
        if (isEnded) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('fewer rows than a batch are worked on after checkpointEveryMs', async () => {
  const clock = manualClock();
  const seen: number[] = [];
  const stage = map('see', (row: Row) => {
    seen.push(row.n);
    return row;
  });
  const source = live();
  const h = harness([stage], { source, environment: { clock }, pipeline: { checkpointEveryMs: 2_000 } });
  const run = h.start();
  source.push(...numbers(3));
  await turns();
  expect(seen).toEqual([]);
  const committed = h.event('batches.committed');
  clock.advance(2_000);
  await turns();
  expect(seen).toEqual([0, 1, 2]);
  clock.advance(2_000);
  await committed;
  source.push({ n: 3 });
  source.end();
  await run;
  expect(h.sink.rows).toEqual(numbers(4));
});

test('a pause ends the wait, with the rows that have arrived; a resume continues to wait', async () => {
  const source = live();
  const h = harness([map('same', (row: Row) => row)], { source });
  const run = h.start();
  await h.event('pipeline.started');
  source.push(...numbers(3));
  await turns();
  expect(await h.executor.pause()).toMatchObject({ batches: 1, rowsIn: 3, rowsOut: 3 });
  source.push({ n: 3 }, { n: 4 });
  await turns();
  const resumed = h.executor.resume();
  await turns();
  // Nothing new: also a second pause ends the wait.
  expect(await h.executor.pause()).toMatchObject({ rowsIn: 5 });
  const again = h.executor.resume();
  source.push({ n: 5 });
  source.end();
  await Promise.all([run, resumed, again]);
  expect(h.sink.rows).toEqual(numbers(6));
});

test('a source of its own that does not answer: the pause ends, and its rows come after the resume', async () => {
  const reading = gate();
  let reads = 0;
  const source: Source<Row> = {
    kind: 'own',
    onMalformed: 'fail',
    describe: () => undefined,
    open: async () => ({
      async read() {
        if (++reads > 1) return undefined;
        await reading.opened;
        return { size: 1, position: { rows: 1 }, done: 1, decode: (row) => row({ n: 0 }) };
      },
      identity: async () => undefined,
      close: async () => {},
    }),
  };
  const h = harness([map('same', (row: Row) => row)], { source: source as never });
  const run = h.start();
  await h.event('pipeline.started');
  await turns();
  expect(await h.executor.pause()).toMatchObject({ rowsIn: 0 });
  reading.open();
  await turns();
  expect(h.sink.rows).toEqual([]);
  const resumed = h.executor.resume();
  await Promise.all([run, resumed]);
  expect(h.sink.rows).toEqual(numbers(1));
  expect(reads).toBe(2);
});

test('a cancel while the source waits ends the run', async () => {
  const source = live();
  const h = harness([map('same', (row: Row) => row)], { source });
  const run = h.start();
  await h.event('pipeline.started');
  await turns();
  await h.executor.cancel();
  await expect(run).rejects.toThrow('cancelled');
});
