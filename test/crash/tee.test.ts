/**
 * A fault, a kill or a power loss at every disk operation of a run that writes two files by `tee()`; all three with
 * `XSTATE_PIPELINE_KILLS`.
 *
 * Pinned: I7, I19 over both outputs: afterwards both are those of an uninterrupted run, and no part file is left.
 */
import { beforeAll, expect, test } from 'vitest';
import { tee } from '../../src/index.js';
import { csv, jsonl } from '../../src/node.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { INPUT, inputOf, Ledger, OUTPUT, runProcess } from './simulated-run.js';

const SECOND = '/data/out.csv';
const options = { sink: tee<unknown>(jsonl(OUTPUT) as never, csv(SECOND) as never) };
let golden: readonly (string | undefined)[];
let operations: number;

const outputs = (disk: SimulatedDisk) => [disk.text(OUTPUT), disk.text(SECOND)];

function freshDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.put(INPUT, inputOf(12));
  disk.putDirectory('/state');
  return disk;
}

async function finish(disk: SimulatedDisk, ledger: Ledger): Promise<void> {
  for (let process = 1; ; process++) {
    const how = await runProcess(disk, ledger, options);
    if (how === 'completed') return;
    if (process === 4) throw how;
  }
}

beforeAll(async () => {
  const disk = freshDisk();
  expect(await runProcess(disk, new Ledger(), options)).toBe('completed');
  golden = outputs(disk);
  operations = disk.operations.length;
  expect(golden.map((text) => text?.split('\n').length)).toEqual([13, 14]);
});

const MANNERS: readonly (readonly [
  string,
  (disk: SimulatedDisk, n: number) => void,
  (disk: SimulatedDisk, n: number) => SimulatedDisk,
])[] = [
  ['a kill', (disk, n) => disk.cutAt(n), (disk) => disk.kill()],
  ['a power loss', (disk, n) => disk.cutAt(n), (disk, n) => disk.crash(n % 2 === 0 ? undefined : n)],
  ['an error of the disk', (disk, n) => disk.fail(n, 'EIO'), (disk) => disk.kill()],
];

/** Each operation is tried in one manner, or in all of them. */
const STEP = process.env.XSTATE_PIPELINE_KILLS === undefined ? MANNERS.length : 1;

test.each(MANNERS)('%s', async (name, injure, crash) => {
  const first = 1 + (MANNERS.findIndex((manner) => manner[0] === name) % STEP);
  for (let n = first; n <= operations; n += STEP) {
    const disk = freshDisk();
    const ledger = new Ledger();
    injure(disk, n);
    await runProcess(disk, ledger, options);
    const what = `operation ${n}: ${disk.operations[n - 1]?.kind} ${disk.operations[n - 1]?.path}`;
    const after = crash(disk, n);
    await finish(after, ledger).catch((error: unknown) => {
      throw new Error(what, { cause: error });
    });
    expect(outputs(after), what).toEqual(golden);
    expect(ledger.violations, what).toEqual([]);
  }
});
