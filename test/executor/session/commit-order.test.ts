/**
 * Pinned: I6: nothing is committed before the sink has flushed it. I8, I9: what the checkpoint before the newest needs
 * stays in the journal. I17: an attempt that timed out ends once; a later answer is ignored.
 */
import { expect, test } from 'vitest';
import { collect, defineStage, map, memoryStorage, StateManager } from 'xstate-pipeline';
import { manualClock } from '../../../src/testing/manual-clock.js';
import { gate, type Harness, harness, type Row } from '../../support/runs.js';

const soon = () => new Promise((resolve) => setImmediate(resolve));

/** The same object, but for one method. */
function replacing<T extends object>(target: T, name: keyof T, method: unknown): T {
  return new Proxy(target, {
    get(_, key) {
      if (key === name) return method;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

type Gate = ReturnType<typeof gate>;

/** Runs to where `door` stops it. */
async function expectNoCommitBefore(door: Gate, asked: Gate, { events, start }: Harness): Promise<void> {
  const committed = () => events.filter(({ type }) => type === 'batches.committed').length;
  const run = start();
  await Promise.race([asked.opened, run]);
  for (let turn = 0; turn < 50; turn++) await soon();
  expect(committed()).toBe(0);
  door.open();
  expect((await run).success).toBe(true);
  expect(committed()).toBeGreaterThan(0);
}

test('I6: nothing is committed before the sink has flushed it', async () => {
  const inner = collect<Row>();
  const asked = gate();
  const door = gate();
  const slow = replacing(inner, 'open', async (...args: Parameters<typeof inner.open>) => {
    const opened = await inner.open(...args);
    return replacing(opened, 'flush', async () => {
      asked.open();
      await door.opened;
      return opened.flush();
    });
  });
  const h = harness([map('pass', (row: Row) => row)], { sink: slow, count: 50 });
  await expectNoCommitBefore(door, asked, h);
});

test('I6: nothing is announced as committed before the checkpoint that covers it is saved', async () => {
  const storage = memoryStorage();
  const asked = gate();
  const door = gate();
  let writes = 0;
  const slow = replacing(storage, 'write', async (...args: Parameters<typeof storage.write>) => {
    // The first says that the run has begun.
    if (++writes > 1) {
      asked.open();
      await door.opened;
    }
    return storage.write(...args);
  });
  const stateManager = new StateManager(slow, { checkpointInterval: 20 });
  const h = harness([map('pass', (row: Row) => row)], { stateManager, count: 50 });
  await expectNoCommitBefore(door, asked, h);
});

test('I16: a pause is no receipt before the checkpoint that says PAUSED is saved', async () => {
  const storage = memoryStorage();
  const asked = gate();
  const door = gate();
  const slow = replacing(storage, 'write', async (id: string, text: string) => {
    if (text.includes('"state":"PAUSED"')) {
      asked.open();
      await door.opened;
    }
    return storage.write(id, text);
  });
  const stateManager = new StateManager(slow, { checkpointInterval: 20 });
  const h = harness([map('pass', (row: Row) => row)], { stateManager, count: 5_000 });
  const started = h.event('batch.started');
  h.start();
  await started;
  let receipts = 0;
  const pausing = h.executor.pause().finally(() => receipts++);
  await asked.opened;
  for (let turn = 0; turn < 50; turn++) await soon();
  expect(receipts).toBe(0);
  door.open();
  expect((await pausing).batches).toBeGreaterThan(0);
});

test('I8: the journal is trimmed up to the checkpoint before the newest, and no further', async () => {
  const storage = memoryStorage();
  const trims: { readonly batch: number; readonly covered: number }[] = [];
  const watched = replacing(storage, 'journal', async (...args: Parameters<typeof storage.journal>) => {
    const journal = await storage.journal(...args);
    return replacing(journal, 'trim', async (batch: number) => {
      const marks = h.events.flatMap((event) => (event.type === 'batches.committed' ? [event.upTo + 1] : []));
      trims.push({ batch, covered: marks.at(-2) ?? 0 });
      await journal.trim(batch);
    });
  });
  const stage = defineStage({ name: 'kept', durable: true, process: async (batch: Row[]) => batch });
  const h = harness([stage], { stateManager: new StateManager(watched, { checkpointInterval: 20 }) });
  expect((await h.start()).success).toBe(true);
  expect(trims.some(({ batch }) => batch > 0)).toBe(true);
  for (const { batch, covered } of trims) expect(batch).toBeLessThanOrEqual(covered);
});

test('I17: an attempt that timed out is retried once, though its work fails later', async () => {
  const clock = manualClock();
  const stage = defineStage({
    name: 'slow',
    timeoutMs: 50,
    retry: { attempts: 3, initialDelayMs: 10, jitter: false },
    process: (batch: Row[], { attempt }): Row[] | Promise<Row[]> =>
      attempt === 1 ? new Promise(() => {}) : batch,
  });
  const h = harness([stage], { count: 10, environment: { clock } });
  const started = h.event('batch.started');
  const retried = h.event('batch.retried');
  const run = h.start();
  await started;
  await soon();
  clock.advance(50);
  await retried;
  // The abandoned attempt rejects now, for its signal was aborted.
  await soon();
  clock.advance(10);
  expect((await run).metrics.rowsOut).toBe(10);
  expect(h.events.filter(({ type }) => type === 'batch.retried')).toHaveLength(1);
});
