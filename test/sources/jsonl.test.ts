/**
 * Pins: JSON Lines keep the contract whatever the block size; positions are exact bytes; a malformed line names file,
 * line and byte and quotes nothing; what cannot be read is said in one line; a file that only grew is the same input (I15).
 */
import { appendFile, mkdir, mkdtemp, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/checkpoint/node-file-system.js';
import {
  InvalidOptionError,
  type MalformedRowError,
  PipelineMismatchError,
  SourceError,
} from '../../src/errors.js';
import type { FileHandle, FileSystem } from '../../src/file-system.js';
import { jsonlSource } from '../../src/sources/jsonl.js';
import type { OpenSource } from '../../src/sources/source.js';
import { contextOf, MALFORMED, readAll, sourceContract } from '../../src/testing/contracts/source.js';

const context = contextOf(nodeFileSystem);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jsonl-source-'));
});

async function file(text: string | Uint8Array): Promise<string> {
  const path = join(folder, 'in.jsonl');
  await writeFile(path, text);
  return path;
}

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

async function malformedOf(source: OpenSource<unknown>): Promise<MalformedRowError[]> {
  const errors: MalformedRowError[] = [];
  for (;;) {
    const batch = await source.read(2, 1_000_000);
    if (batch === undefined) return errors;
    batch.decode(
      () => {},
      (error) => errors.push(error),
    );
  }
}

const ROWS = Array.from({ length: 30 }, (_, n) =>
  n % 7 === 3 ? MALFORMED : { n, name: 'Zoë 🚲'.repeat(n % 4) },
);
const TEXT = `\uFEFF${ROWS.map((row, n) => (row === MALFORMED ? '{"n":' : JSON.stringify(row)) + (n % 5 === 0 ? '\r\n' : n % 6 === 0 ? '\n\n \t\r\n' : '\n')).join('')}`;

for (const blockBytes of [1, 7, 64, undefined]) {
  sourceContract(
    `jsonl in blocks of ${blockBytes ?? 'the usual size'}`,
    async () => {
      const path = await file(TEXT.trimEnd());
      return {
        source: () => jsonlSource(path, {}, blockBytes),
        rows: ROWS,
        fileSystem: nodeFileSystem,
        shorter: async () => {
          await truncate(path, 200);
          return jsonlSource(path);
        },
      };
    },
    { describe, it: test },
  );
}

