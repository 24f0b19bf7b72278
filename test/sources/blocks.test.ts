/**
 * A file is read in blocks:
 * - leased bytes stay unchanged, however many blocks are read meanwhile (I13);
 * - the memory of released batches is reused.
 */
import { expect, test } from 'vitest';
import { RecordReader } from '../../src/formats/record-reader.js';
import { LineScanner } from '../../src/formats/record-scanner.js';
import type { Records } from '../../src/formats/records.js';
import { seededRandom } from '../../src/platform/clock.js';
import type { FileHandle } from '../../src/platform/file-system.js';
import { SEED } from '../support/seed.js';

/** A file in memory that notes which memory it was read into. */
function fileOf(text: string) {
  const bytes = Buffer.from(text);
  const memories = new Set<ArrayBufferLike>();
  const read = async (buffer: Uint8Array, length: number, position: number) => {
    memories.add(buffer.buffer);
    const part = bytes.subarray(position, position + length);
    buffer.set(part);
    return part.length;
  };
  return { handle: { read } as unknown as FileHandle, memories };
}

function readerOf(handle: FileHandle, blockBytes: number): RecordReader {
  const options = { path: 'a', makeScanner: () => new LineScanner(), maxRecordBytes: 10_000, blockBytes };
  return new RecordReader(handle, { bytes: 0, rows: 0, lines: 0 }, options);
}

function textsOf(records: Records): (string | undefined)[] {
  const texts: (string | undefined)[] = [];
  records.forEachText((text) => texts.push(text));
  return texts;
}

test('leased bytes stay unchanged; released memory may be reused', async () => {
  const random = seededRandom(SEED);
  const below = (n: number) => Math.floor(random() * n);
  for (let round = 0; round < 100; round++) {
    const lines = Array.from({ length: 300 }, (_, n) =>
      `${n}`.padEnd(1 + below(round % 3 === 0 ? 90 : 12), 'é'),
    );
    const reader = readerOf(fileOf(lines.join('\n')).handle, 8 + below(60));
    const held: { readonly records: Records; readonly first: number }[] = [];
    const check = () => {
      const [{ records, first }] = held.splice(below(held.length), 1) as [(typeof held)[0]];
      const expected = lines.slice(first, first + records.size);
      expect(textsOf(records), `seed ${SEED}, round ${round}`).toEqual(expected);
      records.release();
      records.release();
    };
    let first = 0;
    for (;;) {
      const records = await reader.read(1 + below(9), 1 + below(100));
      if (records === undefined) break;
      held.push({ records, first });
      first += records.size;
      while (held.length > below(6)) check();
    }
    while (held.length > 0) check();
    expect(first).toBe(300);
  }
});

test('the memory of released batches is reused', async () => {
  const { handle, memories } = fileOf('{"n":1}\n'.repeat(2_000));
  const reader = readerOf(handle, 80);
  for (let records = await reader.read(10, 80); records; records = await reader.read(10, 80))
    records.release();
  expect(memories.size).toBeLessThanOrEqual(4);
});
