/**
 * Commands and failures at inconvenient moments; the simulation found each of them.
 *
 * Pinned: I2, I10, I15, I16, I17. Every promise settles, every event has its own session, and what is stored together belongs
 * together.
 */
import { expect, test } from 'vitest';
import {
  collect,
  defineStage,
  type JsonObject,
  map,
  memoryStorage,
  type OpenSource,
  rows,
  type Sink,
  type Source,
  StateManager,
} from 'xstate-pipeline';
import { DeadLetterFile } from '../../../src/executor/rows/dead-letter-file.js';
import { systemClock } from '../../../src/platform/clock.js';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const pass = () => map('pass', (row: Row) => row);
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** A source whose opened self is changed. */
function opening(source: Source<Row>, change: (opened: OpenSource<Row>) => Promise<OpenSource<Row>>) {
  return {
    ...source,
    open: async (...args: Parameters<Source<Row>['open']>) => change(await source.open(...args)),
  };
}

/** The same, member by member: an opened source may be an instance of a class. */
function facadeOf(opened: OpenSource<Row>): OpenSource<Row> {
  return {
    read: (...args) => opened.read(...args),
    identity: (position) => opened.identity(position),
    close: () => opened.close(),
  };
}

/** A stored session that was cancelled after it had begun. */
async function storedSession() {
  const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 20 });
  const sink = collect<Row>();
  const h = harness([pass()], { stateManager, sink, count: 5_000 });
  const run = h.start();
  await h.event('batches.committed');
  await h.executor.cancel();
  await run.catch(() => {});
  return { stateManager, sink, id: h.executor.sessionId as string };
}

test('I16: a pause while the result is being published waits for it: the run is completed', async () => {
  const door = gate();
  const publishing = gate();
  const inner = collect<Row>();
  const sink: Sink<Row> = {
    ...inner,
    kind: 'slow',
    label: 'slow',
    describe: () => undefined,
    async open(at, complete, context) {
      const opened = await inner.open(at, complete, context);
      const publish = async () => {
        publishing.open();
        await door.opened;
        await opened.publish();
      };
      return {
        position: opened.position,
        encode: (batch) => opened.encode(batch),
        append: (encoded) => opened.append(encoded),
        flush: () => opened.flush(),
        close: () => opened.close(),
        publish,
      };
    },
  };
  const h = harness([pass()], { sink: sink as never });
  const run = h.start();
  await publishing.opened;
  const pausing = h.executor.pause();
  await soon();
  door.open();
  expect((await run).success).toBe(true);
  expect((await pausing).rowsOut).toBe(100);
});

test('I2: a session that is being loaded does not replace a run that began meanwhile', async () => {
  const { stateManager, sink, id } = await storedSession();
  const h = harness([pass()], { stateManager });
  const resuming = h.executor.resume(id, { source: rows(numbers(5_000)), sink });
  const run = h.start();
  await expect(resuming).rejects.toMatchObject({ code: 'ILLEGAL_COMMAND', command: 'resume' });
  expect((await run).metrics.rowsOut).toBe(100);
  await (await stateManager.lock(id, {})).release();
});

test('I17: a resume that is cancelled while the session is being opened rejects like any cancelled run', async () => {
  const { stateManager, sink, id } = await storedSession();
  const door = gate();
  const reached = gate();
  const source = opening(rows(numbers(5_000)), async (opened) => {
    reached.open();
    await door.opened;
    return opened;
  });
  const h = harness([pass()], { stateManager });
  const resuming = h.executor.resume(id, { source, sink });
  await reached.opened;
  const cancelling = h.executor.cancel();
  door.open();
  await expect(resuming).rejects.toMatchObject({ code: 'CANCELLED', sessionId: id });
  await cancelling;
  expect(h.executor.state).toBe('IDLE');
  await (await stateManager.lock(id, {})).release();
});

