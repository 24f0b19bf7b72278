/**
 * Every row of a file is read or counted as malformed: an unclosed quote, a blank value, a line of NUL bytes and a file in
 * another format lose no row silently. A malformed row is reported with its text and its place in the batch.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MalformedRowError, SourceError } from '../../src/errors.js';
import { type CsvSourceOptions, csvSource } from '../../src/sources/csv.js';
import { jsonlSource } from '../../src/sources/jsonl.js';
import type { Source } from '../../src/sources/source.js';
import { MALFORMED, readAll } from '../../src/testing/contracts/source.js';
import { context, file, malformedOf } from './source-file.js';

async function rowsOf(source: Source<unknown>, maxRows = 1000): Promise<unknown[]> {
  const opened = await source.open(undefined, context);
  try {
    return (await readAll(opened, maxRows)).flatMap(({ rows }) => rows);
  } finally {
    await opened.close();
  }
}

const csvRows = async (text: string | Uint8Array, options: CsvSourceOptions = {}, blockBytes?: number) =>
  rowsOf(csvSource(await file(text), options, blockBytes));
const jsonlRows = async (text: string | Uint8Array) => rowsOf(jsonlSource(await file(text)));

describe('an unclosed quote', () => {
  const rest = Array.from({ length: 4_997 }, (_, n) => ({ id: `${n}`, text: 'plain' }));
  const lines = rest.map(({ id, text }) => `${id},${text}\n`).join('');

  test('at the end of the file spoils its own line only', async () => {
    expect(await csvRows(`id,text\na,"never closed\n${lines}`)).toEqual([MALFORMED, ...rest]);
  });

  test('that a later quote ends spoils its own line only', async () => {
    const expected = [MALFORMED, ...rest, { id: 'z', text: 'a, b' }];
    expect(await csvRows(`id,text\na,"never closed\n${lines}z,"a, b"\n`)).toEqual(expected);
  });

  test('behind a field of several lines spoils its own record only', async () => {
    const text = 'id,text\n"1\n2","open\n3,x\n';
    expect(await csvRows(text)).toEqual([MALFORMED, { id: '3', text: 'x' }]);
    const [error] = await malformedOf(await csvSource(await file(text)).open(undefined, context));
    expect(error).toMatchObject({ line: 2, row: 0, text: '"1\n2","open' });
  });

  test('cuts the same batches with any block size, also reopened', async () => {
    const soup = fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', 'a', 'b'), maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(soup, fc.integer({ min: 1, max: 30 }), async (text, blockBytes) => {
        const path = await file(text);
        const read = async (
          block: number | undefined,
          at?: { bytes: number; rows: number; lines: number },
        ) => {
          const source = await csvSource(path, { header: false }, block).open(at, context);
          const seen = await readAll(source, 3, 12);
          await source.close();
          return seen;
        };
        const whole = await read(undefined);
        expect(await read(blockBytes)).toEqual(whole);
        for (const [index, { position }] of whole.entries())
          expect(await read(blockBytes, position as never)).toEqual(whole.slice(index + 1));
      }),
      { numRuns: 200 },
    );
  });
});

describe('an empty line', () => {
  test('of a file with one column is an empty value', async () => {
    expect(await csvRows('name\nann\n\nbob\n')).toEqual([{ name: 'ann' }, { name: '' }, { name: 'bob' }]);
    expect(await csvRows('ann\n\nbob', { header: ['name'] })).toHaveLength(3);
    expect(await csvRows('ann\n\nbob', { header: false })).toEqual([['ann'], [''], ['bob']]);
  });

  test('of a file with several columns is not a row', async () => {
    expect(await csvRows('a,b\n1,2\n\n3,4\n')).toHaveLength(2);
    expect(await jsonlRows('1\n\n \t\r\n2\n')).toEqual([1, 2]);
  });
});

describe('NUL bytes, the hole that a crash left', () => {
  test.each([
    ['a line of them', '{"a":1}\n\0\0\0\0\0\n{"a":2}\n', [{ a: 1 }, MALFORMED, { a: 2 }]],
    ['the end of the file', '{"a":1}\n\0\0\0\0', [{ a: 1 }, MALFORMED]],
    ['other control characters', '{"a":1}\n\x01\x1f\n', [{ a: 1 }, MALFORMED]],
  ])('JSON Lines: %s', async (_, text, rows) => {
    expect(await jsonlRows(text)).toEqual(rows);
  });

  test.each([
    ['one column', 'a\n1\n\0\0\n2\n', [{ a: '1' }, MALFORMED, { a: '2' }]],
    ['two columns', 'a,b\n1,x\n2,\0\0\n', [{ a: '1', b: 'x' }, MALFORMED]],
    ['a quoted value', 'a,b\n"1","\0"\n', [MALFORMED]],
  ])('CSV: %s', async (_, text, rows) => {
    expect(await csvRows(text)).toEqual(rows);
  });
});

describe('a malformed row has its text and its place in the batch', () => {
  const facts = (errors: readonly MalformedRowError[]) => errors.map(({ row, text }) => [row, text]);

  test('CSV', async () => {
    const source = await csvSource(await file('a,b\n1,2\n3\n4,5,6\n7,8\n')).open(undefined, context);
    // Batches of two rows.
    expect(facts(await malformedOf(source))).toEqual([
      [1, '3'],
      [0, '4,5,6'],
    ]);
  });

  test('JSON Lines, also if it is not UTF-8', async () => {
    const bytes = Buffer.from('1\n{"a":\n2\n"caf\xe9"\n', 'latin1');
    const source = await jsonlSource(await file(bytes)).open(undefined, context);
    expect(facts(await malformedOf(source))).toEqual([
      [1, '{"a":'],
      [1, '"caf\ufffd"'],
    ]);
  });

  test('an error that is printed does not quote it', async () => {
    const source = await jsonlSource(await file('{"secret": hunter2}\n')).open(undefined, context);
    const [error] = await malformedOf(source);
    expect(`${error?.stack} ${JSON.stringify(error)} ${Object.values(error ?? {})}`).not.toContain('hunter2');
  });
});

describe('a file in another format is refused, with what to do', () => {
  test.each([
    [
      'one JSON array in one line',
      '[{"n":1},{"n":2}]\n',
      'one JSON array, not JSON Lines. Write one row a line',
    ],
    ['UTF-16BE without a byte order mark', utf16be('{"n":1}\n'), 'text in UTF-16; convert it to UTF-8 first'],
    ['UTF-16LE without a byte order mark', Buffer.from('{"n":1}\n', 'utf16le'), 'text in UTF-16'],
  ])('JSON Lines: %s', async (_, bytes, message) => {
    const source = jsonlSource(await file(bytes));
    await expect(source.open(undefined, context)).rejects.toThrow(SourceError);
    await expect(source.open(undefined, context)).rejects.toThrow(message);
  });

  test('rows that are arrays are JSON Lines', async () => {
    expect(await jsonlRows('[{"n":1}]\n[{"n":2}]\n')).toEqual([[{ n: 1 }], [{ n: 2 }]]);
    expect(await jsonlRows('[1,2]')).toEqual([[1, 2]]);
  });

  test('JSON over several lines is named at its first line', async () => {
    const source = await jsonlSource(await file('[\n  {"n":1}\n]\n')).open(undefined, context);
    const [error] = await malformedOf(source);
    expect(error?.message).toContain('line 1, byte 0: JSON over several lines, not JSON Lines');
  });

  test.each([';', '\t', '|'])(
    'CSV separated by %j: the header names the delimiter to give',
    async (character) => {
      const text = ['a', 'b'].join(character);
      await expect(csvRows(`${text}\n`)).rejects.toThrow(`Give delimiter: ${JSON.stringify(character)}`);
      expect(await csvRows(`${text}\n1${character}2\n`, { delimiter: character })).toEqual([
        { a: '1', b: '2' },
      ]);
      expect(await csvRows(`${text}\n1\n`, { delimiter: ',' })).toEqual([{ [text]: '1' }]);
    },
  );
});

function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}
