/**
 * I10: every opening of a session has its own epoch. The lock is held until every writer is closed.
 * I13: rows that were written are not retained.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { defineStage, map, rows, SessionLockedError, type Sink } from 'xstate-pipeline';
import { manualClock } from '../../../src/testing/manual-clock.js';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

test('the epoch rises with every opening, also within one process, and not while a session stays open', async () => {
  let broken = true;
  const picky = () =>
    map('picky', (row: Row) => {
      if (broken && row.n === 55) throw new Error('no');
      return row;
    });
  const h = harness([picky()]);
  await h.start().catch(() => {});
  const id = h.executor.sessionId as string;
  const epoch = async () => (await h.stateManager.loadCheckpoint(id)).checkpoint.epoch;
  expect(await epoch()).toBe(1);
  await h.executor.resume().catch(() => {});
  expect(await epoch()).toBe(2);
  broken = false;
  const { stateManager, sink } = h;
  const elsewhere = harness([picky()], { stateManager, sink });
  await elsewhere.executor.resume(id, { source: rows(numbers(100)), sink });
  expect(await epoch()).toBe(3);
});

/** Keeps nothing; what it is given can be watched. */
function discarding(watch: { encoded?: (data: object) => void; close?: () => Promise<void> }): Sink<Row> {
  return {
    kind: 'discarding',
    label: 'discarding',
    describe: () => undefined,
    async open() {
      return {
        position: {},
        encode(encoded) {
          const data = {};
          watch.encoded?.(data);
          return { rows: encoded.length, bytes: 0, data };
        },
        append: async () => {},
        flush: async () => ({}),
        publish: async () => {},
        close: async () => watch.close?.(),
      };
    },
  };
}

const turns = async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('the lock is held until the sink is closed', async () => {
  const door = gate();
  const closing = gate();
  const close = () => {
    closing.open();
    return door.opened;
  };
  const fails = map('fails', (row: Row) => {
    if (row.n === 55) throw new Error('no');
    return row;
  });
  // No time passes: patience has no end.
  const h = harness([fails], { environment: { clock: manualClock() } });
  const run = h.executor.execute({
    name: 'test',
    source: rows(numbers(100)),
    sink: discarding({ close }),
    options: { batchSize: 10 },
  });
  run.catch(() => {});
  await closing.opened;
  await turns();
  const id = h.executor.sessionId as string;
  const taken = () => h.stateManager.lock(id, {});
  await expect(taken()).rejects.toThrow(SessionLockedError);
  door.open();
  await expect(run).rejects.toThrow('no');
  await (await taken()).release();
});

test('I17: cancel waits a second for a sink that does not close; the session is free once it has', async () => {
  const clock = manualClock();
  const closing = gate();
  const door = gate();
  const close = () => {
    closing.open();
    return door.opened;
  };
  const h = harness([map('pass', (row: Row) => row)], { environment: { clock } });
  const started = h.event('batch.started');
  const run = h.executor.execute({ name: 'test', source: rows(numbers(5_000)), sink: discarding({ close }) });
  run.catch(() => {});
  await started;
  const cancelled = h.executor.cancel();
  await closing.opened;
  await turns();
  clock.advance(1_000);
  const { sessionId } = await cancelled;
  await expect(h.stateManager.lock(sessionId, {})).rejects.toThrow(SessionLockedError);
  door.open();
  await turns();
  await (await h.stateManager.lock(sessionId, {})).release();
});

test('a sink that is being opened at a cancel may cut its file yet: it is waited for, and closed', async () => {
  const clock = manualClock();
  const opening = gate();
  const door = gate();
  let closed = 0;
  const sink = discarding({
    close: async () => {
      closed++;
    },
  });
  const slow: Sink<Row> = {
    ...sink,
    async open(...args) {
      opening.open();
      await door.opened;
      return sink.open(...args);
    },
  };
  const h = harness([map('pass', (row: Row) => row)], { environment: { clock } });
  const run = h.executor.execute({ name: 'test', source: rows(numbers(100)), sink: slow });
  run.catch(() => {});
  await opening.opened;
  const id = h.executor.sessionId as string;
  const cancelled = h.executor.cancel().catch(() => {});
  await turns();
  clock.advance(1_000);
  await cancelled;
  await expect(h.stateManager.lock(id, {})).rejects.toThrow(SessionLockedError);
  door.open();
  await turns();
  expect(closed).toBeGreaterThan(0);
  await (await h.stateManager.lock(id, {})).release();
});

test('I17: a run that is cancelled while its output is published stores nothing after its receipt', async () => {
  const publishing = gate();
  const door = gate();
  const sink = discarding({});
  const slow: Sink<Row> = {
    ...sink,
    async open(...args) {
      const open = await sink.open(...args);
      const publish = () => {
        publishing.open();
        return door.opened;
      };
      return { ...open, publish };
    },
  };
  const h = harness([map('pass', (row: Row) => row)]);
  const run = h.executor.execute({ name: 'test', source: rows(numbers(100)), sink: slow });
  run.catch(() => {});
  await publishing.opened;
  const { sessionId } = await h.executor.cancel();
  door.open();
  await turns();
  expect((await h.stateManager.loadCheckpoint(sessionId)).checkpoint.state).toBe('IDLE');
});

test('batches that are written are not kept in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const batches: WeakRef<object>[] = [];
  let alive = Number.NaN;
  const stage = defineStage({
    name: 'looks',
    process: async (batch: Row[], { batch: { index } }) => {
      if (index !== 90) return batch;
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
      alive = batches.slice(0, 60).filter((ref) => ref.deref() !== undefined).length;
      return batch;
    },
  });
  const h = harness([stage]);
  await h.executor.execute({
    name: 'test',
    source: rows(numbers(1_000)),
    sink: discarding({ encoded: (data) => batches.push(new WeakRef(data)) }),
    options: { batchSize: 10, maxInFlight: 4 },
  });
  expect(alive).toBe(0);
});
