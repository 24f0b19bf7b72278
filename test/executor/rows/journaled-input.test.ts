/**
 * I26: an answer belongs to the very rows that it was made from. Changed or reordered rows never meet an old answer or an
 * old idempotency key; in a grown source, what was journaled is not processed again.
 */
import { expect, test } from 'vitest';
import { defineStage, rows } from 'xstate-pipeline';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

interface Call {
  readonly batch: number;
  readonly rows: readonly number[];
  readonly key: string;
}

/** A session whose `count` rows are journaled and not committed: batch 0 waits behind the durable stage. */
async function journaledSession(input: readonly Row[], options: { readonly durable?: boolean } = {}) {
  const calls: Call[] = [];
  const paid = defineStage({
    ...{ name: 'paid', durable: true, concurrency: 10, ...options },
    process: (batch: Row[], { batch: { index }, idempotencyKey }) => {
      calls.push({ batch: index, rows: batch.map(({ n }) => n), key: idempotencyKey });
      return batch.map(({ n }) => ({ n: n * 10 }));
    },
  });
  const waits = (opened: Promise<void>) =>
    defineStage({
      ...{ name: 'waits', concurrency: 10 },
      process: async (batch: Row[], { batch: { index } }) => {
        if (index === 0) await opened;
        return batch;
      },
    });
  const h = harness([paid, waits(gate().opened)], {
    source: rows(input) as never,
    pipeline: { maxInFlight: 20 },
  });
  const batches = Math.ceil(input.length / 10);
  let done = 0;
  const all = h.event(
    'batch.completed',
    (e) => e.type === 'batch.completed' && e.stage === 'paid' && ++done === batches,
  );
  h.start();
  await all;
  const { sessionId } = await h.executor.cancel();
  const first = calls.splice(0);
  return {
    first,
    calls,
    /** Resumes over another input. @param isHeld: it ends, cancelled, when everything is journaled again. */
    async resume(next: readonly Row[], isHeld = false) {
      const { stateManager, sink } = h;
      const opened = isHeld ? gate().opened : Promise.resolve();
      const again = harness([paid, waits(opened)], { stateManager, sink, pipeline: { maxInFlight: 20 } });
      const expected = Math.ceil(next.length / 10);
      const seen = new Set<number>();
      const journaled = again.event('batch.completed', (e) => {
        if (e.type === 'batch.completed' && e.stage === 'paid') seen.add(e.batch);
        return seen.size >= expected;
      });
      const run = again.executor.resume(sessionId, { source: rows(next), sink });
      run.catch(() => {});
      if (isHeld) {
        await journaled;
        await again.executor.cancel();
      } else await run;
      return sink.rows;
    },
  };
}

const times10 = (input: readonly Row[]) => input.map(({ n }) => ({ n: n * 10 }));

test('the same rows: no call, the same output', async () => {
  const session = await journaledSession(numbers(30));
  expect(await session.resume(numbers(30))).toEqual(times10(numbers(30)));
  expect(session.calls).toEqual([]);
});

test('rows replaced before the first commit: every row of the output is made from the new ones', async () => {
  const session = await journaledSession(numbers(30));
  const replaced = numbers(30).map(({ n }) => ({ n: n + 1000 }));
  expect(await session.resume(replaced)).toEqual(times10(replaced));
  expect(session.calls.map(({ batch }) => batch).sort()).toEqual([0, 1, 2]);
});

test('one row changed, or two exchanged: only its batch is processed again, with another key', async () => {
  const session = await journaledSession(numbers(30));
  const changed = numbers(30);
  [changed[14], changed[15]] = [changed[15] as Row, changed[14] as Row];
  expect(await session.resume(changed)).toEqual(times10(changed));
  expect(session.calls.map(({ batch }) => batch)).toEqual([1]);
  const before = session.first.find(({ batch }) => batch === 1);
  expect(session.calls[0]?.key).not.toBe(before?.key);
});

test('the source has grown: what was journaled keeps its borders and is not processed again', async () => {
  const session = await journaledSession(numbers(25));
  expect(await session.resume(numbers(38))).toEqual(times10(numbers(38)));
  expect(session.calls.map(({ batch, rows: given }) => [batch, given[0], given.length])).toEqual([
    [3, 25, 10],
    [4, 35, 3],
  ]);
});

test('no key ever stands for two different groups of rows', async () => {
  const session = await journaledSession(numbers(25), { durable: false });
  await session.resume(numbers(38));
  const byKey = new Map<string, string>();
  for (const { key, rows: given } of [...session.first, ...session.calls]) {
    expect(byKey.get(key) ?? given.join()).toBe(given.join());
    byKey.set(key, given.join());
  }
  // Batches 0 and 1 are asked for twice, and are the same request.
  expect(byKey.size).toBe(5);
});

test('an output that was replaced is used by the next process', async () => {
  const session = await journaledSession(numbers(30));
  const replaced = numbers(30).map(({ n }) => ({ n: n + 1000 }));
  await session.resume(replaced, true);
  expect(session.calls).toHaveLength(3);
  session.calls.length = 0;
  expect(await session.resume(replaced)).toEqual(times10(replaced));
  expect(session.calls).toEqual([]);
});
