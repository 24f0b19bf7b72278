/**
 * The journals (I8, I9, I10).
 *
 * - Both keep the contract.
 * - In files: many appenders share an fsync, and none is told "durable" before it; a failure is final (I6).
 * - A segment rolls at its size; its file goes when the watermark has passed all of it.
 * - Another session's, a later format's, a planted file is refused; another fingerprint's record is passed over.
 */
import { mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FileJournalOptions, openFileJournal } from '../../src/checkpoint/file-journal.js';
import { type MemoryRecords, memoryJournal } from '../../src/checkpoint/memory-journal.js';
import { nodeFileSystem } from '../../src/checkpoint/node-file-system.js';
import type { FileHandle, FileSystem } from '../../src/file-system.js';
import { journalContract } from '../../src/testing/contracts/journal.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';

const SESSION = '0e4cf1d2-5f0e-4c8e-9b6e-0d8c8a1f2b3c';
const OTHER = '9f4cf1d2-5f0e-4c8e-9b6e-0d8c8a1f2b3c';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const at = (batch: number) => ({ stage: 's', batch });
const freshDirectory = () => mkdtemp(join(root, 'session-'));

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function open(directory: string, options: Partial<FileJournalOptions> = {}) {
  return openFileJournal({ fileSystem: nodeFileSystem, directory, sessionId: SESSION, epoch: 1, ...options });
}

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

/** The real file system with every operation of a handle observed, and held up or failed at will. */
function observed(before: (operation: string, path: string) => void | Promise<void>): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, mode, permissions) {
      await before(`open ${mode}`, path);
      const handle = await nodeFileSystem.open(path, mode, permissions);
      const around: FileHandle = {
        read: (...args) => handle.read(...args),
        write: async (...args) => {
          await before('write', path);
          return handle.write(...args);
        },
        sync: async () => {
          await before('sync', path);
          return handle.sync();
        },
        datasync: async () => {
          await before('datasync', path);
          return handle.datasync();
        },
        truncate: async (length) => {
          await before('truncate', path);
          return handle.truncate(length);
        },
        stat: () => handle.stat(),
        close: () => handle.close(),
      };
      return around;
    },
    async syncDirectory(path) {
      await before('syncDirectory', path);
      return nodeFileSystem.syncDirectory(path);
    },
  };
}

