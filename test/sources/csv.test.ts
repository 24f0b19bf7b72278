/**
 * CSV sources keep the source contract at any block size. Records end where csv-parse ends them. A malformed record spoils no
 * other. The header is known after reopening.
 */
import { truncate } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidOptionError, type MalformedRowError, SourceError } from '../../src/errors.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { type CsvSourceOptions, csvSource } from '../../src/sources/csv.js';
import { MALFORMED, readAll, sourceContract } from '../../src/testing/contracts/source.js';
import { context, file, malformedOf } from './source-file.js';

async function rowsOf(
  text: string | Uint8Array,
  options: CsvSourceOptions = {},
  blockBytes?: number,
): Promise<unknown[]> {
  const source = await csvSource(await file(text), options, blockBytes).open(undefined, context);
  try {
    return (await readAll(source, 3)).flatMap(({ rows }) => rows);
  } finally {
    await source.close();
  }
}

const errorsOf = async (text: string): Promise<MalformedRowError[]> =>
  malformedOf(await csvSource(await file(text)).open(undefined, context));

const ENDS = ['\r\n', '\n', '\r', '\n\n', '\r\n\r\n'];
const ROWS = Array.from({ length: 24 }, (_, n) =>
  n % 8 === 5
    ? MALFORMED
    : { id: `${n}`, 'the text': ['', 'plain', 'a "word"', 'two\r\nlines', 'é,漢\r🚲'][n % 5] },
);
const quoted = (text: string | undefined): string =>
  text === 'plain' ? text : `"${(text ?? '').replaceAll('"', '""')}"`;
const TEXT = `\uFEFF"id",the text\r\n${ROWS.map((row, n) => {
  const record =
    typeof row === 'symbol'
      ? ['1', '1,2,3', 'a"b,c', '"x"y,z'][n % 4]
      : `${row.id},${quoted(row['the text'])}`;
  return `${record}${ENDS[n % ENDS.length]}`;
}).join('')}`;

for (const blockBytes of [1, 5, 64, undefined]) {
  sourceContract(
    `csv in blocks of ${blockBytes ?? 'the usual size'}`,
    async () => {
      const path = await file(TEXT);
      return {
        source: () => csvSource(path, {}, blockBytes),
        rows: ROWS,
        fileSystem: nodeFileSystem,
        shorter: async () => {
          await truncate(path, 200);
          return csvSource(path);
        },
      };
    },
    { describe, it: test },
  );
}

