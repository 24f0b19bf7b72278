/**
 * A fault, a kill or a power loss at every disk operation of a run that writes a Parquet file; all three with
 * `XSTATE_PIPELINE_KILLS`.
 *
 * Pinned: I7, I19: afterwards the file is byte-identical to that of an uninterrupted run. A kill leaves nothing beside it.
 */
import { beforeAll, expect, test } from 'vitest';
import { parquet } from '../../src/parquet.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { INPUT, inputOf, Ledger, runProcess } from './simulated-run.js';

const OUTPUT = '/data/out.parquet';
const sink = parquet(OUTPUT, { columns: { n: 'int64', paid: 'int32' }, rowGroupRows: 5 }).sink;
const options = { sink: sink as never };
let golden: string | undefined;
let operations: number;

const outputs = (disk: SimulatedDisk) => disk.text(OUTPUT);

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
  expect(golden).toMatch(/^PAR1.*PAR1$/s);
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
    // A note of the part file is never fsynced.
    if (name !== 'a kill') continue;
    expect(
      after.files().filter((path) => path.startsWith('/data/')),
      what,
    ).toEqual([INPUT, OUTPUT]);
  }
});
