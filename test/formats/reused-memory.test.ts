/**
 * Memory of encoded text (I7: what is written is what was encoded): bytes stay unchanged until they are given back, whatever is
 * encoded meanwhile; memory is used again afterwards; nothing is written after it was given back.
 */
import { expect, test } from 'vitest';
import { ReusedMemory } from '../../src/formats/reused-memory.js';
import { seededRandom } from '../../src/platform/clock.js';
import { jsonlSink } from '../../src/sinks/jsonl.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { SEED } from '../support/seed.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test(`bytes stay unchanged until they are given back, in any order (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const memory = new ReusedMemory();
  const held: { readonly bytes: Uint8Array; readonly is: string }[] = [];
  for (let i = 0; i < 2_000; i++) {
    const character = random() < 0.1 ? 'é' : String.fromCharCode(97 + (i % 26));
    const is = character.repeat(1 + Math.floor(random() ** 3 * 300_000 * (random() < 0.02 ? 3 : 0.3)));
    const bytes = memory.encode(is);
    memory.lend(bytes);
    held.push({ bytes, is });
    while (held.length > 0 && random() < held.length / 40) {
      const [piece] = held.splice(Math.floor(random() * held.length), 1);
      expect(piece === undefined || text(piece.bytes) === piece.is).toBe(true);
      memory.giveBack([piece?.bytes ?? new Uint8Array()]);
    }
  }
  for (const { bytes, is } of held) expect(text(bytes) === is).toBe(true);
});

test('memory is used again', () => {
  const memory = new ReusedMemory();
  const blocks = new Set<ArrayBufferLike>();
  for (let i = 0; i < 100; i++) {
    const pieces = ['a', 'b', 'c', 'd'].map((one) => memory.encode(one.repeat(80_000)).subarray(1));
    for (const piece of pieces) {
      memory.lend(piece);
      blocks.add(piece.buffer);
    }
    memory.giveBack(pieces);
  }
  expect(blocks.size).toBeLessThan(4);
});

test('texts that are encoded together do not overwrite one another before they are lent', () => {
  const memory = new ReusedMemory();
  const pieces = ['a', 'b', 'c', 'd', 'e'].map((one) => memory.encode(one.repeat(100_000)));
  expect(pieces.map((piece) => text(piece.subarray(0, 1)) + text(piece.subarray(-1)))).toEqual(
    ['a', 'b', 'c', 'd', 'e'].map((one) => one + one),
  );
});

test('a sink refuses encoded rows that were appended before: their memory may hold others', async () => {
  const fileSystem = new SimulatedDisk();
  const sink = await jsonlSink('/out.jsonl').open(undefined, false, {
    ...{ fileSystem, sessionId: 'a', clock: { now: () => 0, monotonic: () => 0, setTimer: () => () => {} } },
  });
  const rows = sink.encode([{ n: 1 }]);
  await sink.append([rows, sink.encode([{ n: 2 }])]);
  await expect(sink.append([rows])).rejects.toThrow('appended twice');
  await sink.append([sink.encode([{ n: 3 }])]);
  await sink.flush();
  await sink.publish();
  expect(fileSystem.text('/out.jsonl')).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  await sink.close();
});
