/**
 * Several files as one input: patterns and lists keep the source contract. Batches never mix files. A resume opens one file
 * and refuses files that were added, removed or changed before its position (I15), without reading them (I25).
 */
import {
  appendFileSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Json, map, memoryStorage, pipeline, StateManager } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import { compareInput, identityOf } from '../../src/executor/session/opening/source-identity.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { csvSource } from '../../src/sources/csv.js';
import { InputFiles } from '../../src/sources/file-input.js';
import { jsonlSource } from '../../src/sources/jsonl.js';
import type { SourcePosition } from '../../src/sources/source.js';
import { contextOf, MALFORMED, readAll, sourceContract } from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';

const context = contextOf(nodeFileSystem);
const ROWS = Array.from({ length: 30 }, (_, n) => (n === 17 ? MALFORMED : { n }));
const lines = (from: number, to: number): string =>
  ROWS.slice(from, to)
    .map((row) => (row === MALFORMED ? '{"n":\n' : `${JSON.stringify(row)}\n`))
    .join('');

/** Five files, one of them empty, one without a last line end. */
function fiveFiles(pack: (text: string) => string | Uint8Array = (text) => text): string {
  const folder = freshFolder();
  const texts = { a: lines(0, 9), b: '', c: lines(9, 10).trimEnd(), d: lines(10, 22), e: lines(22, 30) };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, `${name}.jsonl`), pack(text));
  return folder;
}

sourceContract(
  'jsonl of a pattern',
  async () => {
    const folder = fiveFiles();
    return {
      source: () => jsonlSource(join(folder, '*.jsonl')),
      rows: ROWS,
      fileSystem: nodeFileSystem,
      shorter: async () => {
        truncateSync(join(folder, 'e.jsonl'), 4);
        return jsonlSource(join(folder, '*.jsonl'));
      },
    };
  },
  { describe, it: test },
);

sourceContract(
  'jsonl of a list of compressed files',
  async () => {
    const folder = fiveFiles(gzipSync);
    const paths = ['a', 'b', 'c', 'd', 'e'].map((name) => join(folder, `${name}.jsonl`));
    return {
      source: () => jsonlSource(paths),
      rows: ROWS,
      fileSystem: nodeFileSystem,
      shorter: async () => {
        writeFileSync(join(folder, 'e.jsonl'), gzipSync(lines(22, 24)));
        return jsonlSource(paths);
      },
    };
  },
  { describe, it: test },
);

sourceContract(
  'csv of a pattern, with columns in another order',
  async () => {
    const folder = freshFolder();
    const text = (from: number, to: number, columns: readonly ['n' | 'm', 'n' | 'm']) =>
      `${columns.join()}\n${Array.from({ length: to - from }, (_, i) => columns.map((name) => `${name}${from + i}`).join()).join('\n')}\n`;
    writeFileSync(join(folder, '1.csv'), text(0, 8, ['n', 'm']));
    writeFileSync(join(folder, '2.csv'), text(8, 20, ['m', 'n']));
    return {
      source: () => csvSource(join(folder, '*.csv')),
      rows: Array.from({ length: 20 }, (_, i) => ({ n: `n${i}`, m: `m${i}` })),
      fileSystem: nodeFileSystem,
      shorter: async () => {
        writeFileSync(join(folder, '2.csv'), text(8, 12, ['m', 'n']));
        return csvSource(join(folder, '*.csv'));
      },
    };
  },
  { describe, it: test },
);

