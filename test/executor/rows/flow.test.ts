/**
 * How batches flow through a run: in source order (I4), within the window (I13), with any observer (I11).
 */
import { expect, test } from 'vitest';
import { defineStage, map, rows, seededRandom } from 'xstate-pipeline';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

test('I4: rows come out in source order, in any order of finishing', async () => {
  const doors = Array.from({ length: 10 }, () => gate());
  const stage = defineStage({
    name: 'wait',
    concurrency: 10,
    process: async (batch: Row[], { batch: { index } }) => {
      await doors[index]?.opened;
      return batch;
    },
  });
  const h = harness([stage], { pipeline: { maxInFlight: 10 } });
  const last = h.event('batch.started', (e) => e.type === 'batch.started' && e.batch === 9);
  const run = h.start();
  await last;
  const random = seededRandom(7);
  for (const door of doors.sort(() => random() - 0.5)) door.open();
  await run;
  expect(h.sink.rows).toEqual(numbers(100));
});

test('I13: the source is read only as far as the window', async () => {
  let read = 0;
  function* source() {
    for (const row of numbers(1000)) {
      read++;
      yield row;
    }
  }
  const door = gate();
  const stage = defineStage({
    name: 'slow',
    process: async (batch: Row[]) => {
      await door.opened;
      return batch;
    },
  });
  const h = harness([stage], { source: rows(source()) as never, pipeline: { maxInFlight: 3 } });
  const started = h.event('batch.started');
  const run = h.start();
  await started;
  await h.stateManager.listCheckpoints();
  await new Promise((resolve) => setImmediate(resolve));
  expect(read).toBeLessThanOrEqual(3 * 10 + 10);
  door.open();
  expect((await run).metrics.rowsOut).toBe(1000);
});

test('I11: observers are harmless: one that throws, one that rejects, one that breaks its own stream', async () => {
  const h = harness([map('s', (row: Row) => row)]);
  h.executor
    .addObserver({
      next() {
        throw new Error('observer');
      },
    })
    .addObserver({ next: (async () => Promise.reject(new Error('observer'))) as () => void })
    .addObserver((events$) =>
      events$.subscribe(() => {
        throw new Error('observer');
      }),
    );
  const result = await h.start();
  expect(result.success).toBe(true);
  expect(h.events.at(-1)?.type).toBe('pipeline.completed');
});