describe('group commit', () => {
  test('appends that arrive while an fsync runs share the next one', async () => {
    let fsyncs = 0;
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let firstFsync = () => {};
    const inFsync = new Promise<void>((resolve) => {
      firstFsync = resolve;
    });
    const fileSystem = observed(async (operation) => {
      if (operation === 'datasync' && ++fsyncs === 1) {
        firstFsync();
        await held;
      }
    });
    const journal = await open(await freshDirectory(), { fileSystem });
    const first = journal.append(at(0), [bytes('alone')]);
    await inFsync;
    const rest = Array.from({ length: 100 }, (_, i) => journal.append(at(i + 1), [bytes(`p${i}`)]));
    letGo();
    await Promise.all([first, ...rest]);
    expect(fsyncs).toBe(2);
    expect(journal.keys()).toHaveLength(101);
    await journal.close();
  });

  test('appenders that loop stay together', async () => {
    let fsyncs = 0;
    const fileSystem = observed((operation) => {
      if (operation === 'datasync') fsyncs++;
    });
    const journal = await open(await freshDirectory(), { fileSystem });
    let batch = 0;
    const appender = async () => {
      for (let i = 0; i < 10; i++) {
        await journal.append(at(batch++), [bytes('x')]);
        // Not all are as far from their next append: some have more layers between.
        for (let layer = 0; layer < batch % 6; layer++) await undefined;
      }
    };
    await Promise.all(Array.from({ length: 64 }, appender));
    expect(journal.keys()).toHaveLength(640);
    expect(fsyncs).toBeLessThanOrEqual(12);
    await journal.close();
  });

  test('nothing is durable before the fsync, nor the first of a file before its directory is synced', async () => {
    const log: string[] = [];
    const fileSystem = observed((operation, path) => {
      log.push(`${operation} ${path.split('/').at(-1)}`);
    });
    const journal = await open(await freshDirectory(), { fileSystem });
    await journal.append(at(0), [bytes('x')]).then(() => log.push('durable'));
    expect(log.slice(-5)).toEqual([
      'open create 00000001.log',
      'write 00000001.log',
      'datasync 00000001.log',
      'syncDirectory journal',
      'durable',
    ]);
    await journal.close();
  });

  for (const operation of ['open create', 'write', 'datasync', 'syncDirectory']) {
    test(`a failed ${operation} is final: every append rejects with it and nothing is tried again (I6)`, async () => {
      let armed = false;
      let after = 0;
      const fileSystem = observed((done) => {
        if (!armed) return;
        // Cutting off what must not be found is no second try.
        if (after > 0) after += done === 'truncate' ? 0 : 1;
        else if (done === operation) {
          after = 1;
          throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
        }
      });
      const directory = await freshDirectory();
      const journal = await open(directory, { fileSystem, segmentBytes: 0 });
      await journal.append(at(0), [bytes('good')]);
      armed = true;
      const failing = [1, 2, 3].map((batch) => journal.append(at(batch), [bytes('bad')]));
      const outcomes = await Promise.allSettled([...failing, journal.append(at(9), [])]);
      const errors = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason);
      expect(errors[0]).toMatchObject({ code: 'CHECKPOINT_WRITE', cause: { code: 'EIO' } });
      const late = await journal.append(at(4), []).catch((error) => error);
      expect(new Set([...errors, late]).size).toBe(1);
      expect(after).toBe(1);
      await journal.close();

      const again = await open(directory, { epoch: 2 });
      expect(await again.read(at(0))).toEqual(Buffer.from('good'));
      await again.close();
    });
  }

  test('what a failed fsync may have lost is not found by the next owner, who would rely on it', async () => {
    const disk = new SimulatedDisk();
    disk.putDirectory('/s');
    const first = await open('/s', { fileSystem: disk });
    await first.append(at(0), [bytes('good')]);
    disk.fail(2, 'EIO');
    await expect(first.append(at(1), [bytes('lost')])).rejects.toMatchObject({ code: 'CHECKPOINT_WRITE' });
    await first.close();
    const second = await open('/s', { fileSystem: disk.kill(), epoch: 2 });
    expect(second.keys()).toEqual([at(0)]);
  });

  test('what a killed owner had written and not fsynced is durable before the next one relies on it', async () => {
    for (let n = 1; n <= 4; n++) {
      const disk = new SimulatedDisk();
      disk.putDirectory('/s');
      const first = await open('/s', { fileSystem: disk });
      await first.append(at(0), [bytes('0')]);
      disk.cutAt(n);
      await first.append(at(1), [bytes('1')]).catch(() => {});
      const killed = disk.kill();
      const second = await open('/s', { fileSystem: killed, epoch: 2 });
      const found = second.keys();
      await second.append(at(2), [bytes('2')]);
      const third = await open('/s', { fileSystem: killed.crash(), epoch: 3 });
      expect(third.keys()).toEqual([...found, at(2)]);
    }
  });

  test('what the format cannot hold is refused alone', async () => {
    const journal = await open(await freshDirectory());
    const good = journal.append(at(0), [bytes('x')]);
    for (const bad of [
      { stage: 'x'.repeat(2000), batch: 0 },
      { stage: '\ud800', batch: 0 },
      at(-1),
      at(0.5),
    ]) {
      await expect(journal.append(bad, [])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
    await good;
    await journal.close();
  });
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
    await journal.append(at(100), [bytes('goes on')]);
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
  async function journalWith(sessionId: string, fingerprint?: string) {
    const directory = await freshDirectory();
    const journal = await open(directory, {
      sessionId,
      ...(fingerprint === undefined ? {} : { fingerprint }),
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

  test("another fingerprint's record is passed over, kept until a trim, and does not stand in the way", async () => {
    const directory = await journalWith(SESSION, 'old pipeline');
    const changed = await open(directory, { fingerprint: 'new pipeline', epoch: 2 });
    expect(changed.keys()).toEqual([]);
    await changed.append(at(0), [bytes('recomputed')]);
    expect(await changed.read(at(0))).toEqual(Buffer.from('recomputed'));
    await changed.close();
    const back = await open(directory, { fingerprint: 'old pipeline', epoch: 3 });
    expect(await back.read(at(0))).toEqual(Buffer.from('x'));
    await back.close();
    const anew = await open(directory, { fingerprint: 'new pipeline', epoch: 4 });
    expect(await anew.read(at(0))).toEqual(Buffer.from('recomputed'));
    await anew.close();
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
