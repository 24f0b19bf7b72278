/**
 * Output that is split by key and size keeps the sink contract. The files depend on the rows alone. No key leaves the folder or
 * shares a file with another (case, Unicode forms, length). The list of files is published last, and tells an earlier result's files.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { map, memoryStorage, pipeline, StateManager } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { sinkFromDescription } from '../../src/executor/endpoints/files.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { type SplitOptions, splitSink } from '../../src/sinks/split/split-sink.js';
import { sinkContract } from '../../src/testing/contracts/sink.js';
import { contextOf } from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';

interface Row {
  readonly n: number;
  readonly key: string;
}

const context = contextOf(nodeFileSystem);
const ROWS: Row[] = Array.from({ length: 24 }, (_, n) => ({ n, key: ['de', 'fr', 'a/b'][n % 3] as string }));
const keyed = { key: ({ key }: Row) => key };

/** Files below a folder, with their texts; not those of unfinished sessions. */
function filesIn(folder: string, at = folder): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(at).toSorted()) {
    const path = join(at, name);
    if (statSync(path).isDirectory()) Object.assign(found, filesIn(folder, path));
    else if (!name.endsWith('.part')) {
      const bytes = readFileSync(path);
      found[relative(folder, path)] = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    }
  }
  return found;
}

const forms: readonly (readonly [string, SplitOptions<Row>])[] = [
  ['out/{key}/part-{n}.jsonl', { ...keyed, maxBytes: 60 }],
  ['out/{key}.jsonl', keyed],
  ['out-{n}.jsonl.gz', { maxBytes: 100 }],
];
for (const [template, options] of forms)
  sinkContract(
    template,
    async () => {
      const folder = freshFolder();
      const sink = splitSink<Row>(join(folder, template), options);
      const list = join(folder, template.startsWith('out/') ? 'out/_files.json' : 'out.files.json');
      const byKey = options.key === undefined ? ROWS : ROWS.toSorted((a, b) => (a.n % 3) - (b.n % 3));
      return {
        // biome-ignore lint/suspicious/noExplicitAny: the contract writes the fixture's own rows.
        sink: sink as any,
        rows: ROWS,
        readBack: byKey,
        fileSystem: nodeFileSystem,
        sideBySide: true,
        target: async () => {
          const files = filesIn(folder);
          const text = files[relative(folder, list)];
          if (text === undefined) return undefined;
          const { files: listed } = JSON.parse(text);
          return { ...files, [relative(folder, list)]: listed };
        },
        loseUnpublished: async () => rmSync(`${list}.part`),
      };
    },
    { describe, it: test },
  );

async function write(folder: string, rows: readonly Row[], template = '{key}/{n}.jsonl', batch = 7) {
  const sink = splitSink<Row>(join(folder, template), {
    ...keyed,
    ...(template.includes('{n}') && { maxBytes: 200 }),
  });
  const open = await sink.open(undefined, false, context);
  for (let i = 0; i < rows.length; i += batch) await open.append([open.encode(rows.slice(i, i + batch))]);
  await open.flush();
  await open.publish();
  await open.close();
}

