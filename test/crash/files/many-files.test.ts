/**
 * A run over several files: every disk operation fails once, and a power loss hits every one of them.
 *
 * Pinned: I7, I8, I15: the output of the resumed run is byte-identical to that of an uninterrupted run over one file.
 */
import { expect, test } from 'vitest';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { INPUT, inputOf, Ledger, OUTPUT, runProcess } from '../simulated-run.js';

const ROWS = 18;
const PATTERN = '/data/in-*.jsonl';

/** The rows in four files, one of them empty. */
function freshDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  const lines = inputOf(ROWS).split(/(?<=\n)/);
  const borders = [0, 7, 7, 12, ROWS];
  for (let i = 0; i < 4; i++)
    disk.put(`/data/in-${i}.jsonl`, lines.slice(borders[i], borders[i + 1]).join(''));
  disk.putDirectory('/state');
  return disk;
}

const runOnce = (disk: SimulatedDisk, ledger: Ledger) => runProcess(disk, ledger, { input: PATTERN });

async function finish(disk: SimulatedDisk, ledger: Ledger): Promise<void> {
  for (let count = 1; ; count++) {
    const how = await runOnce(disk, ledger);
    if (how === 'completed') return;
    if (count === 4) throw how;
  }
}

async function goldenOf(): Promise<string | undefined> {
  const disk = new SimulatedDisk();
  disk.put(INPUT, inputOf(ROWS));
  disk.putDirectory('/state');
  expect(await runProcess(disk, new Ledger())).toBe('completed');
  return disk.text(OUTPUT);
}

const FAULTS = ['EIO', 'power loss'] as const;

/** One fault for each operation, in turn; all of them with `XSTATE_PIPELINE_KILLS`. */
test.each(process.env.XSTATE_PIPELINE_KILLS === undefined ? [undefined] : FAULTS)(
  'a fault at every operation: %s',
  async (only) => {
    const golden = await goldenOf();
    const whole = freshDisk();
    expect(await runOnce(whole, new Ledger())).toBe('completed');
    expect(whole.text(OUTPUT)).toBe(golden);
    for (let n = 1; n <= whole.operations.length; n++) {
      const fault = only ?? (FAULTS[n % FAULTS.length] as string);
      const disk = freshDisk();
      const ledger = new Ledger();
      if (fault === 'EIO') disk.fail(n, 'EIO', 'clean');
      else disk.cutAt(n);
      await runOnce(disk, ledger);
      const after = fault === 'EIO' ? disk.kill() : disk.crash();
      const what = `operation ${n}: ${whole.operations[n - 1]?.kind} ${whole.operations[n - 1]?.path}`;
      await finish(after, ledger).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      expect(after.text(OUTPUT), what).toBe(golden);
      expect(ledger.violations, what).toEqual([]);
    }
  },
  120_000,
);