describe('jsonl', () => {
  test('random rows come back, whatever the blocks, limits and line ends', async () => {
    const lineEnd = fc.constantFrom('\n', '\r\n', '\n\n', '\n \n');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.jsonValue(), lineEnd), { maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 200 }),
        async (lines, blockBytes, maxRows, maxBytes) => {
          const path = await file(lines.map(([value, end]) => JSON.stringify(value) + end).join(''));
          const source = await jsonlSource<unknown>(path, {}, blockBytes).open(undefined, context);
          const seen = await readAll(source, maxRows, maxBytes);
          await source.close();
          expect(JSON.stringify(seen.flatMap(({ rows }) => rows))).toBe(
            JSON.stringify(lines.map(([value]) => value)),
          );
        },
      ),
    );
  });

  test('lines of multi-byte characters survive every place where a block can end', async () => {
    const rows = [{ text: 'aé漢🚲' }, { text: '🚲🚲' }, { text: '' }];
    const path = await file(rows.map((row) => JSON.stringify(row)).join('\n'));
    for (let blockBytes = 1; blockBytes < 50; blockBytes++) {
      const source = await jsonlSource(path, {}, blockBytes).open(undefined, context);
      expect((await readAll(source)).flatMap((batch) => batch.rows)).toEqual(rows);
      await source.close();
    }
  });

  test('a position is the exact byte and row and line', async () => {
    const path = await file('\uFEFF{"é":1}\r\n\n[2]\n3');
    const source = await jsonlSource(path).open(undefined, context);
    expect((await readAll(source, 1)).map(({ position }) => position)).toEqual([
      { bytes: 13, rows: 1, lines: 1 },
      { bytes: 18, rows: 2, lines: 3 },
      { bytes: 19, rows: 3, lines: 4 },
    ]);
    expect(source.total).toEqual({ unit: 'bytes', value: 19 });
    await source.close();
  });

  test('a malformed line names file, line and byte, after a reopening too, and quotes nothing', async () => {
    const path = await file('{"a":1}\n\n{"secret": hunter2}\n{"b":1}\n{"c":é\n');
    const source = await jsonlSource(path).open(undefined, context);
    const errors = await malformedOf(source);
    expect(errors.map(({ line, byte }) => [line, byte])).toEqual([
      [3, 9],
      [5, 37],
    ]);
    const [first] = errors;
    expect(first?.message).toMatch(`${path}, line 3, byte 9: not valid JSON`);
    expect(first?.message).not.toContain('hunter2');
    await source.close();
    const reopened = await jsonlSource(path).open({ bytes: 29, rows: 2, lines: 3 }, context);
    expect((await malformedOf(reopened)).map(({ line, byte }) => [line, byte])).toEqual([[5, 37]]);
    await reopened.close();
  });

  test('bytes that are not UTF-8 are malformed, not repaired', async () => {
    const path = await file(Buffer.from('{"a":"caf\xe9"}\n{"a":"ok"}\n', 'latin1'));
    const source = await jsonlSource(path).open(undefined, context);
    expect((await readAll(source))[0]?.rows).toEqual([MALFORMED, { a: 'ok' }]);
    await source.close();
  });

  test('keys that reach a prototype are plain data', async () => {
    const path = await file('{"__proto__":{"admin":true},"constructor":1}\n');
    const source = await jsonlSource(path).open(undefined, context);
    const row = (await readAll(source))[0]?.rows[0] as Record<string, unknown>;
    expect(row.admin).toBeUndefined();
    expect(Object.keys(row)).toEqual(['__proto__', 'constructor']);
    await source.close();
  });

  test.each([
    ['', 0],
    ['\n\n \n', 0],
    ['\uFEFF', 0],
    ['1', 1],
  ])('%j holds %i rows', async (text, count) => {
    const source = await jsonlSource(await file(text)).open(undefined, context);
    expect((await readAll(source)).flatMap(({ rows }) => rows)).toHaveLength(count);
    await source.close();
  });

  test('a line longer than many blocks is read; one longer than the cap ends the run with its place', async () => {
    const long = JSON.stringify('x'.repeat(300_000));
    const path = await file(`1\n${long}\n2\n`);
    const source = await jsonlSource(path, {}, 1000).open(undefined, context);
    expect((await readAll(source)).flatMap(({ rows }) => rows)).toEqual([1, JSON.parse(long), 2]);
    await source.close();
    const capped = await jsonlSource(path, { maxLineBytes: 50_000 }, 1000).open(undefined, context);
    await expect(readAll(capped)).rejects.toThrow(
      `${path}, line 2, byte 2: longer than 50000 bytes; raise maxLineBytes if that is one row.`,
    );
    await capped.close();
  });

  describe('what cannot be opened is said in one line', () => {
    test('a missing file', async () => {
      const path = join(folder, 'none.jsonl');
      await expect(jsonlSource(path).open(undefined, context)).rejects.toThrow(
        new SourceError(`Cannot open ${path}: there is no such file; check the path.`),
      );
    });

    test('a directory', async () => {
      await expect(jsonlSource(folder).open(undefined, context)).rejects.toThrow(
        `Cannot open ${folder}: it is a directory; give the path of a file.`,
      );
    });

    test('a device', async () => {
      await expect(jsonlSource('/dev/null').open(undefined, context)).rejects.toThrow('not a regular file');
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
      await symlink(await file('1\n'), join(folder, 'link'));
      const source = await jsonlSource(join(folder, 'link')).open(undefined, context);
      expect((await readAll(source))[0]?.rows).toEqual([1]);
      await source.close();
    });
  });

  describe('which input it is (I15)', () => {
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

    test('a file that has only grown is the same', async () => {
      const path = await file(text);
      const before = await identity(path);
      await appendFile(path, '{"n":"new"}\n');
      expect(await identity(path)).toEqual(before);
    });

    test.each([
      ['at the beginning', 3],
      ['just before the position', at.bytes - 3],
    ])('a change %s is another', async (_, place) => {
      const path = await file(text);
      const before = await identity(path);
      await writeFile(path, `${text.slice(0, place)}#${text.slice(place + 1)}`);
      expect(await identity(path)).not.toEqual(before);
    });

    test('bytes behind the position do not count, even near the beginning', async () => {
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

  describe('a last line that was not ended', () => {
    const end = { bytes: 7, rows: 1, lines: 1 };
    test.each(['\n', '\r\n'])('ended by %j since: what follows is read', async (lineEnd) => {
      const path = await file(`{"n":0}${lineEnd}{"n":1\n`);
      const source = await jsonlSource(path).open(end, context);
      const [error] = await malformedOf(source);
      expect(error?.line).toBe(2);
      await source.close();
    });

    test('continued since: refused', async () => {
      const path = await file('12345678\n');
      await expect(jsonlSource(path).open(end, context)).rejects.toThrow(PipelineMismatchError);
    });
  });

  test('a file that is cut while it is read is noticed, without a hang', async () => {
    const path = await file('{"n":0}\n'.repeat(1000));
    const source = await jsonlSource(path, {}, 16).open(undefined, context);
    await source.read(1, 1000);
    await truncate(path, 100);
    await expect(readAll(source)).rejects.toThrow('became shorter while it was read');
    await source.close();
  });

  test('a failing disk is an error, and not the end', async () => {
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

  test('no more than a block ahead is read of a file that nobody asks for (I13)', async () => {
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

  test.each([
    ['', {}],
    ['a\0b', {}],
    ['a', { onMalformed: 'ignore' }],
    ['a', { maxLineBytes: 0 }],
    ['a', { maxLineBytes: '1' }],
  ])('%j with %j is refused at once', (path, options) => {
    expect(() => jsonlSource(path, options as object)).toThrow(InvalidOptionError);
  });

  test('a path is kept absolute, and may be a file: URL', async () => {
    await mkdir(join(folder, 'a b'));
    const path = join(folder, 'a b', 'in.jsonl');
    expect(jsonlSource('x.jsonl').describe()).toMatchObject({ path: join(process.cwd(), 'x.jsonl') });
    expect(jsonlSource(new URL(`file://${folder}/a%20b/in.jsonl`)).describe()).toMatchObject({ path });
    expect(() => jsonlSource(new URL('https://example.org/in.jsonl'))).toThrow(InvalidOptionError);
  });
});
