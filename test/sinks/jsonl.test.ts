/**
 * JSON Lines sinks keep the sink contract, in both ways of publishing. The encoder always equals `JSON.stringify` of each row. A
 * row without a JSON form is named by its index, and not quoted.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { InvalidOptionError, MalformedRowError, SinkError } from '../../src/errors.js';
import { encodeJsonLines } from '../../src/formats/json-lines-encoder.js';
import { JSON_ADVICE, rowProblem } from '../../src/formats/row-problem.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { jsonlSink } from '../../src/sinks/jsonl.js';
import { sinkContract } from '../../src/testing/contracts/sink.js';
import { contextOf } from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';

const context = contextOf(nodeFileSystem);
let folder: string;
beforeEach(() => {
  folder = freshFolder();
});

const ROWS = Array.from({ length: 11 }, (_, n) => [{ n }, { né: '🚲'.repeat(n) }, [n, null], 'text'][n % 4]);

sinkContract(
  'jsonl',
  async () => {
    const path = join(freshFolder(), 'deep', 'er', 'out.jsonl');
    return {
      sink: jsonlSink<unknown>(path),
      rows: ROWS,
      readBack: ROWS,
      fileSystem: nodeFileSystem,
      target: () => readFile(path, 'utf8').catch(() => undefined),
      sideBySide: true,
      loseUnpublished: () => rm(`${path}.part`),
    };
  },
  { describe, it: test },
);

sinkContract(
  'jsonl, compressed',
  async () => {
    const path = join(freshFolder(), 'out.jsonl.gz');
    return {
      sink: jsonlSink<unknown>(path),
      rows: ROWS,
      readBack: ROWS,
      fileSystem: nodeFileSystem,
      target: () =>
        readFile(path).then(
          (bytes) => (bytes.length === 0 ? '' : gunzipSync(bytes).toString()),
          () => undefined,
        ),
      sideBySide: true,
      loseUnpublished: () => rm(`${path}.part`),
    };
  },
  { describe, it: test },
);

function rowByRow(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

function encoded(rows: readonly unknown[]): string {
  return Buffer.concat(
    encodeJsonLines(rows, rowProblem('out', JSON_ADVICE)).map(({ lines }) => lines),
  ).toString();
}

describe('encoding', () => {
  const hostile = fc.constantFrom('},{', '}', '{', '[{', '"},{"', '\u2028', 'é', '🚲', '\ud800');
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      hostile,
      fc.integer(),
      fc.constant(null),
      fc.boolean(),
      tie('object'),
      tie('array'),
    ),
    object: fc.dictionary(fc.oneof(hostile, fc.string({ maxLength: 3 })), tie('any'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    array: fc.array(tie('any'), { maxLength: 3 }),
  }));

  test('equals JSON.stringify of each row, for rows of any shape', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(value.object, value.object, value.any), { maxLength: 12 }), (rows) => {
        expect(encoded(rows)).toBe(rowByRow(rows));
      }),
      { numRuns: 2000 },
    );
  });

  test('equals it for objects that only look plain', () => {
    const tricky = [
      [{ a: 1 }, { toJSON: () => [1] }, [{ x: 1 }, { y: 2 }]],
      [{ a: 1 }, new Date(0), { b: 1 }],
      [Object.create(null), Object.create({ toJSON: () => 'x' }), {}],
      [[], [{}, {}]],
      [
        new (class Row {
          x = 1;
        })(),
        new Map(),
        Object('text'),
        Object(1),
      ],
      [{ a: undefined }, { b: () => 1 }, { c: Number.NaN }],
    ];
    for (const rows of tricky) expect(encoded(rows)).toBe(rowByRow(rows));
  });

  test('encodes long batches in groups, without loss', () => {
    for (const size of [10, 2_000, 100_000]) {
      const rows = Array.from({ length: 3_000 }, (_, n) => ({ n, text: 'x'.repeat((n * 7) % (size / 10)) }));
      expect(encoded(rows)).toBe(rowByRow(rows));
    }
  });

  const circular: Record<string, unknown> = { secret: 'hunter2' };
  circular.self = circular;
  test.each([
    ['is undefined, a function or a symbol', undefined],
    ['is undefined, a function or a symbol', () => 1],
    ['is undefined, a function or a symbol', { toJSON: () => undefined }],
    ['holds a BigInt', { secret: 'hunter2', n: 1n }],
    ['contains itself', circular],
    [
      'cannot be turned into JSON',
      {
        toJSON: () => {
          throw new Error('hunter2');
        },
      },
    ],
  ])('a row that %s is named by its index, and not quoted', (what, row) => {
    const rows = [...Array.from({ length: 200 }, (_, n) => ({ n })), row, { n: 2 }];
    const message = `out: row 200 of a batch (from 0) ${what}; rows have to be JSON values.`;
    expect(() => encoded(rows)).toThrow(new SinkError(message));
  });
});

describe('jsonl', () => {
  test('writes JSON Lines unchanged', async () => {
    const path = join(folder, 'out.jsonl');
    const sink = await jsonlSink(path).open(undefined, false, context);
    const line = (text: string) => sink.encodeJsonLines?.(new TextEncoder().encode(text), 1);
    await sink.append([line('{"a": 1}\n'), line('{"b":2}'), line('')].flatMap((lines) => lines ?? []));
    await sink.flush();
    await sink.publish();
    await sink.close();
    expect(await readFile(path, 'utf8')).toBe('{"a": 1}\n{"b":2}\n');
  });

  test('counts the bytes of a batch', async () => {
    const sink = await jsonlSink(join(folder, 'out.jsonl')).open(undefined, false, context);
    expect(sink.encode([{ a: 'é' }])).toMatchObject({ rows: 1, bytes: 11 });
    await sink.close();
  });

  test('refuses to read back what is not published, or was damaged', async () => {
    const path = join(folder, 'out.jsonl');
    const read = async () => {
      for await (const _ of jsonlSink(path).read(context));
    };
    await expect(read()).rejects.toThrow('nothing is published');
    await writeFile(path, '{"a":1}\n{"a"\n');
    await expect(read()).rejects.toThrow(MalformedRowError);
  });

  test('puts failed rows beside the output', () => {
    const sink = jsonlSink(join(folder, 'out.jsonl'));
    expect(sink.deadLetters?.().label).toBe(join(folder, 'out.dead-letter.jsonl'));
    expect(jsonlSink(join(folder, 'out')).deadLetters?.().label).toBe(join(folder, 'out-dead-letter.jsonl'));
  });

  test('refuses an unknown way of publishing', () => {
    expect(() => jsonlSink('x', { publish: 'copy' as 'direct' })).toThrow(InvalidOptionError);
  });
});
