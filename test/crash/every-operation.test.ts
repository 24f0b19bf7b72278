/**
 * Every operation that a run asks of the disk fails once, in every manner, and the power goes at every one of them.
 *
 * Pinned: I5–I9, I14: afterwards the session is resumed (as often as it takes) and the output is byte-identical to that of
 * an uninterrupted run; no durable output that was announced is ever computed again; nothing hangs.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { INPUT, inputOf, Ledger, live, OUTPUT } from './simulated-run.js';

const ROWS = 30;
let golden: string;
let operations: number;

function freshDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.put(INPUT, inputOf(ROWS));
  disk.putDirectory('/state');
  return disk;
}

/** Goes on until it completes: one fault is over after the first life. */
async function finish(disk: SimulatedDisk, ledger: Ledger): Promise<void> {
  for (let life = 0; life < 4; life++) {
    const how = await live(disk, ledger);
    if (how === 'completed') return;
    if (life === 3) throw how;
  }
}

beforeAll(async () => {
  const disk = freshDisk();
  expect(await live(disk, new Ledger())).toBe('completed');
  golden = disk.text(OUTPUT) as string;
  operations = disk.operations.length;
  expect(golden.split('\n')).toHaveLength(ROWS + 1);
});

test('an uninterrupted run asks enough of the disk for this to mean something', () => {
  expect(operations).toBeGreaterThan(80);
});

describe('one operation fails', () => {
  test.each([
    ['EIO', 'clean'],
    ['ENOSPC', 'clean'],
    ['ENOSPC', 'short'],
  ] as const)('%s, %s', async (code, manner) => {
    for (let n = 1; n <= operations; n++) {
      const disk = freshDisk();
      const ledger = new Ledger();
      disk.fail(n, code, manner);
      await live(disk, ledger);
      const what = `operation ${n}: ${disk.operations[n - 1]?.kind} ${disk.operations[n - 1]?.path}`;
      await finish(disk.kill(), ledger).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      expect(disk.text(OUTPUT), what).toBe(golden);
      expect(ledger.violations, what).toEqual([]);
    }
  });
});

describe('the power goes', () => {
  test.each([undefined, 1, 2, 3])('what was not fsynced is lost (seed %s)', async (seed) => {
    for (let n = 1; n <= operations; n++) {
      const disk = freshDisk();
      const ledger = new Ledger();
      disk.cutAt(n);
      await live(disk, ledger);
      const what = `operation ${n}: ${disk.operations[n - 1]?.kind} ${disk.operations[n - 1]?.path}`;
      const after = disk.crash(seed === undefined ? undefined : seed * 1000 + n);
      await finish(after, ledger).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      expect(after.text(OUTPUT), what).toBe(golden);
      expect(ledger.violations, what).toEqual([]);
    }
  });
});
