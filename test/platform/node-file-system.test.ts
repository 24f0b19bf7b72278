/**
 * The real file system, and the simulated disk that stands for it in tests, against one contract. And what only the real
 * one can show: that files are the owner's alone, and that short writes are finished.
 */
import { chmodSync, constants, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { fileSystemContract } from '../contracts/file-system.js';
import { freshFolder } from '../support/folders.js';
import { unprivileged } from '../support/unprivileged.js';

fileSystemContract('node', () => ({
  fileSystem: nodeFileSystem,
  directory: freshFolder(),
  symlink: (path, target) => symlinkSync(target, path),
}));

fileSystemContract('simulated', () => {
  const disk = new SimulatedDisk();
  disk.putDirectory('/srv/empty');
  return {
    fileSystem: disk,
    directory: '/srv/empty',
    symlink: (path, target) => disk.symlink(path, target),
  };
});

describe('the real file system', () => {
  afterEach(() => vi.restoreAllMocks());

  test('makes files 0600 and directories 0700 under any umask', async () => {
    const directory = join(freshFolder(), 'a', 'b');
    await nodeFileSystem.mkdir(directory);
    await (await nodeFileSystem.open(join(directory, 'f'), 'create')).close();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, '..')).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'f')).mode & 0o777).toBe(0o600);
  });

  test('continues after a short write until every byte is written', async () => {
    const path = join(freshFolder(), 'f');
    const handle = await nodeFileSystem.open(path, 'create');
    const real = (handle as unknown as { handle: import('node:fs/promises').FileHandle }).handle;
    const whole = real.writev.bind(real);
    const calls: number[] = [];
    vi.spyOn(real, 'writev').mockImplementation(async (buffers, position) => {
      // A kernel that takes three bytes at a time.
      const some = Buffer.concat(buffers as readonly Uint8Array[]).subarray(0, 3);
      calls.push(some.length);
      return whole([some], position);
    });
    await handle.write([Buffer.from('ab'), Buffer.from('cdefg'), Buffer.from('h')], 0);
    await handle.close();
    expect(readFileSync(path, 'utf8')).toBe('abcdefgh');
    expect(calls).toEqual([3, 3, 2]);
  });

  test("writes and syncs through the descriptor where FileHandle lacks the methods, as under Yarn's Plug'n'Play", async () => {
    const path = join(freshFolder(), 'f');
    const handle = await nodeFileSystem.open(path, 'create');
    const real = (handle as unknown as { handle: import('node:fs/promises').FileHandle }).handle;
    const missing = () => Promise.reject(new Error('Method not implemented.'));
    const methods = [
      vi.spyOn(real, 'sync').mockImplementation(missing),
      vi.spyOn(real, 'datasync').mockImplementation(missing),
      vi.spyOn(real, 'writev').mockImplementation(missing as never),
    ];
    await handle.write([Buffer.from('ab'), Buffer.from('c')], 0);
    await handle.sync();
    await handle.datasync();
    await handle.close();
    expect(readFileSync(path, 'utf8')).toBe('abc');
    for (const method of methods) expect(method).toHaveBeenCalled();
  });

  test.runIf(process.platform === 'linux')(
    'writes that are synced are one way to the disk; what was cut is still synced',
    async () => {
      const path = join(freshFolder(), 'f');
      const handle = await nodeFileSystem.open(path, 'create', undefined, 'synced');
      const real = (handle as unknown as { handle: import('node:fs/promises').FileHandle }).handle;
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${real.fd}`, 'utf8'))?.[1];
      expect(Number.parseInt(String(flags), 8) & constants.O_DSYNC).toBe(constants.O_DSYNC);
      const datasync = vi.spyOn(real, 'datasync');
      await handle.write([Buffer.from('abc')], 0);
      await handle.datasync();
      expect(datasync).not.toHaveBeenCalled();
      await handle.truncate(1);
      await handle.datasync();
      expect(datasync).toHaveBeenCalledOnce();
      await handle.close();
      expect(readFileSync(path, 'utf8')).toBe('a');
    },
  );

  test('does not write for ever where nothing is taken', async () => {
    const handle = await nodeFileSystem.open(join(freshFolder(), 'f'), 'create');
    const real = (handle as unknown as { handle: import('node:fs/promises').FileHandle }).handle;
    vi.spyOn(real, 'writev').mockImplementation(
      async (buffers) => ({ bytesWritten: 0, buffers: [...buffers] }) as never,
    );
    await expect(handle.write([Buffer.from('x')], 0)).rejects.toMatchObject({ code: 'EIO' });
    await handle.close();
  });

  test('an error of an open file names the path', async () => {
    const path = join(freshFolder(), 'f');
    const handle = await nodeFileSystem.open(path, 'create');
    const real = (handle as unknown as { handle: import('node:fs/promises').FileHandle }).handle;
    const broken = (syscall: string) =>
      Promise.reject(Object.assign(new Error(`EIO: i/o error, ${syscall}`), { code: 'EIO', syscall }));
    for (const method of ['read', 'writev', 'sync', 'datasync', 'truncate'] as const)
      vi.spyOn(real, method).mockImplementation(() => broken(method));
    for (const failing of [
      () => handle.read(new Uint8Array(1), 1, 0),
      () => handle.write([Buffer.from('x')], 0),
      () => handle.sync(),
      () => handle.datasync(),
      () => handle.truncate(0),
    ])
      await expect(failing()).rejects.toMatchObject({
        code: 'EIO',
        path,
        message: expect.stringContaining(path),
      });
    await handle.close();
  });

  test('says that it may not', async () => {
    const directory = freshFolder();
    chmodSync(directory, 0o000);
    await unprivileged(() =>
      expect(nodeFileSystem.list(directory)).rejects.toMatchObject({ code: 'EACCES' }),
    );
    chmodSync(directory, 0o700);
  });
});