test('two resumes of a session that cannot be opened both fail', async () => {
  const { stateManager, sink, id } = await storedSession();
  const door = gate();
  const reached = gate();
  const source = opening(rows(numbers(5_000)), async () => {
    reached.open();
    await door.opened;
    throw new Error('no such thing');
  });
  const h = harness([pass()], { stateManager });
  const first = h.executor.resume(id, { source, sink });
  await reached.opened;
  const second = h.executor.resume();
  door.open();
  await expect(first).rejects.toThrow('no such thing');
  await expect(second).rejects.toThrow('no such thing');
  expect(h.executor.state).toBe('FAILED');
});

test('I15: the stored identity of the input belongs to the mark beside it, also when the run fails during a flush', async () => {
  const failing = gate();
  const asked = gate();
  const door = gate();
  let isBroken = true;
  const source = opening(rows(numbers(100)), async (opened) => ({
    ...facadeOf(opened),
    identity: async (position) => {
      if (position.rows !== 20 && isBroken) {
        asked.open();
        await door.opened;
      }
      return position;
    },
  }));
  const stage = defineStage({
    name: 's',
    process: async (batch: Row[], { batch: { index } }) => {
      if (isBroken && index === 6) {
        await failing.opened;
        throw new Error('broken');
      }
      return batch;
    },
  });
  const h = harness([stage], {
    source: source as never,
    pipeline: { maxInFlight: 8, checkpointInterval: 20 },
  });
  const run = h.start();
  await asked.opened;
  failing.open();
  await expect(run).rejects.toThrow('broken');
  door.open();
  await soon();
  isBroken = false;
  expect((await h.executor.resume()).success).toBe(true);
  expect(h.sink.rows).toEqual(numbers(100));
});

test('events of a cancelled session have its own id, and its start is not announced any more', async () => {
  const h = harness([pass()]);
  const first = h.start();
  const id = h.executor.sessionId;
  const cancelling = h.executor.cancel();
  const second = h.start();
  await expect(first).rejects.toMatchObject({ code: 'CANCELLED', sessionId: id });
  await cancelling;
  await second;
  expect(h.events.find(({ type }) => type === 'pipeline.cancelled')?.sessionId).toBe(id);
  expect(h.events.filter(({ type }) => type === 'pipeline.started').map((event) => event.sessionId)).toEqual([
    h.executor.sessionId,
  ]);
});

test('I7: dead letters of a resumed run are opened once, also during a flush', async () => {
  const inner = collect<JsonObject>();
  const context = { sessionId: '', clock: systemClock };
  const before = await inner.open(undefined, false, context);
  await before.append([before.encode([{ n: 0 }])]);
  const position = await before.flush();
  let openings = 0;
  const counted: Sink<JsonObject> = {
    ...inner,
    kind: 'counted',
    label: 'counted',
    describe: () => undefined,
    open: async (...args) => {
      openings++;
      await soon();
      return inner.open(...args);
    },
  };
  const file = new DeadLetterFile(counted, position, false, context);
  const flushing = file.flush();
  await file.append([{ n: 1 }]);
  expect(await flushing).toEqual(position);
  expect(openings).toBe(1);
  expect(await file.flush()).not.toEqual(position);
  await file.publish();
  expect(inner.rows).toEqual([{ n: 0 }, { n: 1 }]);
});

test('I17: the checkpoint of a cancelled session is its own, also when the next run begins at once', async () => {
  const h = harness([pass()], { count: 5_000 });
  const first = h.start();
  const id = h.executor.sessionId as string;
  await h.event('batches.committed');
  const cancelling = h.executor.cancel();
  const second = h.start();
  await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
  const receipt = await cancelling;
  await second;
  const { checkpoint } = await h.stateManager.loadCheckpoint(id);
  expect(checkpoint.state).toBe('IDLE');
  expect(receipt.batches).toBeGreaterThan(0);
  expect(checkpoint.snapshot).toMatchObject({
    context: { sessionId: id, flushed: { batches: receipt.batches } },
  });
});
