/**
 * A power loss and a kill at the disk operations around the delivery of the output.
 *
 * Pinned: `deliver` gets the whole output each time, at least once, and the session is completed only after it. I7, I19.
 */
import { beforeAll, expect, test } from 'vitest';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { INPUT, inputOf, Ledger, OUTPUT, runProcess } from './simulated-run.js';

/** Operations before the end of a run that are tried: its last commits, the rename, and the last checkpoint. */
const LAST = 24;
const options = { delivers: true };
let golden: string;
let operations: number;

function freshDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.put(INPUT, inputOf(12));
  disk.putDirectory('/state');
  return disk;
}

beforeAll(async () => {
  const disk = freshDisk();
  const ledger = new Ledger();
  expect(await runProcess(disk, ledger, options)).toBe('completed');
  golden = disk.text(OUTPUT) as string;
  operations = disk.operations.length;
  expect(ledger.delivered).toEqual([golden]);
});

const MANNERS: readonly (readonly [string, (disk: SimulatedDisk, n: number) => SimulatedDisk])[] = [
  ['the process is killed', (disk) => disk.kill()],
  ['the power fails', (disk) => disk.crash()],
  ['the power fails, and some of the bytes stay', (disk, n) => disk.crash(1000 + n)],
];

test.each(MANNERS)('%s', async (_, crash) => {
  for (let n = operations - LAST; n <= operations; n++) {
    const disk = freshDisk();
    const ledger = new Ledger();
    disk.cutAt(n);
    await runProcess(disk, ledger, options);
    const what = `operation ${n}: ${disk.operations[n - 1]?.kind} ${disk.operations[n - 1]?.path}`;
    const after = crash(disk, n);
    for (let process = 1; (await runProcess(after, ledger, options)) !== 'completed'; process++)
      expect(process, what).toBeLessThan(4);
    expect(after.text(OUTPUT), what).toBe(golden);
    expect(ledger.delivered.length, what).toBeGreaterThan(0);
    expect(new Set(ledger.delivered), what).toEqual(new Set([golden]));
    expect(ledger.violations, what).toEqual([]);
  }
});
