/**
 * Checkpoints in a state directory, on a disk that other programs write to. Pins:
 *
 * 1. Directories are 0700, files 0600; nothing is created before the first checkpoint.
 * 2. (I9) Symlinks, directories, oversized and undecodable files in the place of a checkpoint are refused and named. They
 *    are never followed, never affect other sessions, and never print a stack trace.
 * 3. (I10) A writer that is not the owner is noticed.
 * 4. The next owner removes the leftovers of a crashed writer. An unusable state directory is reported in one line.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { StateManager } from '../../../src/checkpoint/state-manager.js';
import type { CheckpointStorage } from '../../../src/checkpoint/storage.js';
import { lowdbStorage } from '../../../src/checkpoint/storages/lowdb-storage.js';
import { CorruptCheckpointError, SessionLockedError, StateDirectoryError } from '../../../src/errors.js';
import { nodeFileSystem } from '../../../src/platform/node-file-system.js';
import { aCheckpoint } from '../../support/checkpoints.js';
import { freshFolder } from '../../support/folders.js';
import { unprivileged } from '../../support/unprivileged.js';

const SESSION = aCheckpoint().sessionId;

let base: string;
let directory: string;
let home: string;
let storage: CheckpointStorage;

beforeEach(() => {
  base = freshFolder();
  directory = join(base, 'state');
  home = join(directory, SESSION);
  storage = lowdbStorage(directory);
});

const texts = async () => (await storage.read(SESSION))?.generations.map(({ text }) => text);
const problems = async () => (await storage.read(SESSION))?.problems;

describe('what is made', () => {
  test('nothing, by looking', async () => {
    await storage.list();
    await storage.read(SESSION);
    await storage.remove(SESSION);
    expect(existsSync(directory)).toBe(false);
  });

  test('nothing that stays, by owning a session that comes to nothing', async () => {
    await (await storage.lock(SESSION, {})).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('two files a session, readable by their user only', async () => {
    for (const text of ['1', '2', '3']) await storage.write(SESSION, text);
    expect(readdirSync(home).sort()).toEqual(['checkpoint.json', 'checkpoint.previous.json']);
    expect(readFileSync(join(home, 'checkpoint.json'), 'utf8')).toBe('3');
    expect(readFileSync(join(home, 'checkpoint.previous.json'), 'utf8')).toBe('2');
    const mode = (path: string) => statSync(path).mode & 0o777;
    expect([directory, home].map(mode)).toEqual([0o700, 0o700]);
    expect(readdirSync(home).map((name) => mode(join(home, name)))).toEqual([0o600, 0o600]);
  });
});

describe('a state directory that cannot be used', () => {
  const operations: [string, () => Promise<unknown>][] = [
    ['list', () => storage.list()],
    ['read', () => storage.read(SESSION)],
    ['write', () => storage.write(SESSION, '1')],
    ['remove', () => storage.remove(SESSION)],
    ['lock', () => storage.lock(SESSION, {})],
    ['journal', () => storage.journal(SESSION, 1)],
  ];

  test.each(operations)('a file in its place: %s says so in one line', async (_, operation) => {
    writeFileSync(directory, '');
    const error: unknown = await operation().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StateDirectoryError);
    expect(error).toMatchObject({ code: 'STATE_DIRECTORY' });
    expect((error as Error).message).toMatch(/^\S*state is not a directory: choose another .*\.$/);
  });

  test.each(operations)('a symlink in its place is not followed: %s', async (_, operation) => {
    mkdirSync(join(base, 'elsewhere'));
    symlinkSync(join(base, 'elsewhere'), directory);
    await expect(operation()).rejects.toThrow('is a symlink');
    expect(readdirSync(join(base, 'elsewhere'))).toEqual([]);
  });

  test('below a file', async () => {
    writeFileSync(join(base, 'file'), '');
    const below = lowdbStorage(join(base, 'file', 'state'));
    await expect(below.list()).rejects.toThrow(StateDirectoryError);
    await expect(below.write(SESSION, '1')).rejects.toThrow(StateDirectoryError);
  });

  test('where no directory can be made', async () => {
    // As /proc says it.
    const mkdir = () => Promise.reject(Object.assign(new Error('ENOENT'), { code: 'ENOENT' }));
    const elsewhere = lowdbStorage(directory, { fileSystem: { ...nodeFileSystem, mkdir } });
    await expect(elsewhere.write(SESSION, '1')).rejects.toThrow(
      new StateDirectoryError(
        `${directory} cannot be used as state directory (ENOENT): no directory can be made there; choose another.`,
      ),
    );
  });

  test('of a checkpoint without permission, and not called corrupt', async () => {
    await storage.write(SESSION, '1');
    for (const path of [base, directory, home]) chmodSync(path, 0o755);
    chmodSync(join(home, 'checkpoint.json'), 0o000);
    const manager = new StateManager(storage);
    await unprivileged(async () => {
      const error = await manager.loadCheckpoint(SESSION).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StateDirectoryError);
      expect(String(error)).toMatch(/Cannot read .*checkpoint\.json \(EACCES\): permission denied/);
      expect(await manager.listCheckpoints()).toMatchObject([{ sessionId: SESSION, isUnreadable: true }]);
    });
  });

  test('without permission', async () => {
    await storage.write(SESSION, '1');
    for (const path of [base, directory, home]) chmodSync(path, 0o555);
    await unprivileged(async () => {
      await expect(storage.lock(SESSION, {})).rejects.toThrow(/EACCES.*permission/);
    });
    chmodSync(directory, 0o000);
    await unprivileged(async () => {
      await expect(storage.list()).rejects.toThrow(StateDirectoryError);
      await expect(lowdbStorage(join(base, 'new')).write(SESSION, '1')).rejects.toThrow(/EACCES.*permission/);
    });
    for (const path of [base, directory, home]) chmodSync(path, 0o700);
  });
});

describe('in the place of a checkpoint', () => {
  beforeEach(async () => {
    await storage.write(SESSION, '1');
    await storage.write(SESSION, '2');
  });
  const newest = () => join(home, 'checkpoint.json');

  const replaceBy: [string, () => void, string][] = [
    ['a symlink', () => symlinkSync('/etc/passwd', newest()), 'checkpoint.json is a symlink'],
    ['a directory', () => mkdirSync(newest()), 'checkpoint.json is a directory'],
    [
      'a large file',
      () => writeFileSync(newest(), Buffer.alloc(1024 * 1024 + 1, 0x20)),
      'is larger than 1048576 bytes',
    ],
    [
      'bytes that are no text',
      () => writeFileSync(newest(), Buffer.from([0x22, 0xff, 0x22])),
      'is not UTF-8',
    ],
    ['an empty file', () => writeFileSync(newest(), ''), 'checkpoint.json is empty'],
  ];
  test.each(replaceBy)('%s is a problem, and the one before it is there', async (_, replace, problem) => {
    rmSync(newest());
    replace();
    expect(await problems()).toEqual([expect.stringContaining(problem)]);
    expect(await texts()).toEqual(['1']);
  });

  test('in the place of the whole session, a symlink is a problem and is not followed to remove', async () => {
    renameSync(home, join(base, 'moved'));
    symlinkSync(join(base, 'moved'), home);
    expect(await problems()).toEqual(['its directory is a symlink']);
    await expect(new StateManager(storage).loadCheckpoint(SESSION)).rejects.toThrow(CorruptCheckpointError);
    await expect(storage.lock(SESSION, {})).rejects.toThrow(StateDirectoryError);
    await storage.remove(SESSION);
    expect(await storage.list()).toEqual([]);
    expect(readdirSync(join(base, 'moved'))).toHaveLength(2);
  });

  test('a planted symlink is replaced by a write, not followed', async () => {
    writeFileSync(join(base, 'victim'), 'untouched');
    for (const name of ['checkpoint.json', 'checkpoint.next.json']) {
      rmSync(join(home, name), { force: true });
      symlinkSync(join(base, 'victim'), join(home, name));
    }
    await lowdbStorage(directory).write(SESSION, '3');
    expect(readFileSync(join(base, 'victim'), 'utf8')).toBe('untouched');
    expect((await texts())?.[0]).toBe('3');
  });
});

describe('other writers', () => {
  test('one that wrote between two writes of the owner is noticed (I10)', async () => {
    await storage.write(SESSION, '1');
    const intruder = lowdbStorage(directory);
    await intruder.write(SESSION, '2');
    await expect(storage.write(SESSION, '3')).rejects.toThrow(SessionLockedError);
    expect(await texts()).toEqual(['2', '1']);
  });

  test('one that crashed leaves a temp file until the session is owned; what is not a temp file stays', async () => {
    await storage.write(SESSION, '1');
    const temp = `checkpoint.next.json.${crypto.randomUUID()}.tmp`;
    writeFileSync(join(home, temp), '{"half":');
    writeFileSync(join(home, 'notes.tmp'), 'mine');
    expect(await texts()).toEqual(['1']);
    const lock = await storage.lock(SESSION, {});
    expect(readdirSync(home)).not.toContain(temp);
    expect(readdirSync(home)).toContain('notes.tmp');
    await lock.release();
  });

  test('one that crashed between its renames has its checkpoint found and kept', async () => {
    await storage.write(SESSION, '1');
    await storage.write(SESSION, '2');
    // As after: next written and durable, the newest moved to previous, next not yet moved.
    renameSync(join(home, 'checkpoint.json'), join(home, 'checkpoint.previous.json'));
    writeFileSync(join(home, 'checkpoint.next.json'), '3');
    const next = lowdbStorage(directory);
    expect((await next.read(SESSION))?.generations.map(({ text }) => text)).toEqual(['3', '2']);
    await next.write(SESSION, '4');
    expect(await texts()).toEqual(['4', '3']);
    expect(readdirSync(home).sort()).toEqual(['checkpoint.json', 'checkpoint.previous.json']);
  });

  test('other things in the state directory are no sessions', async () => {
    await storage.write(SESSION, '1');
    for (const name of ['README', '.gitignore', `${SESSION}.bak`]) writeFileSync(join(directory, name), '');
    expect(await storage.list()).toEqual([SESSION]);
  });
});
