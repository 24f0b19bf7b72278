/**
 * The metadata in journal records: I8 (announced durable, never invoked again), I12 (nothing is counted twice or missing,
 * whichever process computed the batch).
 */
import { expect, test } from 'vitest';
import { defineStage, map, type PipelineEvent, rows } from 'xstate-pipeline';
import { gate, type Harness, harness, numbers, type Row } from '../../support/runs.js';

/** Batch 0 is held behind the durable stage, so that nothing is committed, until all of them are journaled. */
function held(opened: Promise<void>) {
  return defineStage({
    name: 'waits',
    concurrency: 10,
    process: async (batch: object[], { batch: { index } }) => {
      if (index === 0) await opened;
      return batch;
    },
  });
}

/** Cancels when as many batches of the durable stage are journaled. @returns the session. */
async function cancelledWith(run: Harness, batches: number): Promise<string> {
  const journaled = new Set<number>();
  const all = run.event('batch.completed', (event: PipelineEvent) => {
    if (event.type === 'batch.completed' && event.stage === 'paid') journaled.add(event.batch);
    return journaled.size === batches;
  });
  run.start();
  await all;
  return (await run.executor.cancel()).sessionId;
}

test('outputs are found after any number of stages', async () => {
  const invoked: number[] = [];
  const before = Array.from({ length: 20 }, (_, i) => map(`stage ${i}`, (row: Row) => row));
  const paid = defineStage({
    ...{ name: 'paid', durable: true, concurrency: 10 },
    process: (batch: Row[], { batch: { index } }) => {
      invoked.push(index);
      return batch;
    },
  });
  const first = harness([...before, paid, held(gate().opened)], { pipeline: { maxInFlight: 20 } });
  const id = await cancelledWith(first, 10);
  const { stateManager, sink } = first;
  const next = harness([...before, paid, held(Promise.resolve())], { stateManager, sink });
  await next.executor.resume(id, { source: rows(numbers(100)), sink });
  expect(invoked).toHaveLength(10);
});

test('retries of a batch from the journal count', async () => {
  const failed = new Set<number>();
  const paid = defineStage({
    ...{ name: 'paid', durable: true, concurrency: 10 },
    retry: { attempts: 3, initialDelayMs: 0, jitter: false },
    process: (batch: Row[], { batch: { index } }) => {
      if (failed.has(index)) return batch;
      failed.add(index);
      throw new Error('once');
    },
  });
  const first = harness([paid, held(gate().opened)], { pipeline: { maxInFlight: 20 } });
  const id = await cancelledWith(first, 10);
  const { stateManager, sink } = first;
  const next = harness([paid, held(Promise.resolve())], { stateManager, sink });
  const { metrics } = await next.executor.resume(id, { source: rows(numbers(100)), sink });
  expect(metrics.retries).toBe(10);
});

test('a failed row is lost once, also when the rest of its batch is refused', async () => {
  const stage = map(
    'paid',
    ({ n }: Row) => {
      if (n === 3) throw new Error('no');
      return n === 5 ? { n: 5n } : { n };
    },
    { durable: true, onError: 'dead-letter' },
  );
  const h = harness([stage], { count: 30 });
  const { metrics } = await h.start();
  const letters = h.sink.deadLettered.rows.map(({ batch, row }) => `${batch}/${row}`);
  expect(letters).toEqual(Array.from({ length: 10 }, (_, row) => `0/${row}`));
  expect(metrics).toMatchObject({ rowsIn: 30, rowsOut: 20, rowsDeadLettered: 10 });
});
