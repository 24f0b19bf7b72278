/**
 * CSV sinks keep the sink contract. Their text is read back unchanged. The columns are those of the first row in the output's
 * order, also after reopening. Rows that do not fit are named by their index, and not quoted.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { InvalidOptionError, PipelineMismatchError, SinkError } from '../../src/errors.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { type CsvSinkOptions, csvSink } from '../../src/sinks/csv.js';
import { csvSource } from '../../src/sources/csv.js';
import { sinkContract } from '../../src/testing/contracts/sink.js';
import { contextOf, readAll } from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';

const context = contextOf(nodeFileSystem);
let path: string;
beforeEach(() => {
  path = join(freshFolder(), 'out.csv');
});

const ROWS = Array.from({ length: 9 }, (_, n) => ({
  id: n,
  text: ['', 'a,b', '"q"', 'x\ny', 'é\r🚲'][n % 5],
  none: null,
}));

const forms: Readonly<Record<string, CsvSinkOptions>> = {
  'a header from the first row': {},
  'columns given': { columns: ['text', 'id', 'none'], delimiter: ';' },
  'no header': { header: false, columns: ['id', 'text', 'none'] },
};
for (const [name, options] of Object.entries(forms)) {
  sinkContract(
    `csv with ${name}`,
    async () => {
      const file = join(freshFolder(), 'out.csv');
      return {
        sink: csvSink(file, options) as ReturnType<typeof csvSink<object>> as never,
        rows: ROWS,
        readBack: ROWS.map(({ id, text }) => ({ id: `${id}`, text, none: '' })),
        fileSystem: nodeFileSystem,
        target: () => readFile(file, 'utf8').catch(() => undefined),
        sideBySide: true,
        loseUnpublished: () => rm(`${file}.part`),
      };
    },
    { describe, it: test },
  );
}

sinkContract(
  'csv, compressed',
  async () => {
    const file = join(freshFolder(), 'out.csv.gz');
    return {
      sink: csvSink(file) as ReturnType<typeof csvSink<object>> as never,
      rows: ROWS,
      readBack: ROWS.map(({ id, text }) => ({ id: `${id}`, text, none: '' })),
      fileSystem: nodeFileSystem,
      target: () =>
        readFile(file).then(
          (bytes) => (bytes.length === 0 ? '' : gunzipSync(bytes).toString()),
          () => undefined,
        ),
      sideBySide: true,
      loseUnpublished: () => rm(`${file}.part`),
    };
  },
  { describe, it: test },
);

async function written(rows: readonly object[], options: CsvSinkOptions = {}): Promise<string> {
  const sink = await csvSink(path, options).open(undefined, false, context);
  try {
    await sink.append([sink.encode(rows)]);
    await sink.flush();
    await sink.publish();
    return await readFile(path, 'utf8');
  } finally {
    await sink.close();
  }
}

describe('csv', () => {
  test('reads back any text, also alone in its row and at the beginning of the file', async () => {
    const value = fc.string({
      unit: fc.constantFrom('"', ',', '\r', '\n', 'a', 'é', ' ', '\uFEFF', '🚲'),
      maxLength: 6,
    });
    const table = fc.integer({ min: 1, max: 3 }).chain((width) =>
      fc.record({
        columns: fc.uniqueArray(value, { minLength: width, maxLength: width }),
        rows: fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 6 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(table, fc.boolean(), async ({ columns, rows }, header) => {
        await written(rows, { columns, header });
        const options = header ? {} : { header: false };
        const source = await csvSource(path, options).open(undefined, context);
        const seen = (await readAll(source)).flatMap((batch) => batch.rows);
        await source.close();
        const expected = header
          ? rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])))
          : rows;
        expect(seen).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test('writes values that are not text', async () => {
    const row = { n: 1.5, yes: true, big: 12n, no: undefined, nil: null, date: new Date(0), list: [1, 'a'] };
    expect(await written([row])).toBe(
      'n,yes,big,no,nil,date,list\n1.5,true,12,,,1970-01-01T00:00:00.000Z,"[1,""a""]"\n',
    );
  });

  test('accepts a dot in the name of a column, and writes a missing value as empty', async () => {
    expect(await written([{ 'a.b': 1, constructor: 2 }, { 'a.b': 3 }])).toBe('a.b,constructor\n1,2\n3,\n');
  });

  test('takes the columns from the first row that is written, whichever batch was encoded first', async () => {
    const sink = await csvSink(path).open(undefined, false, context);
    const second = sink.encode([{ b: 2, a: 1 }]);
    const first = sink.encode([{ a: 3, b: 4 }]);
    await sink.append([first, second]);
    await sink.flush();
    await sink.publish();
    await sink.close();
    expect(await readFile(path, 'utf8')).toBe('a,b\n3,4\n1,2\n');
  });

  test('reads a header with line ends and quotes back after reopening', async () => {
    const columns = ['two\nlines', 'a "word"', 'x'];
    const sink = await csvSink(path, { columns }).open(undefined, false, context);
    await sink.append([sink.encode([[1, 2, 3]])]);
    const position = await sink.flush();
    await sink.close();
    const resumed = await csvSink(path).open(position, false, context);
    await resumed.append([resumed.encode([{ x: 6, 'two\nlines': 4, 'a "word"': 5 }])]);
    await resumed.flush();
    await resumed.publish();
    await resumed.close();
    expect((await readFile(path, 'utf8')).endsWith('\n1,2,3\n4,5,6\n')).toBe(true);
    const other = csvSink(path, { columns: ['other'] });
    await writeFile(`${path}.part`, await readFile(path));
    await expect(other.open({ ...resumed.position }, false, context)).rejects.toThrow(PipelineMismatchError);
  });

  test('writes the given columns as a header, also without rows', async () => {
    expect(await written([], { columns: ['a', 'b'] })).toBe('a,b\n');
    expect(await written([])).toBe('');
  });

  test.each<[string, readonly object[], CsvSinkOptions]>([
    [
      'row 1 of a batch (from 0) has a key (number 2 of its own) that is not among the columns of the first row; give columns',
      [{ a: 1 }, { a: 1, hunter2: 2 }],
      {},
    ],
    [
      'row 0 of a batch (from 0) has a key (number 1 of its own) that is not among columns',
      [{ b: 1 }],
      { columns: ['a'] },
    ],
    ['row 0 of a batch (from 0) has 2 values for 1 columns', [['hunter2', 2]], { columns: ['a'] }],
    ['row 0 of a batch (from 0) is an array: give columns, or header: false', [[1]], {}],
    [
      'row 0 of a batch (from 0) is an object: with header: false, give columns',
      [{ a: 1 }],
      { header: false },
    ],
    ['row 0 of a batch (from 0) has no columns, and is the first', [{}], {}],
    [
      'row 0 of a batch (from 0) is not an object: a CSV row is an object or an array of values',
      ['hunter2' as unknown as object],
      {},
    ],
    ['row 0 of a batch (from 0) has a value that is a function or a symbol', [{ a: () => 'hunter2' }], {}],
  ])('%s', async (message, rows, options) => {
    await expect(written(rows, options)).rejects.toThrow(new SinkError(`${path}: ${message}.`));
  });

  test.each([
    { columns: [] },
    { columns: ['a', 'a'] },
    { columns: 'a' },
    { columns: [1] },
    { header: 'a' },
    { delimiter: '::' },
    { publish: 1 },
  ])('%j is refused at once', (options) => {
    expect(() => csvSink(path, options as object)).toThrow(InvalidOptionError);
  });
});
