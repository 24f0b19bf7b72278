/**
 * I12, I20: a journal record that cannot be read ends the run, whatever the stage's `onError`: no row is lost, and the resume after the
 * repair calls no row again.
 */
import { expect, test } from 'vitest';
import { collect, map, memoryStorage, rows, StateManager } from 'xstate-pipeline';
import { harness, numbers, type Row } from '../../../support/runs.js';

test('a failed read of the journal loses no row', async () => {
  const storage = memoryStorage();
  const calls: number[] = [];
  let isBroken = true;
  const stage = map(
    'paid',
    async (row: Row) => {
      calls.push(row.n);
      if (isBroken && row.n === 7) await h.executor.cancel();
      return row;
    },
    { durable: true, onError: 'skip' },
  );
  const h = harness([stage], { count: 10, stateManager: new StateManager(storage) });
  await h.start().catch(() => {});
  const id = String(h.executor.sessionId);
  isBroken = false;
  const before = calls.splice(0);

  const unreadable = {
    ...storage,
    async journal(sessionId: string, epoch: number) {
      const journal = await storage.journal(sessionId, epoch);
      const read: typeof journal.read = (key) =>
        key.call === 3 ? Promise.reject(new Error('EIO')) : journal.read(key);
      return { ...journal, read };
    },
  };
  const source = rows(numbers(10));
  const sink = collect<Row>();
  const second = harness([stage], { stateManager: new StateManager(unreadable) });
  await expect(second.executor.resume(id, { source, sink })).rejects.toMatchObject({
    code: 'STATE_DIRECTORY',
    message: 'The journal cannot be read for batch 0: EIO. Check the disk, then resume the session.',
  });
  second.executor.actor.stop();
  const third = harness([stage], { stateManager: new StateManager(storage) });
  const { metrics } = await third.executor.resume(id, { source, sink });
  expect(metrics).toMatchObject({ rowsOut: 10, rowsFailed: 0 });
  expect(before.length).toBeGreaterThan(3);
  expect(calls.filter((n) => before.slice(0, -1).includes(n))).toEqual([]);
});
