/**
 * Pins: one name serves for reading and writing. A source or sink is rebuilt from its description, also in another working
 * directory. A forged description is refused (I9).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InvalidOptionError } from '../../src/errors.js';
import {
  csv,
  jsonl,
  sinkFromDescription,
  sourceFromDescription,
} from '../../src/executor/endpoints/files.js';
import type { Json } from '../../src/formats/json.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import type { Sink } from '../../src/sinks/sink.js';
import type { Source } from '../../src/sources/source.js';
import { contextOf, readAll } from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';

const context = contextOf(nodeFileSystem);

async function copy(source: Source<unknown>, sink: Sink<unknown>): Promise<void> {
  const from = await source.open(undefined, context);
  const to = await sink.open(undefined, false, context);
  for (const { rows } of await readAll(from, 2)) await to.append([to.encode(rows)]);
  await to.flush();
  await to.publish();
  await Promise.all([from.close(), to.close()]);
}

/** What a checkpoint makes of it. */
const stored = (description: Json | undefined): Json => JSON.parse(JSON.stringify(description));

describe('one name for reading and writing', () => {
  test('jsonl to csv to jsonl, each rebuilt from its description', async () => {
    const folder = freshFolder();
    const at = (name: string) => join(folder, name);
    await writeFile(at('a.jsonl'), '{"a":"1","b":"x;y"}\n{"a":"2","b":""}\n');
    const options = { delimiter: ';' } as const;
    await copy(
      sourceFromDescription(stored(jsonl(at('a.jsonl')).source.describe())),
      sinkFromDescription(stored(csv(at('b.csv'), options).sink.describe())),
    );
    expect(await readFile(at('b.csv'), 'utf8')).toBe('a;b\n1;"x;y"\n2;\n');
    await copy(
      sourceFromDescription(stored(csv(at('b.csv'), options).source.describe())),
      sinkFromDescription(stored(jsonl(at('c.jsonl')).sink.describe())),
    );
    expect(await readFile(at('c.jsonl'), 'utf8')).toBe(await readFile(at('a.jsonl'), 'utf8'));
  });

  test('a list as header names the columns of a file without one, both ways', async () => {
    const folder = freshFolder();
    await writeFile(join(folder, 'in.csv'), '1,2\n');
    const options = { header: ['x', 'y'] };
    await copy(
      csv(join(folder, 'in.csv'), options).source,
      csv(join(folder, 'out.csv'), options).sink as Sink<unknown>,
    );
    expect(await readFile(join(folder, 'out.csv'), 'utf8')).toBe('1,2\n');
  });

  test('a list of files is rebuilt too; of a long list only a hash is stored', async () => {
    const folder = freshFolder();
    const paths = ['b', 'a'].map((name) => join(folder, `${name}.jsonl`));
    for (const path of paths) await writeFile(path, '{"a":"1"}\n');
    await copy(
      sourceFromDescription(stored(jsonl(paths).source.describe())),
      jsonl(join(folder, 'c.jsonl')).sink as Sink<unknown>,
    );
    expect(await readFile(join(folder, 'c.jsonl'), 'utf8')).toBe('{"a":"1"}\n{"a":"1"}\n');
    const long = stored(jsonl(Array.from({ length: 10_000 }, (_, n) => `${n}.jsonl`)).source.describe());
    expect(JSON.stringify(long).length).toBeLessThan(500);
    expect(() => sourceFromDescription(long)).toThrow(InvalidOptionError);
  });

  test('an unknown option is named, with those that there are', () => {
    expect(() => jsonl('x', { onMalfomed: 'skip' } as object)).toThrow(
      new InvalidOptionError(
        'jsonl has no option "onMalfomed". Its options are onMalformed, maxLineBytes, publish, key, maxBytes.',
      ),
    );
    expect(() => csv('x', { separator: ';' } as object)).toThrow(InvalidOptionError);
  });
});

describe('descriptions', () => {
  test.each([
    jsonl('x', { onMalformed: 'skip', maxLineBytes: 1000, publish: 'direct' }),
    csv('x', { header: ['a', 'b'], delimiter: '\t', quote: false, onMalformed: 'dead-letter' }),
    csv('x', { header: false }),
    csv('x', { columns: ['a'], publish: 'direct' }),
  ])('what is rebuilt describes itself the same', ({ source, sink }) => {
    const rebuilt = sourceFromDescription(stored(source.describe()));
    expect(rebuilt.describe()).toEqual(source.describe());
    expect(rebuilt.onMalformed).toBe(source.onMalformed);
    expect(sinkFromDescription(stored(sink.describe())).describe()).toEqual(sink.describe());
  });

  test.each<Json>([
    null,
    [],
    'jsonl',
    {},
    { kind: 'jsonl' },
    { kind: 'jsonl', path: 'relative.jsonl' },
    { kind: 'jsonl', path: 7 },
    { kind: 'jsonl', path: '/x\0' },
    { kind: 'jsonl', path: '/x', onMalformed: 'run', publish: 'run' },
    { kind: 'jsonl', path: '/x', maxLineBytes: -1, publish: null },
    { kind: 'jsonl', path: '/x', extra: 1 },
    { kind: 'csv', path: '/x', header: 3 },
    { kind: 'csv', path: '/x', delimiter: ['|'] },
    { kind: 'csv', path: '/x', header: [1], columns: [1] },
    { kind: 'constructor', path: '/x' },
    { kind: 'rows', path: '/x' },
  ])('%j is refused', (description) => {
    expect(() => sourceFromDescription(description)).toThrow(InvalidOptionError);
    expect(() => sinkFromDescription(description)).toThrow(InvalidOptionError);
  });
});
