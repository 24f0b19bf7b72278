/**
 * Every disk operation of a run fails once, in every manner, and a power loss hits every one of them.
 *
 * Pinned: I5–I9, I14: afterwards the session is resumed until it completes, and the output is byte-identical to that of an
 * uninterrupted run. No announced durable output is computed again. Nothing hangs. I19: a killed process leaves no file beside
 * the output.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { INPUT, inputOf, Ledger, OUTPUT, runProcess } from './simulated-run.js';

const ROWS = 30;
let golden: string;
let operations: number;

function freshDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.put(INPUT, inputOf(ROWS));
  disk.putDirectory('/state');
  return disk;
}

/** Resumes until the run completes: the fault occurs in the first process only. */
async function finish(disk: SimulatedDisk, ledger: Ledger): Promise<void> {
  for (let process = 1; process <= 4; process++) {
    const how = await runProcess(disk, ledger);
    if (how === 'completed') return;
    if (process === 4) throw how;
  }
}

beforeAll(async () => {
  const disk = freshDisk();
  expect(await runProcess(disk, new Ledger())).toBe('completed');
  golden = disk.text(OUTPUT) as string;
  operations = disk.operations.length;
  expect(golden.split('\n')).toHaveLength(ROWS + 1);
});

test('an uninterrupted run has more than 80 disk operations', () => {
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
      await runProcess(disk, ledger);
      const what = `operation ${n}: ${disk.operations[n - 1]?.kind} ${disk.operations[n - 1]?.path}`;
      await finish(disk.kill(), ledger).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      expect(disk.text(OUTPUT), what).toBe(golden);
      expect(ledger.violations, what).toEqual([]);
    }
  });
});

describe('the power fails', () => {
  test.each([undefined, 1, 2, 3])('data without an fsync is lost (seed %s)', async (seed) => {
    for (let n = 1; n <= operations; n++) {
      const disk = freshDisk();
      const ledger = new Ledger();
      disk.cutAt(n);
      await runProcess(disk, ledger);
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

test('the process is killed: its session leaves nothing beside the output', async () => {
  for (let n = 1; n <= operations; n++) {
    const disk = freshDisk();
    const ledger = new Ledger();
    disk.cutAt(n);
    await runProcess(disk, ledger);
    const what = `operation ${n}: ${disk.operations[n - 1]?.kind} ${disk.operations[n - 1]?.path}`;
    const after = disk.kill();
    await finish(after, ledger);
    expect(after.text(OUTPUT), what).toBe(golden);
    expect(
      after.files().filter((path) => path.startsWith('/data/')),
      what,
    ).toEqual([INPUT, OUTPUT]);
  }
});
