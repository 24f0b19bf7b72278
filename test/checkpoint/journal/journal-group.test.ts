/**
 * Group commit: many appenders share an fsync, and no append resolves before it (I8); a failure is final (I6).
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { segmentName } from '../../../src/checkpoint/journal/journal-format.js';
import type { FileHandle, FileSystem } from '../../../src/platform/file-system.js';
import { nodeFileSystem } from '../../../src/platform/node-file-system.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { at, bytes, freshDirectory, open } from './journals.js';

/** The real file system with every operation of a handle observed, and held up or failed at will. */
function observed(before: (operation: string, path: string) => void | Promise<void>): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, mode, permissions, writes) {
      await before(`open ${mode}`, path);
      const handle = await nodeFileSystem.open(path, mode, permissions, writes);
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

test('small groups go where space was reserved: the file keeps its length, and gives the rest back in the end', async () => {
  const lengths = new Set<number>();
  const directory = await freshDirectory();
  const file = (number: number) => statSync(join(directory, 'journal', segmentName(number))).size;
  const journal = await open(directory, { segmentBytes: 20_000 });
  for (let batch = 0; batch < 100; batch++) {
    await journal.append(at(batch), [bytes('a small result')]);
    lengths.add(file(1));
  }
  expect(lengths.size).toBeLessThanOrEqual(3);
  expect(file(1)).toBeGreaterThan(journal.size);
  // What is too large is written as it is, and so is the next segment's first group.
  await journal.append(at(100), [new Uint8Array(18_000)]);
  await journal.append(at(101), [new Uint8Array(18_000)]);
  expect(file(1) + file(2)).toBe(journal.size);
  await journal.append(at(102), [bytes('a small result')]);
  await journal.close();
  expect(file(1) + file(2)).toBe(journal.size);
  const again = await open(directory, { epoch: 2 });
  expect(again.keys()).toHaveLength(103);
  await again.close();
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
  for (const bad of [{ stage: 'x'.repeat(2000), batch: 0 }, { stage: '\ud800', batch: 0 }, at(-1), at(0.5)]) {
    await expect(journal.append(bad, [])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  }
  await good;
  await journal.close();
});
