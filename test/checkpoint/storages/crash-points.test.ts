/**
 * Saving a checkpoint, cut short at every operation on the disk. Pins storage promise 1 and I6, I9:
 *
 * 1. Any operation fails, in any manner, or is the last before a power loss: the newest checkpoint that a save
 *    reported as done is found again, whole, or the one that was being saved then.
 * 2. A save that could not be made durable is rejected, never reported as done.
 * 3. Leftovers of a crashed writer are gone when the session is next owned.
 * 4. It also holds when the newest generation was damaged before, and only the previous one is good.
 */
import { describe, expect, test } from 'vitest';
import { memoryLock } from '../../../src/checkpoint/lock/memory-lock.js';
import { StateManager } from '../../../src/checkpoint/state-manager.js';
import { lowdbStorage } from '../../../src/checkpoint/storages/lowdb-storage.js';
import { messageOf } from '../../../src/platform/thrown.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { aCheckpoint } from '../../support/checkpoints.js';

const SESSION = aCheckpoint().sessionId;
const HOME = `/srv/state/${SESSION}`;
const SAVES = 4;

function managerOn(fileSystem: SimulatedDisk): StateManager {
  const lock = memoryLock();
  return new StateManager(
    lowdbStorage('/srv/state', {
      fileSystem,
      acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
    }),
  );
}

/** Owns the session and saves epochs `from`, `from + 1` …; gives the last that was reported as durable. */
async function run(
  disk: SimulatedDisk,
  from = 1,
): Promise<{ saved: number; tried: number; error?: unknown }> {
  let saved = from - 1;
  let tried = from - 1;
  try {
    const manager = managerOn(disk);
    await manager.lock(SESSION, {});
    while (tried < from + SAVES - 1) {
      tried++;
      await manager.saveCheckpoint(aCheckpoint({ epoch: tried }));
      saved = tried;
    }
    return { saved, tried };
  } catch (error) {
    return { saved, tried, error };
  }
}

/** What the next owner finds: the epoch, 0 for none. */
async function found(disk: SimulatedDisk): Promise<number> {
  const manager = managerOn(disk);
  const lock = await manager.lock(SESSION, {});
  expect(disk.files().filter((path) => path.includes('.tmp'))).toEqual([]);
  const stored = await manager.storage.read(SESSION);
  await lock.release();
  if (stored === undefined) return 0;
  const { checkpoint, warnings } = await manager.loadCheckpoint(SESSION);
  expect(warnings).toEqual([]);
  return checkpoint.epoch;
}

/** Runs `check` for each operation of a whole run, numbered. */
async function atEveryOperation(
  prepare: () => SimulatedDisk,
  check: (n: number) => Promise<void>,
): Promise<void> {
  const whole = prepare();
  const { saved } = await run(whole);
  expect(saved).toBe(SAVES);
  for (let n = 1; n <= whole.operations.length; n++) {
    try {
      await check(n);
    } catch (error) {
      const { kind, path } = whole.operations[n - 1] ?? {};
      throw new Error(`at operation ${n} (${kind} ${path}): ${messageOf(error)}`, { cause: error });
    }
  }
}

const fresh = () => new SimulatedDisk();

describe('power lost at every operation', () => {
  const seeds = [undefined, ...Array.from({ length: 20 }, (_, i) => i + 1)];

  test('the newest durable checkpoint is found, with any remains of the rest', async () => {
    await atEveryOperation(fresh, async (n) => {
      for (const seed of seeds) {
        const disk = fresh();
        disk.cutAt(n);
        const { saved, tried } = await run(disk);
        const epoch = await found(disk.crash(seed));
        expect(epoch, `seed ${seed}`).toBeGreaterThanOrEqual(saved);
        expect(epoch, `seed ${seed}`).toBeLessThanOrEqual(tried);
      }
    });
  });

  test('a second power loss during the resume takes nothing more', async () => {
    for (let seed = 1; seed <= 600; seed++) {
      const first = fresh();
      first.cutAt(1 + ((seed * 7) % 45));
      const before = await run(first);
      // Every other time only the process crashes: data without fsync is still there, and still not durable.
      const second = seed % 2 === 0 ? first.kill() : first.crash(seed);
      second.cutAt(1 + ((seed * 11) % 45));
      const after = await run(second, before.tried + 1);
      const epoch = await found(second.crash(seed + 1000));
      expect(epoch, `seed ${seed}`).toBeGreaterThanOrEqual(
        after.saved > before.tried ? after.saved : before.saved,
      );
    }
  });

  test('a damaged newest checkpoint does not cost the good one before it', async () => {
    const damaged = () => {
      const disk = fresh();
      disk.put(`${HOME}/checkpoint.json`, '{"format":1,');
      disk.put(`${HOME}/checkpoint.previous.json`, '"the good one, as far as this test is concerned"');
      return disk;
    };
    await atEveryOperation(damaged, async (n) => {
      for (const seed of seeds) {
        const disk = damaged();
        disk.cutAt(n);
        const { saved } = await run(disk);
        const stored = await managerOn(disk.crash(seed)).storage.read(SESSION);
        const texts = stored?.generations.map(({ text }) => text) ?? [];
        const good = texts.some((text) => text.startsWith('"the good') || text.endsWith('"}'));
        expect(good, `seed ${seed}, saved ${saved}`).toBe(true);
      }
    });
  });
});

describe('a failure at every operation', () => {
  test.each([
    ['EIO', 'clean'],
    ['ENOSPC', 'clean'],
    ['ENOSPC', 'short'],
  ] as const)(
    '%s, %s: what was reported as saved is there, after kill and after power loss',
    async (code, manner) => {
      await atEveryOperation(fresh, async (n) => {
        for (const end of ['kill', 'crash'] as const) {
          const disk = fresh();
          disk.fail(n, code, manner);
          const { saved, tried, error } = await run(disk);
          if (error !== undefined)
            expect((error as { code?: string }).code).toMatch(/CHECKPOINT_WRITE|STATE_DIR|EIO|ENOSPC/);
          const epoch = await found(end === 'kill' ? disk.kill() : disk.crash());
          expect(epoch).toBeGreaterThanOrEqual(saved);
          expect(epoch).toBeLessThanOrEqual(tried);
        }
      });
    },
  );

  test('a full disk fails the run, which resumes from the last checkpoint once there is room', async () => {
    await atEveryOperation(fresh, async (n) => {
      const disk = fresh();
      disk.fullFrom(n);
      const { saved, error } = await run(disk);
      if (saved < SAVES) expect(messageOf(error)).toContain('ENOSPC');
      const roomy = disk.kill();
      expect(await found(roomy)).toBeGreaterThanOrEqual(saved);
      expect((await run(roomy, saved + 1)).saved).toBe(saved + SAVES);
    });
  });

  test('a failed fsync is not tried again (I6)', async () => {
    const whole = fresh();
    await run(whole);
    const firstSync = whole.operations.find(({ kind }) => kind === 'sync');
    const disk = fresh();
    disk.fail(firstSync?.n ?? 0, 'EIO');
    const manager = managerOn(disk);
    await manager.lock(SESSION, {});
    const failed = await manager.saveCheckpoint(aCheckpoint({ epoch: 1 })).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'CHECKPOINT_WRITE', cause: { code: 'EIO' } });
    const operations = disk.operations.length;
    await expect(manager.saveCheckpoint(aCheckpoint({ epoch: 2 }))).rejects.toBe(failed);
    expect(disk.operations.length).toBe(operations);
  });
});