describe('csv', () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 6 }),
    fc.string({ unit: fc.constantFrom('"', ',', ';', '\r', '\n', 'a', 'é', ' ', '\uFEFF'), maxLength: 8 }),
  );

  test('reads back what csv-stringify writes, in blocks of any size', async () => {
    const table = fc
      .integer({ min: 1, max: 4 })
      .chain((width) => fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom(',', ';', '\t'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 30 }),
        async (rows, delimiter, lineEnd, blockBytes) => {
          const text = stringify(rows, {
            delimiter,
            record_delimiter: lineEnd,
            quoted_empty: true,
            quoted_match: /[\r\n\uFEFF]/,
          });
          expect(await rowsOf(text, { header: false, delimiter }, blockBytes)).toEqual(rows);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('ends records where csv-parse ends them, for every text that it accepts', async () => {
    const soup = fc.string({ unit: fc.constantFrom('"', '"', ',', '\r', '\n', 'a', 'b'), maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(soup, fc.integer({ min: 1, max: 30 }), async (text, blockBytes) => {
        let expected: string[][];
        try {
          const options = { record_delimiter: ['\r\n', '\n', '\r'], relax_column_count: true };
          expected = parse(text, { ...options, skip_empty_lines: true });
          // With one column, an empty line is a row.
          if (expected[0]?.length === 1) expected = parse(text, options);
        } catch {
          // It says nothing about such a text; ours has to come through it all the same.
          await rowsOf(text, { header: false }, blockBytes);
          return;
        }
        expect(await rowsOf(text, { header: false }, blockBytes)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('reads the example of RFC 4180', async () => {
    expect(await rowsOf('a,b\n1,"x, ""y""\nz"\n"",\n')).toEqual([
      { a: '1', b: 'x, "y"\nz' },
      { a: '', b: '' },
    ]);
  });

  test('skips a byte order mark before a quoted header', async () => {
    expect(await rowsOf('\uFEFF"a",b\r1,2\r')).toEqual([{ a: '1', b: '2' }]);
  });

  test('reports a misplaced quote by file, line and byte; it spoils its own record only', async () => {
    const text = 'a,b\n"1\n\n",x\n5" pipe,y\n"z"z,2\n3\n4,5\n6,"never closed\n';
    expect(await rowsOf(text)).toEqual([
      { a: '1\n\n', b: 'x' },
      MALFORMED,
      MALFORMED,
      MALFORMED,
      { a: '4', b: '5' },
      MALFORMED,
    ]);
    const errors = await errorsOf(text);
    expect(errors.map(({ line, byte }) => [line, byte])).toEqual([
      [5, 12],
      [6, 22],
      [7, 29],
      [9, 35],
    ]);
    expect(errors.map(({ message }) => message.slice(message.indexOf('byte')))).toEqual([
      'byte 12: a quote inside a field that does not begin with one.',
      'byte 22: text between a closing quote and the end of its field.',
      'byte 29: 1 column instead of 2.',
      'byte 35: a quoted field is not closed.',
    ]);
  });

  test('counts CRLF, LF and CR within quotes as one line each', async () => {
    const errors = await errorsOf('a,b\r\n"1\r\n2\r3\n4",x\r\nbad\r\n');
    expect(errors.map(({ line }) => line)).toEqual([6]);
  });

  test('accepts the header options', async () => {
    expect(await rowsOf('a,b\n1,2', { header: false })).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
    expect(await rowsOf('1,2\n3,4', { header: ['x', 'y'] })).toEqual([
      { x: '1', y: '2' },
      { x: '3', y: '4' },
    ]);
    expect(await rowsOf("a;b\n'1;1';2", { delimiter: ';', quote: "'" })).toEqual([{ a: '1;1', b: '2' }]);
    expect(await rowsOf('a,b\n5",6', { quote: false })).toEqual([{ a: '5"', b: '6' }]);
  });

  test('accepts columns named __proto__ and constructor', async () => {
    const [row] = (await rowsOf('__proto__,constructor\nx,y')) as object[];
    expect(Object.entries(row ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  test('reports bytes that are not UTF-8 as malformed, without repairing them', async () => {
    expect(await rowsOf(Buffer.from('a\ncaf\xe9\nok\n', 'latin1'))).toEqual([MALFORMED, { a: 'ok' }]);
  });

  test.each([
    ['', []],
    ['\uFEFF', []],
    ['a,b', []],
    ['a,b\r\n', []],
    ['\n\na,b\n\n1,2', [{ a: '1', b: '2' }]],
    ['\n\na\n\n1', [{ a: '' }, { a: '1' }]],
  ])('%j', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows);
  });

  test('refuses two columns of one name, and a header that is not a record', async () => {
    await expect(rowsOf('a,b,a\n1,2,3')).rejects.toThrow(
      'the header cannot be used: columns 1 and 3 have the same name; rename one.',
    );
    await expect(rowsOf('a"b,c\n')).rejects.toThrow(SourceError);
  });

  test('bounds the memory of a quote that is never closed', async () => {
    const text = `a\n"${'x\n'.repeat(50_000)}`;
    await expect(rowsOf(text, { maxRecordBytes: 10_000 }, 1000)).rejects.toThrow(
      'line 2, byte 2: longer than 10000 bytes; close the quote that was opened there',
    );
  });

  test.each([
    { delimiter: '' },
    { delimiter: '::' },
    { delimiter: 'é' },
    { delimiter: '"' },
    { quote: '\n' },
    { header: [] },
    { header: ['a', 'a'] },
    { header: 'a' },
    { maxRecordBytes: 0.5 },
    { onMalformed: 1 },
  ])('%j is refused at once', (options) => {
    expect(() => csvSource('x.csv', options as object)).toThrow(InvalidOptionError);
  });
});
