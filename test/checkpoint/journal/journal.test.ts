/**
 * The journals (I8, I9, I10).
 *
 * - Both keep the contract.
 * - A segment rolls at its size; its file goes when the watermark has passed all of it.
 * - Another session's, a later format's, a planted file is refused.
 */
import { readdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type MemoryRecords, memoryJournal } from '../../../src/checkpoint/journal/memory-journal.js';
import type { FileSystem } from '../../../src/platform/file-system.js';
import { nodeFileSystem } from '../../../src/platform/node-file-system.js';
import { journalContract } from '../../../src/testing/contracts/journal.js';
import { at, bytes, freshDirectory, open, SESSION } from './journals.js';

const OTHER = '9f4cf1d2-5f0e-4c8e-9b6e-0d8c8a1f2b3c';

journalContract(
  'the journal in files',
  async () => {
    const directory = await freshDirectory();
    return { open: (epoch) => open(directory, { epoch, segmentBytes: 256 * 1024 }) };
  },
  { describe, it: test },
);

journalContract(
  'the journal in memory',
  async () => {
    const records: MemoryRecords = new Map();
    return { open: async (epoch) => memoryJournal({ records, epoch }) };
  },
  { describe, it: test },
);

test('close waits for a trim: the next opener meets no segment that vanishes under it', async () => {
  const directory = await freshDirectory();
  let letGo = () => {};
  const opened = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    async unlink(path) {
      await opened;
      return nodeFileSystem.unlink(path);
    },
  };
  const journal = await open(directory, { fileSystem, segmentBytes: 1000 });
  for (let batch = 0; batch < 5; batch++) await journal.append(at(batch), [new Uint8Array(2000)]);
  const trimming = journal.trim(4);
  let isClosed = false;
  const closing = journal.close().then(() => {
    isClosed = true;
  });
  // Enough for an fsync of a busy disk: without the wait, closing takes one.
  for (let turn = 0; turn < 20_000 && !isClosed; turn++)
    await new Promise((resolve) => setImmediate(resolve));
  expect(isClosed).toBe(false);
  letGo();
  await Promise.all([trimming, closing]);
  const next = await open(directory, { epoch: 2 });
  expect(next.keys()).toEqual([at(4)]);
  await next.close();
});

describe('segments', () => {
  const files = (directory: string) => readdir(join(directory, 'journal')).then((names) => names.sort());

  test('roll at their size, and their files go with the watermark', async () => {
    const directory = await freshDirectory();
    const journal = await open(directory, { segmentBytes: 1000 });
    for (let batch = 0; batch < 12; batch++) await journal.append(at(batch), [new Uint8Array(400)]);
    expect(await files(directory)).toHaveLength(4);
    await journal.trim(6);
    expect(await files(directory)).toEqual(['00000003.log', '00000004.log']);
    const { size } = journal;
    const onDisk = await Promise.all(
      (await files(directory)).map((name) => stat(join(directory, 'journal', name))),
    );
    expect(onDisk.reduce((sum, file) => sum + file.size, 0)).toBe(size);
    expect(onDisk.every((file) => (file.mode & 0o777) === 0o600)).toBe(true);
    await journal.trim(100);
    expect(await files(directory)).toEqual([]);
    await journal.append(at(100), [bytes('more')]);
    expect(await files(directory)).toEqual(['00000005.log']);
    await journal.close();
  });

  test('an opener never writes into a file of an earlier one (I10)', async () => {
    const directory = await freshDirectory();
    const old = await open(directory);
    await old.append(at(0), [bytes('old')]);
    const young = await open(directory, { epoch: 2 });
    await young.append(at(1), [bytes('young')]);
    await old.append(at(2), [bytes('still writing')]);
    await Promise.all([old.close(), young.close()]);
    const next = await open(directory, { epoch: 3 });
    expect(next.keys()).toHaveLength(3);
    await next.close();
  });

  test('an owner that has been succeeded cannot make a file of its own (I10)', async () => {
    const directory = await freshDirectory();
    const old = await open(directory, { segmentBytes: 0 });
    await old.append(at(0), [bytes('old')]);
    const young = await open(directory, { epoch: 2 });
    await young.append(at(1), [bytes('young')]);
    await expect(old.append(at(2), [bytes('too late')])).rejects.toMatchObject({ cause: { code: 'EEXIST' } });
    await Promise.all([old.close(), young.close()]);
  });

  test('other files in the folder are none of its business', async () => {
    const directory = await freshDirectory();
    const journal = await open(directory);
    await journal.append(at(0), [bytes('x')]);
    await journal.close();
    for (const name of ['.DS_Store', '1.log', '00000001.log.bak', '00000000.log']) {
      await writeFile(join(directory, 'journal', name), 'junk');
    }
    const again = await open(directory);
    expect(again.keys()).toEqual([at(0)]);
    await again.close();
  });
});

describe('what is not its own', () => {
  async function journalWith(sessionId: string) {
    const directory = await freshDirectory();
    const journal = await open(directory, {
      sessionId,
    });
    await journal.append(at(0), [bytes('x')]);
    await journal.close();
    return directory;
  }

  test("another session's segment is corruption", async () => {
    await expect(open(await journalWith(OTHER))).rejects.toMatchObject({
      code: 'CORRUPT_JOURNAL',
      message: expect.stringContaining('another session'),
    });
  });

  test('a renamed segment is corruption', async () => {
    const directory = await journalWith(SESSION);
    await rename(join(directory, 'journal/00000001.log'), join(directory, 'journal/00000002.log'));
    await expect(open(directory)).rejects.toMatchObject({ code: 'CORRUPT_JOURNAL' });
  });

  test('a symlink or a folder in place of a segment, or of the folder, is refused', async () => {
    const directory = await journalWith(SESSION);
    const folder = join(directory, 'journal');
    await rename(join(folder, '00000001.log'), join(directory, 'elsewhere'));
    await symlink(join(directory, 'elsewhere'), join(folder, '00000001.log'));
    await expect(open(directory)).rejects.toMatchObject({ code: 'CORRUPT_JOURNAL' });

    const linked = await freshDirectory();
    await symlink(folder, join(linked, 'journal'));
    await expect(open(linked)).rejects.toMatchObject({ code: 'CORRUPT_JOURNAL' });
  });
});
