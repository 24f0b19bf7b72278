/**
 * The lifecycle of a run (I2, I10, I17): every run begins as what it is, and an ending leaves nothing to the next.
 *
 * Pinned: a fresh run after a cancel is a first run; `execute` in FAILED refuses another pipeline; a cancel that failed is not
 * the next one's; `checkpointEveryMs: false` means never, also after a resume.
 */
import { describe, expect, test } from 'vitest';
import {
  collect,
  defineStage,
  map,
  memoryStorage,
  PipelineMismatchError,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { manualClock } from '../../../src/testing/manual-clock.js';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const pass = map('pass', (row: Row) => row);

test('a run after a cancelled one begins afresh: not resumed, epoch 1', async () => {
  const h = harness([pass]);
  const started = h.event('batches.committed');
  h.start();
  await started;
  const { sessionId } = await h.executor.cancel();
  h.events.length = 0;
  const sink = collect<Row>();
  const result = await h.executor.execute({ name: 'test', source: rows(numbers(30)), sink });
  expect(result.sessionId).not.toBe(sessionId);
  expect(h.events[0]).toMatchObject({ type: 'pipeline.started', resumed: false, fromBatch: 0 });
  expect((await h.stateManager.loadCheckpoint(result.sessionId)).checkpoint.epoch).toBe(1);
});

describe('execute in FAILED', () => {
  const failing = () => {
    let isBroken = true;
    const stage = map('picky', (row: Row) => {
      if (isBroken && row.n === 55) throw new Error('no');
      return row;
    });
    return {
      stage,
      repair: () => {
        isBroken = false;
      },
    };
  };

  test.each([
    ['another name', { name: 'second' }, 'the pipeline was "test" and is "second"'],
    ['another kind of sink', { sink: describedSink() }, 'the sink is of another kind'],
  ])('refuses a pipeline with %s', async (_, change, difference) => {
    const { stage, repair } = failing();
    const h = harness([stage]);
    await h.start().catch(() => {});
    const id = h.executor.sessionId;
    repair();
    const other = { name: 'test', source: rows(numbers(3)), sink: collect<Row>(), ...change };
    const error = await h.executor.execute(other).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PipelineMismatchError);
    expect((error as PipelineMismatchError).differences).toEqual([difference]);
    expect([h.executor.state, h.executor.sessionId]).toEqual(['FAILED', id]);
    expect((await h.start()).metrics.rowsOut).toBe(100);
  });
});

test('a run that failed continues with the source and the sink that it is given: never silently with the old ones', async () => {
  for (const command of ['execute', 'resume'] as const) {
    let isBroken = true;
    const stage = map('picky', (row: Row) => {
      if (isBroken) throw new Error('no');
      return row;
    });
    const h = harness([stage]);
    await h.start().catch(() => {});
    isBroken = false;
    const sink = collect<Row>();
    const given = { name: 'test', source: rows([{ n: 1_000 }]), sink };
    const { executor } = h;
    await (command === 'execute' ? executor.execute(given) : executor.resume(executor.sessionId, given));
    expect(sink.rows).toEqual([{ n: 1_000 }]);
    expect(h.sink.rows).toEqual([]);
  }
});

test('after a commit, a sink without the rows of the session is refused', async () => {
  let isBroken = true;
  const stage = map('picky', (row: Row) => {
    if (isBroken && row.n === 55) throw new Error('no');
    return row;
  });
  const h = harness([stage]);
  await h.start().catch(() => {});
  isBroken = false;
  const other = { name: 'test', source: rows(numbers(100)), sink: collect<Row>() };
  for (const again of [() => h.executor.execute(other), () => h.executor.resume(h.executor.sessionId, other)])
    await expect(again()).rejects.toThrow('its rows exist in one process only');
});

function describedSink() {
  const sink = collect<Row>();
  const { kind, label } = sink;
  const open: typeof sink.open = (...args) => sink.open(...args);
  return { kind, label, open, describe: () => ({ kind: 'other' }) };
}

test('the promise of a cancel that failed is not that of the next cancel', async () => {
  const storage = memoryStorage();
  let isBroken = false;
  const h = harness([pass], {
    stateManager: new StateManager(storage, { checkpointInterval: 20 }),
    environment: {
      logger: {
        debug() {},
        info() {},
        error() {},
        warn() {
          if (isBroken) throw new Error('no logger');
        },
      },
    },
  });
  const { write } = storage;
  storage.write = (...args) => (isBroken ? Promise.reject(new Error('disk full')) : write(...args));
  let started = h.event('batches.committed');
  h.start();
  await started;
  isBroken = true;
  await expect(h.executor.cancel()).rejects.toThrow('no logger');
  isBroken = false;
  started = h.event('batches.committed');
  h.start();
  await started;
  await expect(h.executor.cancel()).resolves.toMatchObject({ sessionId: expect.any(String) });
});

test.each([
  [undefined, 5_000, 1],
  [false as const, 60_000_000, 0],
])('checkpointEveryMs: %j', async (checkpointEveryMs, waitMs, more) => {
  const clock = manualClock();
  const door = gate();
  const stage = defineStage({
    name: 'slow',
    process: async (batch: Row[], { batch: { index } }) => {
      if (index === 1) await door.opened;
      return batch;
    },
  });
  const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 1_000 });
  const h = harness([stage], {
    stateManager,
    environment: { clock },
    pipeline: { batchSize: 10, ...(checkpointEveryMs === undefined ? {} : { checkpointEveryMs }) },
  });
  const written = h.event('batch.completed');
  const run = h.start();
  await written;
  await turns();
  const saved = () => h.events.filter(({ type }) => type === 'checkpoint.saved').length;
  const before = saved();
  clock.advance(waitMs);
  await turns();
  expect(saved() - before).toBe(more);
  door.open();
  const { sessionId } = await run;
  const { settings } = (await stateManager.loadCheckpoint(sessionId)).checkpoint;
  expect(settings.checkpointEveryMs).toBe(checkpointEveryMs === false ? null : 5_000);
});

const turns = async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};
