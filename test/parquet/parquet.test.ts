/**
 * Pinned: `parquet()` keeps the contracts of a source and of a sink; what is written is what is read; what a column cannot keep is
 * refused at its row; a file that is no Parquet file, or is cut off, and a column that is not there are one line with a code.
 */
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetMetadata } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { memoryStorage, pipeline, StateManager } from 'xstate-pipeline';
import type { ParquetType } from '../../src/parquet/column-types.js';
import { type ParquetOptions, parquet } from '../../src/parquet/parquet.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { type SinkFixture, sinkContract } from '../../src/testing/contracts/sink.js';
import {
  contextOf,
  readAll,
  type SourceFixture,
  sourceContract,
} from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';

const columns: Readonly<Record<string, ParquetType>> = {
  ...{ id: 'int64', title: 'string', price: 'double', stock: 'int32', isNew: 'boolean' },
  ...{ day: 'date', at: 'timestamp', tags: 'json', total: 'decimal(12,2)' },
};
const rows = Array.from({ length: 30 }, (_, n) => ({
  ...{ id: n === 7 ? '9007199254740993' : n, title: n % 5 === 0 ? null : `Straße "${n}" 🚲\n`, price: n / 4 },
  ...{ stock: 1 - n, isNew: n % 2 === 0, day: `2026-11-${String(1 + (n % 28)).padStart(2, '0')}` },
  ...{ at: `2026-11-28T09:30:00.${String(n).padStart(3, '0')}Z`, tags: n % 3 === 0 ? null : { list: [n] } },
  total: n + 0.25,
}));
const context = contextOf(nodeFileSystem);

function fileOf(given: readonly object[], rowGroupSize = 7): string {
  const path = join(freshFolder(), 'in.parquet');
  const names = Object.keys(given[0] as object);
  const columnData = names.map((name) => ({
    name,
    data: given.map((row) => (row as Record<string, unknown>)[name]),
  }));
  writeFileSync(path, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize })));
  return path;
}

const plain = rows.map(({ price, title, stock, tags }) => ({ price, title, stock, tags }));

for (const size of [4, 100])
  sourceContract(
    `parquet(), row groups of ${size},`,
    async (): Promise<SourceFixture> => {
      const path = fileOf(plain, size);
      return {
        ...{ source: () => parquet(path).source, rows: plain, fileSystem: nodeFileSystem },
        shorter: async () => parquet(fileOf(plain.slice(0, -3), size)).source,
      };
    },
    { describe, it: test },
  );

sinkContract(
  'parquet()',
  async (): Promise<SinkFixture> => {
    const path = join(freshFolder(), 'deep', 'out.parquet');
    return {
      ...{
        sink: parquet(path, { columns, rowGroupRows: 7 }).sink as SinkFixture['sink'],
        rows,
        readBack: rows,
      },
      ...{ fileSystem: nodeFileSystem, sideBySide: true },
      target: async () => (existsSync(path) ? readFileSync(path) : undefined),
      loseUnpublished: () => rm(`${path}.jsonl.part`),
    };
  },
  { describe, it: test },
);

/** Writes rows by a pipeline, and reads them back. */
async function throughFile(given: readonly object[], options: ParquetOptions) {
  const path = join(freshFolder(), 'out.parquet');
  const result = await pipeline('write')
    .from(given)
    .to(parquet(path, options))
    .run({ stateManager: new StateManager(memoryStorage()) });
  return { path, rows: await result.data.toArray() };
}

