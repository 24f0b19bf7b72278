/**
 * I25: nothing grows with what is stored. Pins:
 *
 * 1. The newest sessions are found by name: a fixed number is read, however many are stored.
 * 2. A list reads 32 sessions at once, neither one by one nor all together.
 * 3. Retention removes completed sessions only, the oldest first, and looks at a fixed number of them.
 */
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { collect, map, memoryStorage, pipeline, StateManager } from 'xstate-pipeline';
import { isUnfinished } from '../../src/checkpoint/checkpoint-summary.js';
import { newestIdsFirst } from '../../src/checkpoint/session-id.js';
import type { CheckpointStorage } from '../../src/checkpoint/storage.js';
import { lowdbStorage } from '../../src/checkpoint/storages/lowdb-storage.js';
import { timedUuid } from '../../src/platform/environment.js';
import { silentLogger } from '../../src/platform/logger.js';
import { findSession } from '../../src/sessions/find-session.js';
import { listSessions } from '../../src/sessions/listing/list-sessions.js';
import { runningSessions } from '../../src/sessions/running-sessions.js';
import { aCheckpoint } from '../support/checkpoints.js';
import { freshFolder } from '../support/folders.js';

const START = 1_700_000_000_000;

/** A storage that counts how many sessions are read, and how many at once. */
function counting(inner: CheckpointStorage) {
  const counts = { reads: 0, most: 0 };
  let now = 0;
  const read: CheckpointStorage['read'] = async (...given) => {
    counts.reads++;
    counts.most = Math.max(counts.most, ++now);
    const found = await inner.read(...given);
    await Promise.resolve();
    now--;
    return found;
  };
  return { storage: { ...inner, read }, counts };
}

async function filled(count: number, state: (index: number) => 'COMPLETED' | 'FAILED' = () => 'FAILED') {
  const { storage, counts } = counting(memoryStorage());
  const manager = new StateManager(storage);
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const sessionId = timedUuid(START + i);
    ids.push(sessionId);
    await manager.saveCheckpoint(
      aCheckpoint({ sessionId, savedAt: START + i, state: state(i), pipeline: 'p' }),
    );
  }
  return { manager, storage, counts, ids };
}

test('ids sort by time, those of version 4 last', () => {
  const timed = [3, 1, 2].map((ms) => timedUuid(START + ms));
  const random = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
  expect(newestIdsFirst([random, ...timed])).toEqual([timed[0], timed[2], timed[1], random]);
});

test('beside 1,000 sessions the newest are found with as many reads as beside 100', async () => {
  for (const count of [100, 1_000]) {
    const { manager, counts, ids } = await filled(count);
    const newest = await manager.newestCheckpoints();
    expect(newest.map(({ sessionId }) => sessionId)).toEqual(ids.slice(-32).reverse());
    expect(counts.reads).toBe(32);
  }
});

test('the newest that fits is found without reading what is older', async () => {
  const { manager, counts, ids } = await filled(1_000, (i) => (i === 900 ? 'FAILED' : 'COMPLETED'));
  expect((await manager.findNewest(isUnfinished))?.sessionId).toBe(ids[900]);
  expect(counts.reads).toBe(128);
  counts.reads = 0;
  expect(await findSession(manager, 'last')).toBe(ids.at(-1));
  expect(counts.reads).toBe(32);
  counts.reads = 0;
  expect(await findSession(manager, 'last', 'unfinished')).toBe(ids[900]);
  expect(counts.reads).toBe(128);
});

test('sessions are asked for their owner 32 at once, and without an owner file not at all', async () => {
  const home = freshFolder();
  const manager = new StateManager(lowdbStorage(home));
  for (let i = 0; i < 100; i++)
    await manager.saveCheckpoint(aCheckpoint({ sessionId: timedUuid(START + i), state: 'FAILED' }));
  const connect = vi.spyOn(net.Socket.prototype, 'connect');
  expect(await listSessions({ stateDir: home })).toHaveLength(100);
  expect(await runningSessions(manager, home)).toEqual([]);
  expect(connect).not.toHaveBeenCalled();
  // As after kills: the files are there, and no process answers.
  for (const id of await manager.storage.list()) writeFileSync(join(home, id, 'owner.json'), '{}');
  let open = 0;
  let most = 0;
  connect.mockImplementation(function (this: net.Socket) {
    most = Math.max(most, ++open);
    setImmediate(() => {
      open--;
      this.destroy(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    });
    return this;
  });
  await listSessions({ stateDir: home });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(32);
  connect.mockRestore();
});

test('a run beside 200 unfinished sessions reads 32 of them', async () => {
  const { manager, counts } = await filled(200);
  await pipeline('p')
    .from([{ n: 1 }])
    .pipe(map('s', (row) => row))
    .to(collect())
    .run({ stateManager: manager, keep: Number.POSITIVE_INFINITY, environment: { logger: silentLogger } });
  expect(counts.reads).toBeLessThanOrEqual(33);
});

test('a list reads 32 sessions at once', async () => {
  const { manager, counts } = await filled(200);
  expect(await manager.listCheckpoints()).toHaveLength(200);
  expect(counts).toEqual({ reads: 200, most: 32 });
});

test('retention keeps the newest sessions and every unfinished one', async () => {
  const { manager, storage, ids } = await filled(30, (i) => (i % 3 === 0 ? 'FAILED' : 'COMPLETED'));
  expect(await manager.removeOldest(10)).toBe(13);
  const left = new Set(await storage.list());
  for (const [i, id] of ids.entries()) expect(left.has(id)).toBe(i >= 20 || i % 3 === 0);
});

test('retention looks at a fixed number of sessions', async () => {
  const { manager, counts } = await filled(500);
  await manager.removeOldest(10);
  expect(counts.reads).toBeLessThanOrEqual(64);
});

test('thirty runs leave twenty sessions, or as many as wanted', async () => {
  const stored = async (options: { readonly keep?: number }) => {
    const storage = memoryStorage();
    const stateManager = new StateManager(storage);
    const whole = pipeline('p')
      .from([{ n: 1 }])
      .pipe(map('s', (row) => row))
      .to(collect());
    for (let i = 0; i < 30; i++) await whole.run({ stateManager, ...options });
    return (await storage.list()).length;
  };
  expect(await stored({})).toBe(20);
  expect(await stored({ keep: 0 })).toBe(0);
  expect(await stored({ keep: Number.POSITIVE_INFINITY })).toBe(30);
});
