/**
 * One owner a session (I10), in real processes and for every kind of socket that this machine can make.
 *
 * - A second owner is refused, in this process and in another, by any name of the directory; with the owner's pid.
 * - The lock is free the moment its owner is killed, and when it is released; not while the owner is blocked.
 * - Of many that come at once at most one gets it; on Linux exactly one.
 * - Holding it keeps no process alive.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sendControl } from '../../../src/checkpoint/lock/control-client.js';
import { memoryLock } from '../../../src/checkpoint/lock/memory-lock.js';
import { acquireSessionLock } from '../../../src/checkpoint/lock/session-lock.js';

const SESSION = '0e4cf1d2-5f0e-4c8e-9b6e-0d8c8a1f2b3c';
const OWNER = fileURLToPath(new URL('lock-owner.child.ts', import.meta.url));

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const children: ChildProcessWithoutNullStreams[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

class Child {
  readonly #lines: AsyncIterator<string>;
  constructor(readonly process: ChildProcessWithoutNullStreams) {
    this.#lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
    process.stderr.pipe(globalThis.process.stderr);
  }
  get pid(): number {
    return this.process.pid as number;
  }
  async line(): Promise<string> {
    return (await this.#lines.next()).value;
  }
  async kill(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}

function startOwner(directory: string, platform: string): Child {
  const child = spawn(process.execPath, ['--import', 'jiti/register', OWNER, directory, SESSION, platform]);
  children.push(child);
  return new Child(child);
}

const platforms: NodeJS.Platform[] = process.platform === 'linux' ? ['linux', 'darwin'] : [process.platform];

for (const platform of platforms) {
  describe(`with the sockets of ${platform}`, () => {
    const freshDirectory = async () => {
      // Longer than the address of a socket may be.
      const directory = join(await mkdtemp(join(root, 'state-')), 'd'.repeat(120), SESSION);
      await mkdir(directory, { recursive: true });
      return directory;
    };
    const acquire = (directory: string, answerTimeoutMs = 5000) =>
      acquireSessionLock({ directory, sessionId: SESSION, handlers: {}, platform, answerTimeoutMs });
    const status = (directory: string) =>
      sendControl({ directory, sessionId: SESSION, command: 'status', timeoutMs: 5000, platform });

    test('a second owner in the same process is refused, and free to come after the release', async () => {
      const directory = await freshDirectory();
      const first = await acquire(directory);
      await expect(acquire(directory)).rejects.toMatchObject({ code: 'SESSION_LOCKED', pid: process.pid });
      await first.release();
      const second = await acquire(directory);
      await first.release();
      await expect(acquire(directory)).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
      await second.release();
      expect(await readdir(directory)).toEqual([]);
    });

    test('two names of one directory are one lock; two directories are two', async () => {
      const directory = await freshDirectory();
      const alias = join(root, `alias-${platform}`);
      await symlink(directory, alias);
      const lock = await acquire(directory);
      await expect(acquire(alias)).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
      const elsewhere = await acquire(await freshDirectory());
      await Promise.all([lock.release(), elsewhere.release()]);
    });

    test("the owner's file is for the owner's eyes", async () => {
      const directory = await freshDirectory();
      const lock = await acquire(directory);
      const file = join(directory, 'owner.json');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
        pid: process.pid,
        token: expect.stringMatching(/^[0-9a-f]{32}$/),
      });
      await lock.release();
    });

    test('an owner that cannot write its file does not keep the lock', async () => {
      const directory = await freshDirectory();
      await mkdir(join(directory, 'owner.json'));
      await expect(acquire(directory)).rejects.toThrow();
      await rm(join(directory, 'owner.json'), { recursive: true });
      await (await acquire(directory)).release();
    });

    test('another process is refused with the pid, and gets it at once when the owner is killed', async () => {
      const directory = await freshDirectory();
      const owner = startOwner(directory, platform);
      expect(await owner.line()).toBe('owned');
      await expect(acquire(directory)).rejects.toMatchObject({ code: 'SESSION_LOCKED', pid: owner.pid });
      expect(await status(directory)).toEqual({ state: 'EXECUTING', pid: owner.pid });
      await owner.kill();
      await expect(status(directory)).rejects.toMatchObject({ code: 'NO_OWNER' });
      const lock = await acquire(directory);
      const third = startOwner(directory, platform);
      expect(await third.line()).toBe(`SESSION_LOCKED ${process.pid}`);
      await lock.release();
    });

    test('a blocked owner still holds it; who asks is not kept waiting for ever', async () => {
      const directory = await freshDirectory();
      const owner = startOwner(directory, platform);
      expect(await owner.line()).toBe('owned');
      owner.process.stdin.write('block\n');
      expect(await owner.line()).toBe('blocked');
      await expect(acquire(directory, 50)).rejects.toMatchObject({ code: 'SESSION_LOCKED', pid: undefined });
      const request = { directory, sessionId: SESSION, command: 'pause' as const, timeoutMs: 50, platform };
      await expect(sendControl(request)).rejects.toMatchObject({ code: 'CONTROL' });
      await owner.kill();
      await (await acquire(directory)).release();
    });

    test('of many that come at once, at most one becomes the owner, over the remains of a killed one', async () => {
      const directory = await freshDirectory();
      const killed = startOwner(directory, platform);
      expect(await killed.line()).toBe('owned');
      await killed.kill();
      const owners = Array.from({ length: 3 }, () => startOwner(directory, platform));
      const answers = await Promise.all(owners.map((owner) => owner.line()));
      const owned = answers.filter((answer) => answer === 'owned').length;
      expect(owned).toBeLessThanOrEqual(1);
      if (platform === 'linux') expect(owned).toBe(1);
      expect(answers.filter((answer) => !/^(owned|SESSION_LOCKED .*)$/.test(answer))).toEqual([]);
    });

    test('within one process too', async () => {
      const directory = await freshDirectory();
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => acquire(directory)));
      const locks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
      expect(locks.length).toBeLessThanOrEqual(1);
      if (platform === 'linux') expect(locks).toHaveLength(1);
      for (const lock of locks) await lock.release();
      await (await acquire(directory)).release();
    });

    test('holding it keeps no process alive', async () => {
      const directory = await freshDirectory();
      const owner = startOwner(directory, platform);
      expect(await owner.line()).toBe('owned');
      const exited = once(owner.process, 'exit');
      owner.process.stdin.write('end\n');
      expect(await exited).toEqual([0, null]);
    });

    test('without the directory there is no lock, and no owner to speak to', async () => {
      const directory = join(root, 'nowhere');
      await expect(acquire(directory)).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(status(directory)).rejects.toMatchObject({ code: 'NO_OWNER' });
    });
  });
}

describe('in memory', () => {
  test('one owner a session, in one store', async () => {
    const lock = memoryLock();
    const first = await lock(SESSION, {});
    await expect(lock(SESSION, {})).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
    await (await lock('another', {})).release();
    await (await memoryLock()(SESSION, {})).release();
    await first.release();
    await lock(SESSION, {});
    await first.release();
    await expect(lock(SESSION, {})).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
  });
});
