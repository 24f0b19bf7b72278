/**
 * Checkpoints in a browser: how `localStorage` differs from a disk.
 *
 * 1. (I9) A damaged item is a problem, not an exception, and is replaced by the next write.
 * 2. A full quota rejects the write and leaves the earlier checkpoint.
 * 3. (I10) With Web Locks, the browser decides who owns a session.
 * 4. Foreign items are left alone.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StateManager } from '../../../src/checkpoint/state-manager.js';
import { localStorageStorage } from '../../../src/checkpoint/storages/local-storage.js';
import { CheckpointWriteError, SessionLockedError } from '../../../src/errors.js';
import { aCheckpoint } from '../../support/checkpoints.js';
import { FakeLocalStorage } from '../../support/fake-local-storage.js';

const SESSION = aCheckpoint().sessionId;
const KEY = `xstate-pipeline:${SESSION}`;

beforeEach(() => {
  vi.stubGlobal('localStorage', new FakeLocalStorage(10_000));
});
afterEach(() => vi.unstubAllGlobals());

test.each([
  '',
  'null',
  '{',
  '[]',
  '"x"',
  '{"newest":1,"previous":null}',
  '{"newest":"x"}',
  '{"__proto__":{}}',
])('an item of %j is a problem until it is replaced', async (item) => {
  localStorage.setItem(KEY, item);
  const storage = localStorageStorage();
  expect(await storage.read(SESSION)).toMatchObject({ generations: [], problems: [expect.any(String)] });
  expect(await new StateManager(storage).listCheckpoints()).toMatchObject([{ state: 'CORRUPT' }]);
  await storage.write(SESSION, '1');
  expect((await storage.read(SESSION))?.generations).toEqual([{ name: 'newest', text: '1' }]);
});

test('a full quota: the write is rejected, the earlier checkpoint stays', async () => {
  const manager = new StateManager(localStorageStorage());
  await manager.saveCheckpoint(aCheckpoint({ epoch: 1 }));
  const large = manager.saveCheckpoint(aCheckpoint({ epoch: 2, snapshot: 'x'.repeat(20_000) }));
  await expect(large).rejects.toThrow(CheckpointWriteError);
  expect((await manager.loadCheckpoint(SESSION)).checkpoint.epoch).toBe(1);
});

test('items of others are neither listed nor touched', async () => {
  localStorage.setItem('theme', 'dark');
  localStorage.setItem('xstate-pipeline:theme', 'dark');
  localStorage.setItem(`mine:${SESSION}`, 'dark');
  const storage = localStorageStorage();
  await storage.write(SESSION, '1');
  expect(await storage.list()).toEqual([SESSION]);
  await storage.remove(SESSION);
  expect(localStorage.length).toBe(3);
});

test('with Web Locks, another tab that holds the lock is in the way (I10)', async () => {
  const held = new Set<string>();
  // As browsers do: held until the promise of the callback settles; null where it is not to be had.
  const request = async (name: string, _: LockOptions, use: (lock: Lock | null) => unknown) => {
    if (held.has(name)) return use(null);
    held.add(name);
    try {
      return await use({ name, mode: 'exclusive' });
    } finally {
      held.delete(name);
    }
  };
  vi.stubGlobal('navigator', { locks: { request } });
  const [tab, otherTab] = [localStorageStorage(), localStorageStorage()];
  const lock = await tab.lock(SESSION, {});
  await expect(otherTab.lock(SESSION, {})).rejects.toThrow(SessionLockedError);
  await lock.release();
  await (await otherTab.lock(SESSION, {})).release();
  expect(held.size).toBe(0);
});
