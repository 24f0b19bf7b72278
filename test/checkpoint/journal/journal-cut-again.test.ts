/**
 * I8, I9: the fsync that makes a cut of a torn tail durable fails, the next opening succeeds, and a later power loss undoes the cut. The
 * journal opens with every record that was durable.
 */
import { expect, test } from 'vitest';
import { SimulatedDisk } from 'xstate-pipeline/testing';
import { openFileJournal } from '../../../src/checkpoint/journal/file-journal.js';
import { at, bytes, SESSION } from './journals.js';

const SEGMENT = '/session/journal/00000001.log';
const open = (disk: SimulatedDisk, epoch: number) =>
  openFileJournal({ fileSystem: disk, directory: '/session', sessionId: SESSION, epoch });

/** A killed process leaves a durable record, and a tail of reserved zeros. */
async function killed(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  disk.putDirectory('/session');
  const journal = await open(disk, 1);
  await journal.append(at(0), [bytes('paid')]);
  return disk.kill();
}

test('a power loss that undoes a cut whose fsync failed', async () => {
  let failed = 0;
  for (let n = 1; n < 20; n++) {
    let disk = await killed();
    disk.fail(n, 'EIO');
    const isFailed = await open(disk, 2).then(
      () => false,
      () => true,
    );
    if (!isFailed) continue;
    failed += 1;
    const again = await open(disk, 3);
    await again.append(at(1), [bytes('more')]);
    disk = disk.crash();
    const journal = await open(disk, 4);
    expect(journal.keys(), `operation ${n}`).toEqual([at(0), at(1)]);
    expect(Buffer.from((await journal.read(at(0))) ?? []).toString()).toBe('paid');
    await journal.close();
    expect(disk.files()).toContain(SEGMENT);
  }
  expect(failed).toBeGreaterThan(2);
});
