/**
 * The state manager. Pins:
 *
 * 1. (I6) One write in flight, the newest waiting; a failure is final until the session is owned anew.
 * 2. (I9) A damaged generation gives way to the one before it, with a warning; none good: `CorruptCheckpointError`.
 * 3. (I10) A running session is never removed.
 * 4. A list shows every session: damaged ones as such, newest first.
 */
import { describe, expect, test } from 'vitest';
import { type Checkpoint, encodeCheckpoint } from '../../src/checkpoint/envelope.js';
import { StateManager } from '../../src/checkpoint/state-manager.js';
import type { CheckpointStorage } from '../../src/checkpoint/storage.js';
import { memoryStorage } from '../../src/checkpoint/storages/memory-storage.js';
import {
  CheckpointNotFoundError,
  CheckpointWriteError,
  CorruptCheckpointError,
  InvalidOptionError,
  SessionLockedError,
} from '../../src/errors.js';
import { systemClock } from '../../src/platform/clock.js';
import { aCheckpoint } from '../support/checkpoints.js';

const SESSION = aCheckpoint().sessionId;
const DAY = 86_400_000;
const sessionId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const epochOf = (text: string) => (JSON.parse(text) as Checkpoint).epoch;

/** A storage whose writes wait until the test settles them. */
function heldStorage() {
  const written: { epoch: number; done: () => void; fail: (error: Error) => void }[] = [];
  const storage: CheckpointStorage = {
    ...memoryStorage(),
    write: (_, text) =>
      new Promise((done, fail) => {
        written.push({ epoch: epochOf(text), done, fail });
      }),
  };
  return { storage, written };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('when a checkpoint is due', () => {
  test.each([
    [{}, 499, 1e9, false],
    [{}, 500, 0, true],
    [{ checkpointInterval: 1 }, 1, 0, true],
    [{ checkpointInterval: 10_000, checkpointEveryMs: 1000 }, 1, 999, false],
    [{ checkpointInterval: 10_000, checkpointEveryMs: 1000 }, 1, 1000, true],
    [{ checkpointInterval: 10_000, checkpointEveryMs: 1000 }, 0, 5000, false],
    [{ checkpointInterval: 10_000, checkpointEveryMs: 1000 }, 10_000, 0, true],
  ])('%j: %i rows and %i ms after the last: %s', (options, rows, ms, due) => {
    expect(new StateManager(memoryStorage(), options).shouldCheckpoint(rows, ms)).toBe(due);
  });

  test('the default interval is 500 rows, and no time', () => {
    const manager = new StateManager(memoryStorage());
    expect([manager.checkpointInterval, manager.checkpointEveryMs]).toEqual([500, undefined]);
  });

  test.each([
    { checkpointInterval: 0 },
    { checkpointInterval: 1.5 },
    { checkpointInterval: Number.NaN },
    { checkpointEveryMs: 0 },
    { checkpointEveryMs: Number.POSITIVE_INFINITY },
  ])('%j is refused', (options) =>
    expect(() => new StateManager(memoryStorage(), options)).toThrow(InvalidOptionError),
  );
});

describe('saving', () => {
  test('gives the bytes that were written', async () => {
    const checkpoint = aCheckpoint({ pipeline: 'café' });
    const { bytes } = await new StateManager(memoryStorage()).saveCheckpoint(checkpoint);
    expect(bytes).toBe(Buffer.byteLength(encodeCheckpoint(checkpoint)));
  });

  test('writes one at a time, the newest of those that wait; the overtaken resolve with it', async () => {
    const { storage, written } = heldStorage();
    const manager = new StateManager(storage);
    const resolved: number[] = [];
    const save = (epoch: number) =>
      manager.saveCheckpoint(aCheckpoint({ epoch })).then(({ bytes }) => {
        resolved.push(epoch);
        return bytes;
      });
    save(1);
    await settled();
    const waiting = [save(2), save(3), save(44_444)];
    await settled();
    expect(written.map(({ epoch }) => epoch)).toEqual([1]);
    written[0]?.done();
    await settled();
    expect(written.map(({ epoch }) => epoch)).toEqual([1, 44_444]);
    expect(resolved).toEqual([1]);
    written[1]?.done();
    const bytes = await Promise.all(waiting);
    expect(new Set(bytes).size).toBe(1);
    expect(bytes[0]).toBe(encodeCheckpoint(aCheckpoint({ epoch: 44_444 })).length);
  });

  test('takes the checkpoint as it is now, not as it is when it is written', async () => {
    const { storage, written } = heldStorage();
    const manager = new StateManager(storage);
    const mutable = { ...aCheckpoint({ epoch: 5 }) };
    const saved = manager.saveCheckpoint(mutable);
    mutable.epoch = 6;
    await settled();
    expect(written[0]?.epoch).toBe(5);
    written[0]?.done();
    await saved;
  });

  test('of one session does not wait for another', async () => {
    const { storage, written } = heldStorage();
    const manager = new StateManager(storage);
    const saves = [1, 2].map((n) => manager.saveCheckpoint(aCheckpoint({ sessionId: sessionId(n) })));
    await settled();
    expect(written).toHaveLength(2);
    for (const { done } of written) done();
    await Promise.all(saves);
  });

  test('that fails is final: it, what waits and what comes later are rejected with it (I6)', async () => {
    const { storage, written } = heldStorage();
    const manager = new StateManager(storage);
    const first = manager.saveCheckpoint(aCheckpoint({ epoch: 1 })).catch((error: unknown) => error);
    await settled();
    const second = manager.saveCheckpoint(aCheckpoint({ epoch: 2 })).catch((error: unknown) => error);
    const cause = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    written[0]?.fail(cause);
    const error = await first;
    expect(error).toBeInstanceOf(CheckpointWriteError);
    expect(error).toMatchObject({ cause, message: expect.stringContaining('ENOSPC: no space left') });
    expect(await second).toBe(error);
    await expect(manager.saveCheckpoint(aCheckpoint({ epoch: 3 }))).rejects.toBe(error);
    expect(written).toHaveLength(1);

    // A new owner begins a new run: the cause may be fixed.
    await manager.lock(SESSION, {});
    const saved = manager.saveCheckpoint(aCheckpoint({ epoch: 4 }));
    await settled();
    written[1]?.done();
    await saved;
  });

  test('one that is too large is rejected, and leaves the others their chance', async () => {
    const manager = new StateManager(memoryStorage());
    const large = manager.saveCheckpoint(aCheckpoint({ snapshot: 'x'.repeat(70_000) }));
    await expect(large).rejects.toThrow(CheckpointWriteError);
    await manager.saveCheckpoint(aCheckpoint());
    expect(await manager.canResume(SESSION)).toBe(true);
  });
});

describe('loading', () => {
  const good = (epoch: number) => encodeCheckpoint(aCheckpoint({ epoch }));

  async function stored(...texts: string[]) {
    const storage = memoryStorage();
    for (const text of texts) await storage.write(SESSION, text);
    return new StateManager(storage);
  }

  test('gives the newest', async () => {
    const manager = await stored(good(1), good(2));
    const { checkpoint, warnings, candidates } = await manager.loadCheckpoint(SESSION);
    expect(checkpoint).toEqual(aCheckpoint({ epoch: 2 }));
    expect(warnings).toEqual([]);
    expect(candidates.map((candidate) => candidate.checkpoint?.epoch)).toEqual([2, 1]);
  });

  test('passes over a damaged one, with a warning that says why', async () => {
    const manager = await stored(good(1), good(2).replace('reviews', 'rev1ews'));
    const { checkpoint, warnings } = await manager.loadCheckpoint(SESSION);
    expect(checkpoint.epoch).toBe(1);
    expect(warnings).toEqual([expect.stringContaining('the checksum does not match')]);
  });

  test('passes over one that the caller does not accept', async () => {
    const manager = await stored(good(1), good(2));
    const accept = ({ epoch }: Checkpoint) => {
      if (epoch === 2) throw new Error('its snapshot names a stage that is not there');
    };
    const { checkpoint, warnings } = await manager.loadCheckpoint(SESSION, accept);
    expect(checkpoint.epoch).toBe(1);
    expect(warnings[0]).toContain('its snapshot names a stage that is not there');
  });

  test('with none that is good, says what is wrong with each', async () => {
    const manager = await stored('{', good(2).slice(1));
    const error: unknown = await manager.loadCheckpoint(SESSION).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CorruptCheckpointError);
    expect(error).toMatchObject({ reasons: ['newest: not JSON', 'previous: not JSON'] });
    expect(await manager.canResume(SESSION)).toBe(false);
  });

  test('of one written by a newer release says so', async () => {
    const manager = await stored(good(1).replace('"format":2', '"format":9'));
    await expect(manager.loadCheckpoint(SESSION)).rejects.toThrow('written by a newer release');
  });

  test.each([
    ['an unknown session', sessionId(7)],
    ['what is not a session id', '../x'],
  ])('%s: not found', async (_, id) => {
    const manager = await stored(good(1));
    await expect(manager.loadCheckpoint(id)).rejects.toThrow(CheckpointNotFoundError);
    expect(await manager.canResume(id)).toBe(false);
  });

  test.each([
    ['PAUSED', true],
    ['EXECUTING', true],
    ['FAILED', true],
    ['IDLE', true],
    ['COMPLETED', false],
  ] as const)('a session that was %s can be resumed: %s', async (state, can) => {
    const manager = await stored(encodeCheckpoint(aCheckpoint({ state })));
    expect(await manager.canResume(SESSION)).toBe(can);
  });
});

