/**
 * What the file sources have in common, tested with JSON Lines. A file that cannot be read is reported in one line. A file that
 * has only grown is the same input, any other is not (I15). A truncated file and a failing disk are errors, not the end of the
 * input. At most one block is read ahead (I13).
 */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { map, memoryStorage, pipeline, StateManager } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { InvalidOptionError, PipelineMismatchError, SourceError } from '../../src/errors.js';
import type { FileHandle, FileSystem } from '../../src/platform/file-system.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { csvSource } from '../../src/sources/csv.js';
import { jsonlSource } from '../../src/sources/jsonl.js';
import { contextOf, readAll } from '../../src/testing/contracts/source.js';
import { context, file, folder, malformedOf } from './source-file.js';

/** The real file system, with `read` as the test makes it. */
function readingThrough(make: (handle: FileHandle) => FileHandle['read']): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, mode) {
      const handle = await nodeFileSystem.open(path, mode);
      handle.read = make(Object.assign(Object.create(Object.getPrototypeOf(handle)), handle));
      return handle;
    },
  };
}

describe('a file that cannot be opened is reported in one line', () => {
  test('a missing file', async () => {
    const path = join(folder(), 'none.jsonl');
    await expect(jsonlSource(path).open(undefined, context)).rejects.toThrow(
      new SourceError(`Cannot open ${path}: there is no such file; check the path.`),
    );
  });

  test('a directory', async () => {
    await expect(jsonlSource(folder()).open(undefined, context)).rejects.toThrow(
      `Cannot open ${folder()}: it is a directory; give the path of a file.`,
    );
  });

  test('a device', async () => {
    await expect(jsonlSource('/dev/null').open(undefined, context)).rejects.toThrow('not a regular file');
  });

  test.each([
    ['gzip in gzip', gzipSync(gzipSync('{"n":1}\n')), 'compressed with gzip twice; gunzip it first'],
    ['a spreadsheet', Buffer.from('PK\x03\x04'), 'a zip archive, or a spreadsheet'],
    ['UTF-16', Buffer.from('\ufeff{"n":1}\n', 'utf16le'), 'text in UTF-16; convert it to UTF-8 first'],
  ])('%s', async (_, bytes, what) => {
    const path = await file(bytes);
    for (const source of [jsonlSource(path), csvSource(path)])
      await expect(source.open(undefined, context)).rejects.toThrow(`${path}: ${what}`);
  });

  test('no permission', async () => {
    const open = () => Promise.reject(Object.assign(new Error(), { code: 'EACCES' }));
    const closed = contextOf({ ...nodeFileSystem, open });
    await expect(jsonlSource(await file('1')).open(undefined, closed)).rejects.toThrow('permission denied');
  });

  test('no file system', async () => {
    await expect(jsonlSource('in.jsonl').open(undefined, contextOf())).rejects.toThrow(SourceError);
  });

  test('a symlink to a file is followed', async () => {
    await symlink(await file('1\n'), join(folder(), 'link'));
    const source = await jsonlSource(join(folder(), 'link')).open(undefined, context);
    expect((await readAll(source))[0]?.rows).toEqual([1]);
    await source.close();
  });
});

describe('the identity of an input (I15)', () => {
  const text = Array.from({ length: 20_000 }, (_, n) => `{"n":${n}}\n`).join('');
  const at = { bytes: text.indexOf('{"n":15000}'), rows: 15_000, lines: 15_000 };
  const identity = async (path: string) => {
    const source = await jsonlSource(path).open(at, context);
    try {
      return await source.identity(at);
    } finally {
      await source.close();
    }
  };

  test('is the same for a file that has only grown', async () => {
    const path = await file(text);
    const before = await identity(path);
    await appendFile(path, '{"n":"new"}\n');
    expect(await identity(path)).toEqual(before);
  });

  test.each([
    ['at the beginning', 3],
    ['just before the position', at.bytes - 3],
  ])('differs after a change %s', async (_, place) => {
    const path = await file(text);
    const before = await identity(path);
    await writeFile(path, `${text.slice(0, place)}#${text.slice(place + 1)}`);
    expect(await identity(path)).not.toEqual(before);
  });

  test('does not depend on bytes behind the position, even near the beginning', async () => {
    const early = { bytes: 8, rows: 1, lines: 1 };
    const of = async (content: string) => {
      const source = await jsonlSource(await file(content)).open(undefined, context);
      const facts = await source.identity(early);
      await source.close();
      return facts;
    };
    expect(await of('{"n":0}\n{"n":1}\n')).toEqual(await of('{"n":0}\n{"n":1}\n{"n":2}\n'));
  });
});