describe('the files of a pattern', () => {
  const found = async (folder: string, pattern: string | readonly string[]): Promise<string[]> => {
    const paths = Array.isArray(pattern)
      ? pattern.map((each: string) => join(folder, each))
      : join(folder, pattern as string);
    const files = await new InputFiles(paths, 'jsonl').find(nodeFileSystem);
    return files.map(({ path }) => path.slice(folder.length + 1));
  };

  function tree(): string {
    const folder = freshFolder();
    for (const path of ['2024/01', '2024/02', '2023/12', '.hidden'])
      mkdirSync(join(folder, path), { recursive: true });
    const names = ['b', 'B', 'a', 'a10', 'a9'].map((name) => `${name}.jsonl`);
    for (const name of [
      ...names,
      '.dot.jsonl',
      'out.jsonl.part',
      'c.csv',
      '2024/01/x.jsonl',
      '2024/02/x.jsonl',
    ])
      writeFileSync(join(folder, name), '{}\n');
    for (const name of ['2023/12/y.jsonl', '.hidden/z.jsonl']) writeFileSync(join(folder, name), '{}\n');
    symlinkSync(folder, join(folder, '2023', 'above'));
    symlinkSync(join(folder, 'a.jsonl'), join(folder, 'linked.jsonl'));
    return folder;
  }

  test('are sorted by code units, with neither hidden files nor unfinished outputs', async () => {
    expect(await found(tree(), '*')).toEqual([
      ...['B.jsonl', 'a.jsonl', 'a10.jsonl', 'a9.jsonl', 'b.jsonl', 'c.csv', 'linked.jsonl'],
    ]);
  });

  test('are found in folders, by `**` once for each folder, and by braces', async () => {
    const folder = tree();
    expect(await found(folder, '20*/*/x.jsonl')).toEqual(['2024/01/x.jsonl', '2024/02/x.jsonl']);
    expect(await found(folder, '20{23,24}/{01,12}/*.jsonl')).toEqual(['2023/12/y.jsonl', '2024/01/x.jsonl']);
    expect(await found(folder, '{2024/02,2023/12}/*')).toEqual(['2023/12/y.jsonl', '2024/02/x.jsonl']);
    expect(await found(folder, '2024/**/*.jsonl')).toEqual(['2024/01/x.jsonl', '2024/02/x.jsonl']);
    expect(await found(folder, '**/y.jsonl')).toEqual(['2023/12/y.jsonl']);
  });

  test('keep the order of a list, each read once', async () => {
    expect(await found(tree(), ['b.jsonl', 'a*.jsonl', 'a.jsonl'])).toEqual([
      ...['b.jsonl', 'a.jsonl', 'a10.jsonl', 'a9.jsonl'],
    ]);
  });

  test('are one file, if a file has the very name', async () => {
    const folder = freshFolder();
    for (const name of ['[1].jsonl', '1.jsonl']) writeFileSync(join(folder, name), `{"name":"${name}"}\n`);
    const source = await jsonlSource(join(folder, '[1].jsonl')).open(undefined, context);
    expect((await readAll(source)).flatMap(({ rows }) => rows)).toEqual([{ name: '[1].jsonl' }]);
    await source.close();
  });

  test('are refused, if there is none', async () => {
    const folder = freshFolder();
    const open = (pattern: string | string[]) => jsonlSource(pattern).open(undefined, context);
    const pattern = join(folder, '*.jsonl');
    await expect(open(pattern)).rejects.toMatchObject({
      code: 'SOURCE',
      message: `No file matches ${pattern}. Check the pattern and the folder.`,
    });
    await expect(open(join(folder, 'nope/*.jsonl'))).rejects.toMatchObject({ code: 'SOURCE' });
    await expect(open([join(folder, 'nope.jsonl')])).rejects.toMatchObject({ code: 'SOURCE' });
    expect(() => jsonl([])).toThrow('jsonl: the list of files is empty.');
  });
});

test('csv files with other columns are refused by name', async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, '1.csv'), 'a,b\n1,2\n');
  writeFileSync(join(folder, '2.csv'), 'a,c\n1,2\n');
  const source = await csvSource(join(folder, '*.csv')).open(undefined, context);
  await source.read(10, 1000);
  await expect(source.read(10, 1000)).rejects.toMatchObject({
    code: 'SOURCE',
    message: `${join(folder, '2.csv')}: its columns are not those of 1.csv: no "b", "c" in addition. Give all files the same columns, in any order.`,
  });
  await source.close();
});