describe('what is stored', () => {
  const NOW = 1_700_000_000_000;

  /** Sessions saved 0, 1, 2 … days ago, and a damaged one. */
  async function fourDays() {
    const storage = memoryStorage();
    const manager = new StateManager(storage, { clock: { ...systemClock, now: () => NOW } });
    for (const n of [2, 0, 3, 1]) {
      await manager.saveCheckpoint(aCheckpoint({ sessionId: sessionId(n), savedAt: NOW - n * DAY }));
    }
    await storage.write(SESSION, 'nonsense');
    return manager;
  }

  test('is listed newest first, the damaged last', async () => {
    const manager = await fourDays();
    const list = await manager.listCheckpoints();
    expect(list.map((summary) => summary.sessionId)).toEqual([...[0, 1, 2, 3].map(sessionId), SESSION]);
    expect(list[0]).toMatchObject({ state: 'PAUSED', pipeline: 'reviews', savedAt: NOW });
    expect(list[4]).toEqual({ sessionId: SESSION, state: 'CORRUPT', reasons: ['newest: not JSON'] });
  });

  test('and old is removed, except running sessions and those without an age', async () => {
    const manager = await fourDays();
    await manager.lock(sessionId(3), {});
    expect(await manager.cleanupOldCheckpoints(1.5)).toBe(1);
    const left = (await manager.listCheckpoints()).map((summary) => summary.sessionId);
    expect(left).toEqual([...[0, 1, 3].map(sessionId), SESSION]);
  });

  test('and was killed before its first checkpoint is neither listed nor kept', async () => {
    const manager = new StateManager(memoryStorage());
    await (await manager.journal(SESSION, 1)).close();
    expect(await manager.listCheckpoints()).toEqual([]);
    expect(await manager.cleanupOldCheckpoints(7)).toBe(1);
    expect(await manager.storage.list()).toEqual([]);
  });

  test('can be removed by its id, unless it is running', async () => {
    const manager = await fourDays();
    const lock = await manager.lock(sessionId(1), {});
    await expect(manager.cleanupCheckpoints(sessionId(1))).rejects.toThrow(SessionLockedError);
    await lock.release();
    await manager.cleanupCheckpoints(sessionId(1));
    await manager.cleanupCheckpoints(sessionId(1));
    await manager.cleanupCheckpoints(SESSION);
    expect(await manager.storage.list()).toHaveLength(3);
  });

  test.each([-1, Number.NaN])('an age of %d days is refused', async (days) => {
    const manager = await fourDays();
    await expect(manager.cleanupOldCheckpoints(days)).rejects.toThrow(InvalidOptionError);
  });
});
