/**
 * I3: machines, inspectors and observers receive positions and counts as plain JSON, never a row. A checkpoint fits its 64 KB
 * with a full window.
 */
import { expect, test } from 'vitest';
import { defineStage, map, rows } from 'xstate-pipeline';
import { manualClock } from '../../../src/testing/manual-clock.js';
import { gate, harness, type Row } from '../../support/runs.js';

interface Inspected {
  readonly type: string;
  readonly event?: { readonly type: string };
  readonly snapshot?: { readonly context?: unknown };
}

test('no row, and nothing that could hold one, is in an event, a context or a snapshot', async () => {
  const SECRET = 'hunter2';
  const source = Array.from({ length: 100 }, (_, n) => ({ n, text: `${SECRET} ${n}` }));
  const flaky = new Set<number>();
  const stages = [
    map(
      'skips',
      (row: Row) => {
        if (row.n % 10 === 3) throw new Error('skipped');
        return row;
      },
      { onError: 'skip' },
    ),
    defineStage({
      name: 'retries',
      durable: true,
      retry: { attempts: 2, initialDelayMs: 0 },
      process: (batch: Row[], { batch: { index } }) => {
        if (flaky.has(index)) return batch;
        flaky.add(index);
        throw new Error('busy');
      },
    }),
    defineStage({
      name: 'sets aside',
      onError: 'dead-letter',
      process: (batch: Row[], { batch: { index } }) => {
        if (index === 4) throw new Error('not these');
        return batch;
      },
    }),
  ];
  const h = harness(stages, { source: rows(source) as never });
  const received: unknown[] = [];
  h.executor.actor.system.inspect((inspected) => {
    const { type, event, snapshot } = inspected as Inspected;
    if (type === '@xstate.actor') return;
    // XState's own carry the actor's input, or its output.
    if (event !== undefined && !event.type.startsWith('xstate.')) received.push(event);
    if (snapshot?.context !== undefined) received.push(snapshot.context);
  });
  expect((await h.start()).metrics).toMatchObject({ rowsSkipped: 10, rowsDeadLettered: 9 });
  expect(received.length).toBeGreaterThan(200);
  for (const one of [...received, ...h.events]) {
    const text = JSON.stringify(one);
    expect(text).not.toContain(SECRET);
    expect(JSON.parse(text)).toEqual(one);
  }
});

test('a window too wide for a checkpoint is left out of it', async () => {
  const LOST = 1_000;
  const WINDOW = 512;
  const clock = manualClock();
  const door = gate();
  const picky = map(
    'picky',
    (row: Row) => {
      if (row.n < LOST) throw new Error(`${row.n % 20} ${'long '.repeat(40)}`);
      return row;
    },
    { onError: 'skip' },
  );
  const waits = defineStage({
    name: 'waits',
    concurrency: WINDOW,
    retry: { attempts: 2, initialDelayMs: 1_000, jitter: false },
    process: async (batch: Row[], { attempt }) => {
      if (batch[0]?.n === LOST) await door.opened;
      else if (attempt === 1) throw new Error('busy');
      return batch;
    },
  });
  const h = harness([picky, waits], {
    count: LOST + WINDOW,
    environment: { clock },
    pipeline: { batchSize: 1, maxInFlight: WINDOW, checkpointInterval: 1, losses: false },
  });
  let waiting = 0;
  const full = h.event('batch.retried', () => ++waiting === WINDOW - 1);
  const committed = h.event('batches.committed', (e) => e.type === 'batches.committed' && e.upTo === LOST);
  const run = h.start();
  await full;
  door.open();
  await Promise.race([committed, run]);
  expect(JSON.stringify(h.executor.actor.getPersistedSnapshot()).length).toBeGreaterThan(65_536);
  const sizes = h.events.flatMap((event) => (event.type === 'checkpoint.saved' ? event.bytes : []));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
  clock.advance(1_000);
  expect((await run).metrics).toMatchObject({ rowsOut: WINDOW, retries: WINDOW - 1 });
});
