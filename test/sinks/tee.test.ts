/**
 * Pinned: `tee()` of files, and of a file and a table, keeps the contract of a sink: one position, nothing lost or doubled in any of its
 * sinks. Two sinks of one target are refused. A process that ended between two publishes leaves the rest to the next.
 */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { collect, tee } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import { table } from 'xstate-pipeline/sql';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { type SinkFixture, sinkContract } from '../../src/testing/contracts/sink.js';
import { contextOf } from '../../src/testing/contracts/source.js';
import { TestDatabases } from '../sql/clients.js';
import { freshFolder } from '../support/folders.js';

const rows = Array.from({ length: 12 }, (_, id) => ({ id, title: `Straße "${id}" 🚲` }));
const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

sinkContract(
  'tee(), two files',
  async (): Promise<SinkFixture> => {
    const folder = freshFolder();
    const [a, b] = [join(folder, 'a.jsonl'), join(folder, 'b.csv')];
    return {
      ...{
        sink: tee<unknown>(jsonl(a), csv(b, { columns: ['id', 'title'] }) as never),
        rows,
        readBack: rows,
      },
      ...{ fileSystem: nodeFileSystem, sideBySide: true },
      async target() {
        const found = [textOf(a), textOf(b)];
        return found.includes(undefined) ? undefined : found;
      },
      loseUnpublished: () => rm(`${b}.part`),
    };
  },
  { describe, it: test },
);

const databases = new TestDatabases();
afterAll(() => databases.close());
let tables = 0;

sinkContract(
  'tee(), a table and a file',
  async (): Promise<SinkFixture> => {
    const { client, run } = await databases.open('libsql');
    const path = join(freshFolder(), 'out.jsonl');
    const name = `t${++tables}`;
    await run(`create table ${name} (id integer, title text)`);
    return {
      sink: tee<object>(table({ client, name, publish: 'replace' }), jsonl(path)) as SinkFixture['sink'],
      ...{ rows, readBack: rows, fileSystem: nodeFileSystem, sideBySide: true, bySession: true },
      async target() {
        const text = textOf(path);
        return text === undefined ? undefined : [text, await run(`select * from ${name} order by id`)];
      },
      loseUnpublished: () => rm(`${path}.part`),
    };
  },
  { describe, it: test },
);

describe('publishing', () => {
  test('a process that ended after the first publish: the next one publishes the second, and appends nothing', async () => {
    const folder = freshFolder();
    const [a, b] = [jsonl(join(folder, 'a.jsonl')), jsonl(join(folder, 'b.jsonl'))];
    const context = contextOf(nodeFileSystem);
    const both = tee<unknown>(a as never, b as never);
    const opened = await both.open(undefined, false, context);
    await opened.append([opened.encode(rows)]);
    const position = await opened.flush();
    await opened.close();
    expect(await both.isPublished?.(position, context)).toBe(false);

    const [place] = position.sinks as never[];
    const first = await a.sink.open(place, true, context);
    await first.publish();
    await first.close();
    expect(await both.isPublished?.(position, context)).toBe(true);

    const again = await both.open(position, true, context);
    await again.publish();
    await again.publish();
    await again.close();
    expect(textOf(join(folder, 'b.jsonl'))).toBe(textOf(join(folder, 'a.jsonl')));
    expect(textOf(join(folder, 'b.jsonl'))?.split('\n')).toHaveLength(rows.length + 1);
  });

  test('one that fails: the other settles, and the error is its own', async () => {
    const broken = collect<unknown>();
    const sink = tee<unknown>(collect(), broken);
    const opened = await sink.open(undefined, false, contextOf());
    expect(() => opened.encode([Promise.resolve()])).toThrow(/holds a promise/);
    await opened.append([opened.encode([1])]);
    await broken.removePublished?.(contextOf());
    await expect(opened.publish()).rejects.toMatchObject({ code: 'SINK' });
  });
});

describe('refused', () => {
  const client = { exec: () => {}, prepare: () => {} } as never;
  const memory = collect();
  test.each([
    ['one file twice', () => tee(jsonl('a.jsonl'), jsonl('./a.jsonl')), /same target, .*a\.jsonl\. Give/],
    ['one file in two formats', () => tee(jsonl('a.jsonl'), csv('a.jsonl') as never), /same target/],
    ['one table twice', () => tee(table({ client, name: 'a' }), table({ client, name: 'a' })), /table a/],
    ['one sink twice', () => tee(memory, memory), /same target, collect/],
    [
      'within another tee',
      () => tee(jsonl('a.jsonl'), tee(jsonl('b.jsonl'), jsonl('a.jsonl'))),
      /same target/,
    ],
    ['one sink', () => tee(memory), /takes 2 to 5 sinks; it got 1/],
    ['no sink', () => tee(memory, {} as never), /writes to a sink/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }),
    );
  });

  test.each([{}, { sinks: [] }, { sinks: [{ rows: 0 }] }, { sinks: 2 }])('the position %j', async (at) => {
    const sink = tee(collect(), collect());
    await expect(sink.open(at as never, false, contextOf())).rejects.toMatchObject({
      code: 'PIPELINE_MISMATCH',
    });
  });
});