describe('what is written', () => {
  test('is the same bytes for the same rows, in row groups of the given size', async () => {
    const [one, two] = [
      await throughFile(rows, { columns, rowGroupRows: 8 }),
      await throughFile(rows, { columns, rowGroupRows: 8 }),
    ];
    const bytes = readFileSync(one.path);
    expect(bytes.equals(readFileSync(two.path))).toBe(true);
    expect(parquetMetadata(new Uint8Array(bytes)).row_groups.map(({ num_rows }) => Number(num_rows))).toEqual(
      [8, 8, 8, 6],
    );
  });

  test('keeps dates, bigint and decimals', async () => {
    const given = [
      { id: 2n ** 63n - 1n, day: new Date('1969-12-31T23:00:00Z'), at: new Date(-1), total: '-0.07' },
      { id: -(2n ** 63n), day: '2024-02-29', at: '2026-01-01T01:00:00+01:00', total: 12 },
      { id: null, day: null, at: undefined, total: '1234567890.10' },
    ];
    const { rows: found } = await throughFile(given, {
      columns: { id: 'int64', day: 'date', at: 'timestamp', total: 'decimal(12,2)' },
    });
    expect(found).toEqual([
      { id: '9223372036854775807', day: '1969-12-31', at: '1969-12-31T23:59:59.999Z', total: -0.07 },
      { id: '-9223372036854775808', day: '2024-02-29', at: '2026-01-01T00:00:00.000Z', total: 12 },
      { id: null, day: null, at: null, total: 1234567890.1 },
    ]);
  });

  test('may be no row', async () => {
    const { rows: found, path } = await throughFile([], { columns });
    expect(found).toEqual([]);
    expect(parquetMetadata(new Uint8Array(readFileSync(path))).schema).toHaveLength(10);
  });

  test.each([
    [{ id: 2 ** 53 }, 'id, which takes a whole number of 64 bits'],
    [{ id: 0.5 }, 'id'],
    [{ id: 2n ** 63n }, 'id'],
    [{ stock: 2 ** 31 }, 'stock, which takes a whole number of 32 bits'],
    [{ price: Number.NaN }, 'price, which takes a finite number'],
    [{ title: 1 }, 'title, which takes a text'],
    [{ day: '2026-02-30' }, 'day'],
    [{ day: '28.11.2026' }, 'day, which takes a Date, or a text like'],
    [{ at: '2026-11-28T09:30:00.000001Z' }, 'at, which takes a Date'],
    [{ at: '2026-11-28T09:30:00' }, 'at'],
    [{ total: '0.001' }, 'total, which takes a number or digits with at most 12 digits, 2 of them behind'],
    [{ total: '12345678901.00' }, 'total'],
    [{ total: 1e21 }, 'total'],
    [{ tags: () => {} }, 'tags'],
  ])('a value that its column cannot keep is refused (%#)', async (row, message) => {
    const sink = parquet(join(freshFolder(), 'out.parquet'), { columns }).sink;
    const opened = await sink.open(undefined, false, context);
    expect(() => opened.encode([row as never], 3)).toThrow(
      expect.objectContaining({ code: 'SINK', message: expect.stringContaining(message) }),
    );
    expect(() => opened.encode([{ ...row, more: 1 } as never])).toThrow(/has a field "more" and no column/);
    await opened.close();
  });
});