describe('the files of an output', () => {
  test('are the same, however the rows were batched; no row is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ n: fc.nat(), key: fc.constantFrom('a', 'b', 'c', 'd') }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        async (rows, batch) => {
          const [one, other] = [freshFolder(), freshFolder()];
          await write(one, rows, '{key}/{n}.jsonl', 1);
          await write(other, rows, '{key}/{n}.jsonl', batch);
          const { '_files.json': list, ...files } = filesIn(one);
          const { '_files.json': _, ...others } = filesIn(other);
          expect(others).toEqual(files);
          const text = Object.values(files).join('');
          expect(text.split('\n').slice(0, -1).toSorted()).toEqual(
            rows.map((row) => JSON.stringify(row)).toSorted(),
          );
          for (const content of Object.values(files))
            expect(content.length <= 200 || content.indexOf('\n') === content.length - 1).toBe(true);
          const listed = JSON.parse(list ?? '').files as { path: string; bytes: number; rows: number }[];
          for (const { path, bytes, rows: count } of listed) {
            expect(files[path]?.length).toBe(bytes);
            expect(files[path]?.split('\n')).toHaveLength(count + 1);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  test('of more keys than may be open at once are whole', async () => {
    const folder = freshFolder();
    const long = 'x'.repeat(60_000);
    const rows = Array.from({ length: 600 }, (_, n) => ({ n, key: `k${n % 150}`, long }));
    await write(folder, rows, '{key}.jsonl', 50);
    const { '_files.json': _, ...files } = filesIn(folder);
    expect(Object.keys(files)).toHaveLength(150);
    for (const [name, text] of Object.entries(files))
      expect(
        text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line).n % 150),
      ).toEqual(Array(4).fill(Number(basename(name, '.jsonl').slice(1))));
  });

  test('of an earlier result are replaced; other files stay', async () => {
    const folder = freshFolder();
    await write(folder, ROWS, '{key}.jsonl');
    writeFileSync(join(folder, 'mine.jsonl'), 'mine');
    await write(folder, ROWS.slice(0, 2), '{key}.jsonl');
    expect(Object.keys(filesIn(folder))).toEqual(['_files.json', 'de.jsonl', 'fr.jsonl', 'mine.jsonl']);
  });

  test('are not removed by a list that leads out of its folder', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'victim'), 'text');
    mkdirSync(join(folder, 'out'));
    const files = [{ path: '../victim' }, { path: join(folder, 'victim') }];
    writeFileSync(
      join(folder, 'out/_files.json'),
      JSON.stringify({ session: 's', written: { bytes: 0, tail: '' }, files }),
    );
    await write(join(folder, 'out'), ROWS);
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('text');
  });
});

describe('hostile keys', () => {
  const namesOf = async (keys: readonly string[], template = '{key}.jsonl'): Promise<string[]> => {
    const folder = join(freshFolder(), 'a', 'out');
    await write(
      folder,
      keys.map((key, n) => ({ n, key })),
      template,
    );
    expect(readdirSync(join(folder, '..'))).toEqual(['out']);
    const { '_files.json': list, ...files } = filesIn(folder);
    const listed = JSON.parse(list ?? '').files as { path: string; key: string }[];
    for (const { path, key } of listed) {
      expect(JSON.parse(files[path]?.split('\n')[0] ?? '').key).toBe(key);
      for (const name of path.split('/')) expect(Buffer.byteLength(name)).toBeLessThan(200);
    }
    expect(new Set(listed.map(({ path }) => path.normalize('NFC').toLowerCase())).size).toBe(
      new Set(keys).size,
    );
    return listed.map(({ path }) => path);
  };

  test('stay in the folder', async () => {
    const keys = [
      '../../etc/passwd',
      '..',
      '.',
      '',
      '/etc/passwd',
      'C:\\x',
      'a/../../b',
      '~',
      '.hidden',
      'nul\0',
    ];
    expect(await namesOf(keys)).toEqual([
      '%2E.%2F..%2Fetc%2Fpasswd.jsonl',
      '%2E%2E.jsonl',
      '%2E.jsonl',
      '_.jsonl',
      '%2Fetc%2Fpasswd.jsonl',
      'C%3A%5Cx.jsonl',
      'a%2F..%2F..%2Fb.jsonl',
      '%7E.jsonl',
      '%2Ehidden.jsonl',
      'nul%00.jsonl',
    ]);
    await namesOf(keys, '{key}/part-{n}.jsonl');
    await namesOf(keys, '{key}{key}');
    expect(() => splitSink('{key}{n}', { ...keyed, maxBytes: 1 })).toThrow('Separate {key} and {n} by text');
  });

  test('that differ in case, in Unicode form or after 120 characters have files of their own', async () => {
    const long = 'ö'.repeat(300);
    const names = await namesOf([
      'DE',
      'de',
      'é',
      'e\u0301',
      long,
      `${long}!`,
      '_',
      '',
      'con',
      'CON.x',
      '\ud800',
      'ok ',
    ]);
    expect(names[0]).toBe('DE.jsonl');
    expect(names[1]).toMatch(/^de~[0-9a-f]{16}\.jsonl$/);
  });

  test('that are the name of the list do not replace it', async () => {
    expect(await namesOf(['_files'], '{key}.json')).toEqual([
      expect.stringMatching(/^_files~[0-9a-f]{16}\.json$/),
    ]);
  });

  test('of any text stay in the folder', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 400 }), { minLength: 1, maxLength: 8 }),
        async (keys) => {
          await namesOf(keys);
        },
      ),
      { numRuns: 25 },
    );
  });
});