describe('a compressed file that is cut off', () => {
  const lines = (from: number, to: number) =>
    Array.from(
      { length: to - from },
      (_, i) => `${JSON.stringify({ n: from + i, text: 'x'.repeat((from + i) % 97) })}\n`,
    ).join('');
  const members = Buffer.concat([0, 1, 2, 3].map((n) => gzipSync(lines(n * 500, (n + 1) * 500))));

  test.each([
    ['one member', gzipSync(lines(0, 2_000))],
    ['several members', members],
  ])(
    'fails the run in one line; restored, the session is resumed, and nothing is lost: %s',
    async (_, whole) => {
      const path = await file(whole.subarray(0, Math.floor(whole.length * 0.8)));
      const out = join(folder(), 'out.jsonl');
      const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 100 });
      const files = pipeline('cut', { batchSize: 50 })
        .from(jsonl(path))
        .pipe(map('same', (row) => row))
        .to(jsonl(out));
      const message = `${path}: the gzip file is cut off. Copy it again.`;
      await expect(files.run({ stateManager })).rejects.toMatchObject({ code: 'SOURCE', message });
      expect(existsSync(out)).toBe(false);
      await expect(files.run({ stateManager, resume: 'last' })).rejects.toMatchObject({ message });
      await writeFile(path, whole);
      const { metrics } = await files.run({ stateManager, resume: 'last' });
      expect(metrics.rowsIn).toBe(2_000);
      expect(await readFile(out, 'utf8')).toBe(lines(0, 2_000));
    },
  );
});

describe('an unended last line', () => {
  const end = { bytes: 7, rows: 1, lines: 1 };
  test.each(['\n', '\r\n'])(
    'is accepted if it was ended by %j since, and the next line is read',
    async (lineEnd) => {
      const path = await file(`{"n":0}${lineEnd}{"n":1\n`);
      const source = await jsonlSource(path).open(end, context);
      const [error] = await malformedOf(source);
      expect(error?.line).toBe(2);
    },
  );

  test('is refused if it was continued since', async () => {
    const path = await file('12345678\n');
    await expect(jsonlSource(path).open(end, context)).rejects.toThrow(PipelineMismatchError);
  });
});

test('a file that is truncated while it is read is reported, without a hang', async () => {
  const path = await file('{"n":0}\n'.repeat(1000));
  const source = await jsonlSource(path, {}, 16).open(undefined, context);
  await source.read(1, 1000);
  await truncate(path, 100);
  await expect(readAll(source)).rejects.toThrow('became shorter while it was read');
  await source.close();
});

test('a failing disk is an error, not the end of the input', async () => {
  const path = await file('{"n":0}\n'.repeat(100));
  let reads = 0;
  const failing = contextOf(
    readingThrough((handle) => (...where) => {
      if (++reads > 3) return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
      return handle.read(...where);
    }),
  );
  const source = await jsonlSource(path, {}, 16).open(undefined, failing);
  await expect(readAll(source)).rejects.toThrow(`Cannot read ${path}: the disk reported an error`);
  await source.close();
});

test('at most one block is read ahead of the requests (I13)', async () => {
  const path = await file('{"n":0}\n'.repeat(10_000));
  let far = 0;
  const counting = contextOf(
    readingThrough((handle) => (buffer, length, position) => {
      far = Math.max(far, position + length);
      return handle.read(buffer, length, position);
    }),
  );
  const source = await jsonlSource(path, {}, 100).open(undefined, counting);
  await source.read(5, 1_000_000);
  expect(far).toBe(200);
  await source.close();
});

test('a path is kept absolute, and may be a file: URL or begin with ~/', async () => {
  await mkdir(join(folder(), 'a b'));
  const path = join(folder(), 'a b', 'in.jsonl');
  expect(jsonlSource('x.jsonl').describe()).toMatchObject({ path: join(process.cwd(), 'x.jsonl') });
  expect(jsonlSource(new URL(`file://${folder()}/a%20b/in.jsonl`)).describe()).toMatchObject({ path });
  expect(() => jsonlSource(new URL('https://example.org/in.jsonl'))).toThrow(InvalidOptionError);
});
