/**
 * A run whose output is split: every disk operation fails once, and a power loss hits every one of them, those of publishing too.
 *
 * Pinned: I7, I8, I19: the resumed run publishes the files of an uninterrupted one, each whole, and leaves nothing else behind.
 */
import { expect, test } from 'vitest';
import { jsonl } from '../../../src/node.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { INPUT, inputOf, Ledger, runProcess } from '../simulated-run.js';

const ROWS = 8;
const FOLDER = '/data/out';

interface Out {
  readonly n: number;
}
const sink = jsonl<Out>(`${FOLDER}/{key}-{n}.jsonl`, {
  key: ({ n }) => ['a', 'A', '../c'][n % 3] as string,
  maxBytes: 30,
});
const runOnce = (disk: SimulatedDisk, ledger: Ledger) => runProcess(disk, ledger, { sink });

function freshDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.put(INPUT, inputOf(ROWS));
  disk.putDirectory('/state');
  return disk;
}

async function outputsOf(disk: SimulatedDisk): Promise<Record<string, string | undefined>> {
  // A fault before the first checkpoint may leave an empty working file: nothing refers to it.
  const isLeft = (name: string) => name === '_files.json.part' && disk.text(`${FOLDER}/${name}`) === '';
  const names = (await disk.list(FOLDER)).filter((name) => !isLeft(name));
  return Object.fromEntries(names.toSorted().map((name) => [name, disk.text(`${FOLDER}/${name}`)]));
}

async function finish(disk: SimulatedDisk, ledger: Ledger): Promise<void> {
  for (let count = 1; ; count++) {
    const how = await runOnce(disk, ledger);
    if (how === 'completed') return;
    if (count === 4) throw how;
  }
}

const FAULTS = ['ENOSPC', 'kill', 'power loss, some data kept'] as const;

/** One fault for each operation, in turn; all of them with `XSTATE_PIPELINE_KILLS`. */
test.each(process.env.XSTATE_PIPELINE_KILLS === undefined ? [undefined] : FAULTS)(
  'a fault at every operation: %s',
  async (only) => {
    const whole = freshDisk();
    expect(await runOnce(whole, new Ledger())).toBe('completed');
    const golden = await outputsOf(whole);
    expect(Object.keys(golden)).toHaveLength(9);
    for (let n = 1; n <= whole.operations.length; n++) {
      const fault = only ?? (FAULTS[n % FAULTS.length] as string);
      const disk = freshDisk();
      const ledger = new Ledger();
      if (fault === 'ENOSPC') disk.fail(n, 'ENOSPC', 'short');
      else disk.cutAt(n);
      await runOnce(disk, ledger);
      const after = fault.startsWith('power')
        ? disk.crash(fault.includes('kept') ? 1000 + n : undefined)
        : disk.kill();
      const what = `operation ${n}: ${whole.operations[n - 1]?.kind} ${whole.operations[n - 1]?.path}`;
      await finish(after, ledger).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      expect(await outputsOf(after), what).toEqual(golden);
      expect(ledger.violations, what).toEqual([]);
    }
  },
  120_000,
);
