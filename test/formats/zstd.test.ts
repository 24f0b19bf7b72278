/**
 * zstd files, where Node has zstd (22.15 and later): read like their contents, over any frames, written as one frame a batch; a cut
 * file never ends silently. Elsewhere, reading and writing are refused by name.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readAt } from '../../src/formats/byte-blocks.js';
import { openContents } from '../../src/formats/compressed/compression.js';
import { CompressedError } from '../../src/formats/compressed/member.js';
import { zstdCompressor } from '../../src/formats/compressed/zstd-frame.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { csvSink } from '../../src/sinks/csv.js';
import { jsonlSink } from '../../src/sinks/jsonl.js';
import { jsonlSource } from '../../src/sources/jsonl.js';
import { sinkContract } from '../../src/testing/contracts/sink.js';
import { contextOf, sourceContract } from '../../src/testing/contracts/source.js';
import { freshFolder } from '../support/folders.js';

const context = contextOf(nodeFileSystem);
const isThere = 'zstdCompressSync' in zlib;
/** "hello" in one frame with a checksum. */
const HELLO = Buffer.from('KLUv/SQFKQAAaGVsbG+jbZ+I', 'base64');

const fileOf = async (bytes: Uint8Array): Promise<string> => {
  const path = join(freshFolder(), 'in.jsonl.zst');
  await writeFile(path, bytes);
  return path;
};
const contentsOf = async (bytes: Uint8Array, length = 10_000_000): Promise<string> => {
  const handle = await openContents(await nodeFileSystem.open(await fileOf(bytes), 'read'));
  try {
    return Buffer.from(await readAt(handle, 0, length)).toString();
  } finally {
    await handle.close();
  }
};

describe.skipIf(isThere)('without zstd', () => {
  test('reading is refused', async () => {
    const path = await fileOf(HELLO);
    await expect(jsonlSource(path).open(undefined, context)).rejects.toMatchObject({
      code: 'SOURCE',
      message: `${path}: Node ${process.versions.node} cannot read zstd. Use Node 22.15 or later, or decompress it first (unzstd).`,
    });
  });

  test('writing is refused, before a file is made', async () => {
    const path = join(freshFolder(), 'out.jsonl.zst');
    await expect(jsonlSink(path).open(undefined, false, context)).rejects.toMatchObject({
      code: 'SINK',
      message: `${path}: Node ${process.versions.node} cannot write zstd. Use Node 22.15 or later, or give it a name that ends in .gz.`,
    });
    expect(await nodeFileSystem.stat(`${path}.part`)).toBeUndefined();
  });
});

describe.runIf(isThere)('with zstd', () => {
  const compress = isThere ? zstdCompressor() : () => Buffer.alloc(0);
  const text = Array.from({ length: 30_000 }, (_, n) => `row ${n} ${(n * 7919) % 1000}\n`).join('');

  test('frames, frames that are skipped, and long frames of many blocks are read', async () => {
    const skipped = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    expect(await contentsOf(HELLO)).toBe('hello');
    const parts = [compress(Buffer.from(text)), skipped, HELLO, compress(Buffer.from(text)), HELLO];
    expect(await contentsOf(Buffer.concat(parts))).toBe(`${text}hello${text}hello`);
    const zeros = Buffer.alloc(1_000_000);
    expect(await contentsOf(Buffer.concat([skipped, compress(zeros)]))).toBe(zeros.toString());
  });

  test('a file that is cut off at any byte is an error', async () => {
    const whole = Buffer.concat([HELLO, compress(Buffer.from('second\n'))]);
    for (let length = 4; length < whole.length; length++) {
      if (length === HELLO.length) continue;
      await expect(contentsOf(whole.subarray(0, length), 100), `cut at ${length}`).rejects.toThrow(
        'the zstd file is cut off. Copy it again',
      );
    }
    const long = compress(Buffer.from(text));
    await expect(contentsOf(long.subarray(0, -1000))).rejects.toThrow('the zstd file is cut off');
  });

  test('a changed byte is an error, and so is anything after the last frame', async () => {
    const whole = compress(Buffer.from(text));
    for (const at of [30, 1000, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0xff;
      await expect(contentsOf(damaged), `byte ${at}`).rejects.toThrow(CompressedError);
    }
    await expect(contentsOf(Buffer.concat([HELLO, Buffer.from('garbage')]))).rejects.toThrow(
      `bytes that are not zstd follow at offset ${HELLO.length}. Remove them`,
    );
  });

  if (!isThere) return;
  const ROWS = Array.from({ length: 30 }, (_, n) => ({ n, text: 'x'.repeat(n) }));
  sourceContract(
    'jsonl.zst',
    async () => {
      const path = await fileOf(
        Buffer.concat(ROWS.map((row) => compress(Buffer.from(`${JSON.stringify(row)}\n`)))),
      );
      return {
        source: () => jsonlSource(path),
        rows: ROWS,
        fileSystem: nodeFileSystem,
        shorter: async () => {
          await writeFile(path, compress(Buffer.from('{"n":0}\n')));
          return jsonlSource(path);
        },
      };
    },
    { describe, it: test },
  );
  for (const kind of ['jsonl', 'csv'] as const)
    sinkContract(
      `${kind}.zst`,
      async () => {
        const folder = freshFolder();
        const path = join(folder, `out.${kind}.zst`);
        const readBack = kind === 'jsonl' ? ROWS : ROWS.map(({ n, text }) => ({ n: String(n), text }));
        return {
          sink: (kind === 'jsonl' ? jsonlSink(path) : csvSink(path)) as ReturnType<typeof jsonlSink>,
          fileSystem: nodeFileSystem,
          rows: ROWS,
          readBack,
          sideBySide: true,
          loseUnpublished: () => rm(`${path}.part`),
          target: async () => {
            if ((await nodeFileSystem.stat(path)) === undefined) return undefined;
            return contentsOf(await nodeFileSystem.readFile(path, 1_000_000));
          },
        };
      },
      { describe, it: test },
    );
});
