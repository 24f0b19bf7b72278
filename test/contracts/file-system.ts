/** The contract of the `FileSystem` port (`src/platform/file-system.ts`), for the real disk and the simulated disk. */
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { FileSystem } from '../../src/platform/file-system.js';

export interface FileSystemPlace {
  readonly fileSystem: FileSystem;
  /** An empty directory. */
  readonly directory: string;
  readonly symlink: (path: string, target: string) => void;
}

export function fileSystemContract(name: string, make: () => FileSystemPlace): void {
  describe(`file system contract: ${name}`, () => {
    let place: FileSystemPlace;
    let fs: FileSystem;
    const at = (...names: string[]) => join(place.directory, ...names);
    beforeEach(() => {
      place = make();
      fs = place.fileSystem;
    });
    const bytes = (text: string) => new TextEncoder().encode(text);
    const text = async (path: string) => new TextDecoder().decode(await fs.readFile(path, 1000));
    const put = async (path: string, contents: string) => {
      const handle = await fs.open(path, 'create');
      await handle.write([bytes(contents)], 0);
      await handle.close();
    };
    const code = (operation: Promise<unknown>) =>
      operation.then(
        () => 'no error',
        (error: { code?: string }) => error.code,
      );

    test('writes all chunks in order, at any position, and reads them back', async () => {
      const handle = await fs.open(at('a'), 'create');
      await handle.write([bytes('he'), bytes(''), bytes('llo')], 0);
      await handle.write([bytes('y')], 6);
      await handle.write([], 3);
      await handle.sync();
      await handle.datasync();
      expect((await handle.stat()).size).toBe(7);
      const buffer = new Uint8Array(10);
      expect(await handle.read(buffer, 3, 1)).toBe(3);
      expect(new TextDecoder().decode(buffer.subarray(0, 3))).toBe('ell');
      expect(await handle.read(buffer, 10, 7)).toBe(0);
      await handle.close();
      await handle.close();
      expect(await text(at('a'))).toBe('hello\0y');
    });

    test('writes more chunks than the kernel takes at once', async () => {
      const handle = await fs.open(at('a'), 'create');
      await handle.write(
        Array.from({ length: 5000 }, (_, i) => bytes(String(i % 10))),
        0,
      );
      await handle.close();
      expect((await fs.readFile(at('a'), 5000)).length).toBe(5000);
      expect(new TextDecoder().decode(await fs.readFile(at('a'), 5000))).toBe('0123456789'.repeat(500));
    });

    test('truncates and updates an existing file', async () => {
      await put(at('a'), 'abcdef');
      const handle = await fs.open(at('a'), 'update');
      await handle.truncate(2);
      await handle.write([bytes('Z')], 2);
      await handle.truncate(4);
      await handle.close();
      expect(await text(at('a'))).toBe('abZ\0');
    });

    test('creates new files only, and follows no symlink to write', async () => {
      await put(at('a'), 'kept');
      place.symlink(at('link'), at('a'));
      place.symlink(at('dangling'), at('nowhere'));
      expect(await code(fs.open(at('a'), 'create'))).toBe('EEXIST');
      expect(await code(fs.open(at('link'), 'create'))).toBe('EEXIST');
      expect(await code(fs.open(at('dangling'), 'create'))).toBe('EEXIST');
      expect(await code(fs.open(at('link'), 'update'))).toBe('ELOOP');
      expect(await code(fs.readFile(at('link'), 10))).toBe('ELOOP');
      expect(await code(fs.open(at('none'), 'update'))).toBe('ENOENT');
      expect(await code(fs.open(at('none'), 'read'))).toBe('ENOENT');
      const handle = await fs.open(at('link'), 'read');
      expect(await handle.read(new Uint8Array(9), 9, 0)).toBe(4);
      await handle.close();
      expect(await text(at('a'))).toBe('kept');
    });

    test('reads whole files up to a limit', async () => {
      await put(at('a'), 'abc');
      expect(await code(fs.readFile(at('a'), 2))).toBe('EFBIG');
      expect(await text(at('a'))).toBe('abc');
      expect((await fs.readFile(at('a'), 3)).length).toBe(3);
      expect(await code(fs.readFile(at('none'), 3))).toBe('ENOENT');
      expect(await code(fs.readFile(place.directory, 3))).toBe('EISDIR');
    });

    test('gives the kind of what a path names, without following it', async () => {
      await put(at('a'), 'abc');
      place.symlink(at('link'), at('a'));
      expect(await fs.stat(at('a'))).toMatchObject({ kind: 'file', size: 3 });
      expect((await fs.stat(at('link')))?.kind).toBe('symlink');
      expect((await fs.stat(place.directory))?.kind).toBe('directory');
      expect(await fs.stat(at('none'))).toBeUndefined();
      expect(await code(fs.stat(at('a', 'b')))).toBe('ENOTDIR');
    });

    test('gives the real path, also of a file that does not exist yet', async () => {
      await fs.mkdir(at('real'));
      place.symlink(at('link'), at('real'));
      const real = await fs.realPath(at('real'));
      expect(await fs.realPath(at('link', 'new', 'file'))).toBe(join(real, 'new', 'file'));
    });

    test('identifies a file by device and inode under every name', async () => {
      await fs.mkdir(at('real'));
      place.symlink(at('link'), at('real'));
      await put(at('real', 'a'), 'x');
      const [one, other] = [await fs.stat(at('real', 'a')), await fs.stat(at('link', 'a'))];
      expect([one?.device, one?.inode]).toEqual([other?.device, other?.inode]);
    });

    test('renames over an existing file; an open file keeps its contents and its identity', async () => {
      await put(at('a'), 'new');
      await put(at('b'), 'old');
      const old = await fs.open(at('b'), 'read');
      const identity = (await fs.stat(at('a')))?.inode;
      await fs.rename(at('a'), at('b'));
      expect(await text(at('b'))).toBe('new');
      expect((await fs.stat(at('b')))?.inode).toBe(identity);
      expect((await old.stat()).inode).not.toBe(identity);
      expect(await old.read(new Uint8Array(3), 3, 0)).toBe(3);
      await old.close();
      expect(await fs.stat(at('a'))).toBeUndefined();
      expect(await code(fs.rename(at('a'), at('b')))).toBe('ENOENT');
      await fs.mkdir(at('d'));
      expect(await code(fs.rename(at('b'), at('d')))).toBe('EISDIR');
    });

    test('makes directories with their parents, lists and removes them', async () => {
      await fs.mkdir(at('d', 'e'));
      await fs.mkdir(at('d', 'e'));
      await put(at('d', 'e', 'f'), '');
      await put(at('d', 'g'), '');
      await fs.syncDirectory(at('d'));
      expect([...(await fs.list(at('d')))].sort()).toEqual(['e', 'g']);
      expect(await code(fs.rmdir(at('d')))).toBe('ENOTEMPTY');
      expect(await code(fs.mkdir(at('d', 'g')))).toBe('EEXIST');
      expect(await code(fs.list(at('d', 'g')))).toBe('ENOTDIR');
      expect(await code(fs.list(at('none')))).toBe('ENOENT');
      expect(await code(fs.syncDirectory(at('none')))).toBe('ENOENT');
      await fs.unlink(at('d', 'g'));
      await fs.unlink(at('d', 'e', 'f'));
      await fs.rmdir(at('d', 'e'));
      await fs.rmdir(at('d'));
      expect(await code(fs.unlink(at('d')))).toBe('ENOENT');
      expect(await fs.list(place.directory)).toEqual([]);
    });

    test('refuses to use a closed file', async () => {
      const handle = await fs.open(at('a'), 'create');
      await handle.close();
      expect(await code(handle.write([bytes('x')], 0))).toBe('EBADF');
      expect(await code(handle.sync())).toBe('EBADF');
    });
  });
}