test.each([
  [() => undefined, 'has no key: key() returned undefined; it must return text, a number or a boolean'],
  [() => Number.NaN, 'has no key: key() returned NaN; it must return text, a number or a boolean'],
  [() => ({}), 'has no key: key() returned object; it must return text, a number or a boolean'],
  [
    () => {
      throw new Error('no country');
    },
    'made key() throw: no country',
  ],
])('a row without a usable key is an error that names it', async (key, what) => {
  const folder = freshFolder();
  // @ts-expect-error a key is text, a number or a boolean
  const sink = await splitSink<Row>(join(folder, '{key}'), { key }).open(undefined, false, context);
  expect(() => sink.encode(ROWS, 5)).toThrow(`${join(folder, '{key}')}: row 5 of a batch (from 0) ${what}.`);
  await sink.close();
});

test('options and placeholders belong together', () => {
  const belong = 'belong together.';
  expect(() => jsonl('{key}.jsonl', { maxBytes: 5 })).toThrow(
    `The option key and {key} in the path ${belong}`,
  );
  expect(() => jsonl('out.jsonl', { key: () => 1 })).toThrow(belong);
  expect(() => jsonl('{key}-{n}.jsonl', { key: () => 1 })).toThrow(
    `The option maxBytes and {n} in the path ${belong}`,
  );
  expect(() => jsonl('{n}.jsonl', { maxBytes: 0 })).toThrow('maxBytes');
  expect(() => jsonl('{n}.jsonl', { maxBytes: 9, publish: 'direct' })).toThrow(
    "publish: 'direct' appends to one file",
  );
});

describe('in a run', () => {
  const run = (from: string, to: string) =>
    pipeline('split', { batchSize: 5 })
      .from(jsonl<Row>(from))
      .pipe(map('same', (row) => row))
      .to(jsonl<Row>(to, keyed))
      .run({ stateManager: new StateManager(memoryStorage()) });

  test('the result is read back from the files', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'in.jsonl'), ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const { data } = await run(join(folder, 'in.jsonl'), join(folder, 'out/{key}.jsonl'));
    expect(await data.toArray()).toEqual(ROWS.toSorted((a, b) => (a.n % 3) - (b.n % 3)));
    expect(readdirSync(join(folder, 'out'))).toEqual(['_files.json', 'a%2Fb.jsonl', 'de.jsonl', 'fr.jsonl']);
  });

  test('an input among the output files is refused', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'de.jsonl'), '{"n":1,"key":"fr"}\n');
    const refused = 'The source and the sink are the same file';
    await expect(run(join(folder, 'de.jsonl'), join(folder, '{key}.jsonl'))).rejects.toThrow(refused);
    await expect(run(join(folder, '*.jsonl'), join(folder, '{key}.jsonl'))).rejects.toThrow(refused);
  });

  test('a stored sink discards and compares, and does not write without its function', async () => {
    const folder = freshFolder();
    const stored = sinkFromDescription(splitSink<Row>(join(folder, '{key}.jsonl'), keyed).describe() ?? null);
    await expect(stored.open(undefined, false, context)).rejects.toMatchObject({ code: 'SINK' });
    await stored.discard?.(undefined, context);
    expect(readdirSync(folder)).toEqual([]);
  });
});