describe('what is read', () => {
  test('chosen columns, of row groups that are read one at a time', async () => {
    const opened = await parquet(fileOf(plain), { columns: ['stock', 'title'] }).source.open(
      undefined,
      context,
    );
    const seen = await readAll(opened);
    expect(seen.flatMap((batch) => batch.rows)).toEqual(plain.map(({ stock, title }) => ({ stock, title })));
    expect(opened.columns).toEqual(['stock', 'title']);
    await opened.close();
  });

  test('microseconds, nanoseconds, bytes and nested values', async () => {
    const path = join(freshFolder(), 'in.parquet');
    const instant = (unit: 'MICROS' | 'NANOS', name: string) => ({
      ...{ name, type: 'INT64', repetition_type: 'REQUIRED' },
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit },
    });
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'micros', data: [-1n] },
        { name: 'nanos', data: [1_700_000_000_000_000_001n] },
        { name: 'bytes', data: [Uint8Array.of(255, 0)] },
        { name: 'list', data: [[1, null]] },
      ],
      schema: [
        { name: 'root', num_children: 4 },
        ...[instant('MICROS', 'micros'), instant('NANOS', 'nanos')],
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' },
        { name: 'list', repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type: 'INT32', repetition_type: 'OPTIONAL' },
      ] as never,
    });
    writeFileSync(path, Buffer.from(bytes));
    const opened = await parquet(path).source.open(undefined, context);
    expect((await readAll(opened))[0]?.rows).toEqual([
      {
        ...{ micros: '1969-12-31T23:59:59.999999Z', nanos: '2023-11-14T22:13:20.000000001Z' },
        ...{ bytes: '/wA=', list: [1, null] },
      },
    ]);
    await opened.close();
  });

  test('a decimal of more digits than a number keeps is refused, unless it is not chosen', async () => {
    const path = join(freshFolder(), 'in.parquet');
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'id', data: [1] },
        { name: 'total', data: [1n] },
      ],
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'id', type: 'INT32', repetition_type: 'REQUIRED' },
        ...[{ name: 'total', type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 2 }],
      ] as never,
    });
    writeFileSync(path, Buffer.from(bytes));
    await expect(parquet(path).source.open(undefined, context)).rejects.toMatchObject({
      code: 'SOURCE',
      message: `${path}: column total is a decimal of 18 digits, and a number keeps 15. Choose other columns with \`columns\`.`,
    });
    const opened = await parquet(path, { columns: ['id'] }).source.open(undefined, context);
    expect((await readAll(opened))[0]?.rows).toEqual([{ id: 1 }]);
    await opened.close();
  });
});

describe('bad files: one line, a code', () => {
  const open = (path: string, options: ParquetOptions = {}) =>
    parquet(path, options).source.open(undefined, context);

  test.each([0, 3, 7, 20, 200])('cut off after %i bytes', async (size) => {
    const path = fileOf(plain);
    truncateSync(path, size);
    await expect(open(path)).rejects.toMatchObject({
      code: 'SOURCE',
      message: expect.stringMatching(
        /^[^\n]* is not a Parquet file, or was cut off: [^\n]* Write the file again\.$/,
      ),
    });
  });

  test('a text file', async () => {
    const path = join(freshFolder(), 'in.parquet');
    writeFileSync(path, 'id,title\n1,a\n');
    await expect(open(path)).rejects.toMatchObject({ code: 'SOURCE' });
  });

  test('a damaged row group', async () => {
    const path = fileOf(plain);
    const bytes = readFileSync(path);
    bytes.fill(255, 4, 60);
    writeFileSync(path, bytes);
    const opened = await open(path);
    await expect(opened.read(10, 1000)).rejects.toMatchObject({
      code: 'SOURCE',
      message: expect.stringContaining(`Cannot read row group 0 of ${path}`),
    });
    await opened.close();
  });

  test('a file that is not there, a column that is not there', async () => {
    await expect(open('/nowhere/in.parquet')).rejects.toMatchObject({ code: 'SOURCE' });
    const path = fileOf(plain);
    await expect(open(path, { columns: ['titel'] })).rejects.toMatchObject({
      code: 'SOURCE',
      message: `${path} has no column titel. It has price, title, stock, tags.`,
    });
  });

  test('options', () => {
    expect(() => parquet('a.parquet').sink).toThrow(/writing needs the types of the columns/);
    expect(() => parquet('a.parquet', { column: [] } as never)).toThrow(/unknown option "column"/);
    expect(() => parquet('a.parquet', { columns: { id: 'int' } } as never)).toThrow(
      /columns.id must be a type: string, boolean, .* or decimal\(p,s\) with p up to 18/,
    );
    expect(() => parquet('a.parquet', { columns: { id: 'decimal(19,2)' } })).toThrow(/must be a type/);
    expect(() => parquet('a.parquet', { columns: [] })).toThrow(/list of column names/);
  });
});
