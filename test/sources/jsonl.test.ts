/**
 * JSON Lines sources keep the source contract at any block size. Positions are exact bytes. A malformed line is reported by file,
 * line and byte, and not quoted. What they have in common with CSV: file-source.test.ts.
 */
import { truncate, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidOptionError } from '../../src/errors.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { jsonlSource } from '../../src/sources/jsonl.js';
import { MALFORMED, readAll, sourceContract } from '../../src/testing/contracts/source.js';
import { context, file, malformedOf } from './source-file.js';

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

const LINES = TEXT.split(/(?<=\n)/);
const COMPRESSED = {
  'one member': gzipSync(TEXT),
  'a member for each line': Buffer.concat(LINES.map((line) => gzipSync(line))),
};
for (const [form, bytes] of Object.entries(COMPRESSED))
  sourceContract(
    `jsonl, compressed, ${form}`,
    async () => {
      const path = await file(bytes);
      return {
        source: () => jsonlSource(path),
        rows: ROWS,
        fileSystem: nodeFileSystem,
        shorter: async () => {
          await writeFile(path, gzipSync(LINES.slice(0, 5).join('')));
          return jsonlSource(path);
        },
      };
    },
    { describe, it: test },
  );

describe('jsonl', () => {
  test('reads random rows back, with any blocks, limits and line ends', async () => {
    const lineEnd = fc.constantFrom('\n', '\r\n', '\n\n', '\n \n');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.jsonValue(), lineEnd), { maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 200 }),
        async (lines, blockBytes, maxRows, maxBytes) => {
          // One line with an array of objects is refused as JSON that is not JSON Lines.
          fc.pre(lines.length !== 1 || !Array.isArray(lines[0]?.[0]));
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

  test('reads multi-byte characters across every block border', async () => {
    const rows = [{ text: 'aé漢🚲' }, { text: '🚲🚲' }, { text: '' }];
    const path = await file(rows.map((row) => JSON.stringify(row)).join('\n'));
    for (let blockBytes = 1; blockBytes < 50; blockBytes++) {
      const source = await jsonlSource(path, {}, blockBytes).open(undefined, context);
      expect((await readAll(source)).flatMap((batch) => batch.rows)).toEqual(rows);
      await source.close();
    }
  });

  test('gives the exact byte, row and line as position', async () => {
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

  test('reports a malformed line by file, line and byte, also after reopening, without quoting it', async () => {
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
    const reopened = await jsonlSource(path).open({ bytes: 29, rows: 2, lines: 3 }, context);
    expect((await malformedOf(reopened)).map(({ line, byte }) => [line, byte])).toEqual([[5, 37]]);
  });

  test('reports bytes that are not UTF-8 as malformed, without repairing them', async () => {
    const path = await file(Buffer.from('{"a":"caf\xe9"}\n{"a":"ok"}\n', 'latin1'));
    const source = await jsonlSource(path).open(undefined, context);
    expect((await readAll(source))[0]?.rows).toEqual([MALFORMED, { a: 'ok' }]);
    await source.close();
  });

  test('reads keys that reach a prototype as plain data', async () => {
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

  test('reads a line longer than many blocks, and refuses one longer than the limit by its place', async () => {
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

  test.each([
    ['', {}],
    ['a\0b', {}],
    ['a', { onMalformed: 'ignore' }],
    ['a', { maxLineBytes: 0 }],
    ['a', { maxLineBytes: '1' }],
  ])('%j with %j is refused at once', (path, options) => {
    expect(() => jsonlSource(path, options as object)).toThrow(InvalidOptionError);
  });
});