describe('between two runs', () => {
  /** Reads to the third row of d.jsonl, changes the files, and compares as a resume does. */
  async function resumed(change: (folder: string) => void): Promise<string> {
    const folder = fiveFiles();
    const source = () => jsonlSource(join(folder, '*.jsonl'));
    const first = await source().open(undefined, context);
    let position: SourcePosition = {};
    for (let rows = 0; rows < 13; ) {
      const batch = await first.read(3, 1_000_000);
      position = JSON.parse(JSON.stringify(batch?.position));
      rows += batch?.size ?? 0;
    }
    const identity = (await identityOf(first, position)) as Json;
    await first.close();
    change(folder);
    const second = await source()
      .open(position, context)
      .catch((error: Error) => error.message);
    if (typeof second === 'string') return second;
    const { difference, hasGrown } = await compareInput(identity, second, position);
    const rows = (await readAll(second)).flatMap((batch) => batch.rows);
    await second.close();
    return difference?.replace(folder, '') ?? `${hasGrown ? 'grown' : 'same'}, ${rows.length} more`;
  }
  const one = `${JSON.stringify({ n: 99 })}\n`;
  const longAgo = new Date('2020-01-01');

  test.each([
    ['nothing', () => {}, 'same, 17 more'],
    ['a later file appears', (at: string) => writeFileSync(join(at, 'd2.jsonl'), one), 'grown, 18 more'],
    [
      'the file of the position grows',
      (at: string) => appendFileSync(join(at, 'd.jsonl'), one),
      'grown, 18 more',
    ],
    ['files are copied', (at: string) => utimesSync(join(at, 'a.jsonl'), longAgo, longAgo), 'same, 17 more'],
    [
      'an earlier file appears',
      (at: string) => writeFileSync(join(at, 'a2.jsonl'), one),
      'before the file that the run was reading, there are 4 files instead of 3, in ',
    ],
    [
      'an earlier file grows',
      (at: string) => appendFileSync(join(at, 'a.jsonl'), one),
      'a file that the run had read has changed, in ',
    ],
    [
      'an earlier file is replaced by one of its size',
      (at: string) => writeFileSync(join(at, 'a.jsonl'), lines(0, 9).replace('{"n":4}', '{"n":5}')),
      'a file that the run had read has changed, in ',
    ],
    ['a later file is removed', (at: string) => rmSync(join(at, 'e.jsonl')), 'the input has become shorter'],
  ])('%s', async (_, change, expected) => {
    expect(await resumed(change)).toBe(expected);
  });

  test('the file of the position is removed', async () => {
    expect(await resumed((at) => rmSync(join(at, 'd.jsonl')))).toMatch(
      /the file that the run was reading, number 4, is not there any more/,
    );
  });
});

test('a resume in the middle of many files opens one of them, and reads no other (I25)', async () => {
  const folder = freshFolder();
  for (let n = 1000; n < 1060; n++) writeFileSync(join(folder, `${n}.jsonl`), `{"n":${n}}\n`);
  const source = jsonlSource(join(folder, '*.jsonl'));
  const first = await source.open(undefined, context);
  const seen = await readAll(first);
  await first.close();
  const opened: string[] = [];
  const counting = {
    ...nodeFileSystem,
    open: (...args: Parameters<typeof nodeFileSystem.open>) => {
      opened.push(basename(args[0]));
      return nodeFileSystem.open(...args);
    },
  };
  const { position } = seen[50] as { position: SourcePosition };
  const second = await source.open(position, contextOf(counting));
  await second.identity(position);
  await second.close();
  expect(opened).toEqual(['1050.jsonl']);
});

describe('in a run', () => {
  const stateManager = () => new StateManager(memoryStorage());

  test('batches never mix files, and stages find the file of their rows', async () => {
    const folder = fiveFiles();
    writeFileSync(join(folder, 'd.jsonl'), lines(10, 17) + lines(18, 22));
    const seen = await pipeline('files', { batchSize: 8 })
      .from(jsonl<{ n: number }>(join(folder, '*.jsonl')))
      .pipe(map('where', ({ n }, { batch }) => ({ n, file: basename(batch.file ?? '') })))
      .to(jsonl<{ n: number; file: string }>(join(folder, 'out.json')))
      .run({ stateManager: stateManager() });
    const rows = await seen.data.toArray();
    const fileOf = (n: number) => (n < 9 ? 'a' : n < 10 ? 'c' : n < 22 ? 'd' : 'e');
    expect(rows).toEqual(rows.map(({ n }) => ({ n, file: `${fileOf(n)}.jsonl` })));
    expect(rows).toHaveLength(29);
  });

  test('an output among the files is refused', async () => {
    const folder = fiveFiles();
    const run = pipeline('files')
      .from(jsonl(join(folder, '[a-d].jsonl')))
      .to(jsonl(join(folder, 'd.jsonl')))
      .run({ stateManager: stateManager() });
    await expect(run).rejects.toThrow('The source and the sink are the same file');
  });

  test('a pattern and a list cannot be written to', () => {
    const from = pipeline('files').from([{}]);
    expect(() => from.to(jsonl('out/*.jsonl'))).toThrow(
      'jsonl("out/*.jsonl") is a pattern of several files, and cannot be written to. Give one path.',
    );
    // @ts-expect-error a list is a source only
    expect(() => from.to(csv(['a.csv']))).toThrow('A pipeline writes to a sink');
  });
});
