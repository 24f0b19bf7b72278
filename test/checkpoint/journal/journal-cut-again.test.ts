/**
 * I8, I9: a failed fsync of an opening. Linux marks the pages clean, so that the next fsync succeeds without writing them.
 *
 * 1. A power loss may then undo the cut of a torn tail. The journal opens with every record that was durable.
 * 2. Records that a killed process had written without an fsync, and that a later opening returned, survive the power loss.
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

test('a record that an opening returned after a failed fsync survives a power loss', async () => {
  let failed = 0;
  for (let n = 1; n < 20; n++) {
    let disk = new SimulatedDisk();
    disk.putDirectory('/session');
    const first = await open(disk, 1);
    await first.append(at(0), [bytes('paid')]);
    await first.write?.(at(1), [bytes('answer')]);
    disk = disk.kill();
    disk.fail(n, 'EIO');
    const isFailed = await open(disk, 2).then(
      () => false,
      () => true,
    );
    if (!isFailed) continue;
    failed += 1;
    const again = await open(disk, 3);
    const returned = again.keys();
    expect(returned).toEqual([at(0), at(1)]);
    await again.append(at(2), [bytes('more')]);
    const journal = await open(disk.crash(), 4);
    expect(journal.keys(), `operation ${n}`).toEqual([...returned, at(2)]);
    await journal.close();
  }
  expect(failed).toBeGreaterThan(2);
});
