/**
 * Pinned: a recording is read however its bytes are cut; what is torn, damaged or foreign neither throws nor hangs nor
 * passes for something else (I9); going anywhere costs at most the steps since the keyframe before.
 */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/platform/clock.js';
import { numberAfter } from '../../src/recording/number-after.js';
import { RecordingReader } from '../../src/recording/reader.js';
import { counting, head, keyframe, line, step } from './lines.js';
import { readerOf } from './live-run.js';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const countAt = (reader: RecordingReader, index: number) =>
  reader.frameAt(index).actors.executor?.context.count;

test('a line is there when it is whole, however the bytes are cut', () => {
  const bytes = bytesOf(counting(60, 20));
  const random = seededRandom(7);
  for (let round = 0; round < 20; round++) {
    const reader = new RecordingReader();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 300));
      reader.append(bytes.subarray(at, end));
      at = end;
      const whole = bytes.subarray(0, at).reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
      expect(reader.length).toBe(whole);
    }
    expect(countAt(reader, 59)).toBe(59);
  }
});

test('in a recording of 1,000,000 records, going anywhere folds at most the steps since a keyframe', () => {
  const reader = readerOf(counting(1_000_000, 1000));
  expect(reader.length).toBe(1_000_000);
  // Indexing has decoded the head, for the summary.
  expect(reader.decoded).toBeLessThanOrEqual(2);
  const random = seededRandom(3);
  for (let round = 0; round < 40; round++) {
    const index = 3 + Math.floor(random() * 999_997);
    const before = reader.decoded;
    expect(countAt(reader, index)).toBe(index % 1000 === 0 ? index - 1 : index);
    expect(reader.decoded - before).toBeLessThanOrEqual(1000);
  }
  reader.frameAt(500_500);
  const before = reader.decoded;
  reader.frameAt(500_501);
  expect(reader.decoded - before).toBe(1);
});

test('time leads to a record', () => {
  const reader = readerOf(counting(100, 50));
  const { from, to } = reader.summary();
  expect(to - from).toBe(99);
  expect(reader.indexAtTime(from + 40)).toBe(40);
  expect(reader.indexAtTime(from - 1)).toBe(0);
  expect(reader.indexAtTime(to + 1)).toBe(99);
});

test('a restart, a hole and an end are marked', () => {
  const reader = readerOf(
    head(0) + step(3, 3) + head(4, { resumed: true, pid: 77 }) + head(50, { resumed: true, continued: true }),
  );
  expect(reader.summary().marks).toMatchObject([
    { kind: 'restart', label: 'process 77', index: 4 },
    { kind: 'gap', index: 7 },
  ]);
  expect(reader.record(7)).toMatchObject({ type: 'begin', dropped: 43 });
  // In a head, the frame is that of its keyframe.
  for (const index of [4, 5, 6]) expect(countAt(reader, index)).toBe(0);
});

test('a damaged record is said to be one, and what follows it is uncertain until the next keyframe', () => {
  const damaged = step(4, 4).replace('"set"', '"set');
  const reader = readerOf(head(0) + step(3, 3) + damaged + step(5, 5) + keyframe(6, 6) + step(7, 7));
  expect(reader.length).toBe(8);
  expect(reader.record(4)).toMatchObject({ type: 'damaged', reason: 'not JSON' });
  expect([3, 4, 5, 6, 7].map((index) => reader.frameAt(index).isUncertain)).toEqual([
    ...[false, true, true, false, false],
  ]);
});

test.each([
  ['a key that reaches a prototype', '{"a":"executor","e":null,"f":"X","p":{"set":{"__proto__":{"x":1}}}}'],
  [
    'a patch of what is not there',
    '{"a":"executor","e":null,"f":"X","p":{"in":{"nothing":{"set":{"x":1}}}}}',
  ],
  ['a splice that is none', '{"a":"executor","e":null,"f":"X","p":{"splice":{"count":[0]}}}'],
  ['an actor that is not there', '{"a":"absent","e":null,"f":"X"}'],
  ['numbers for names', '{"a":3,"e":{"type":4},"f":[]}'],
])('%s changes nothing, and is reported', (_, fields) => {
  const reader = readerOf(head(0) + line('s', 3, JSON.parse(fields)));
  // JSON.parse made "__proto__" a key of its own, and so it stands in the line.
  const { actors, isUncertain } = reader.frameAt(3);
  expect(isUncertain).toBe(true);
  expect(actors.executor?.context).toEqual({ count: 0 });
  expect(({} as { x?: number }).x).toBeUndefined();
});

test('what is no recording has no records, and breaks nothing', () => {
  const random = seededRandom(5);
  const noise = Uint8Array.from({ length: 300_000 }, () => Math.floor(random() * 256));
  const deep = `{"k":"s","n":1,"t":1,"a":${'['.repeat(100_000)}`;
  const files = ['', '\n\n\n', '{"level":30,"msg":"pino"}\n', 'n,word\n1,one\n', `${deep}\n`, '{"k":"s"\n'];
  for (const file of files) {
    const reader = readerOf(file);
    for (let index = 0; index < reader.length; index++)
      expect(reader.frameAt(index)).toMatchObject({ actors: {}, record: { type: 'damaged' } });
    expect(reader.summary().sessionId).toBe('');
  }
  const reader = new RecordingReader();
  for (let at = 0; at < noise.length; at += 1000) reader.append(noise.subarray(at, at + 1000));
  reader.append(bytesOf(`\n${counting(10, 5)}`));
  expect(reader.length).toBe(10);
  expect(countAt(reader, 9)).toBe(9);
  expect(() => reader.record(10)).toThrow(RangeError);
  expect(() => reader.frameAt(-1)).toThrow(RangeError);
});

test('a line without an end does not fill the memory, and what follows it is read', () => {
  const reader = new RecordingReader();
  const piece = new Uint8Array(1024 * 1024).fill(65);
  for (let round = 0; round < 12; round++) reader.append(piece);
  reader.append(bytesOf(`\n${counting(10, 5)}`));
  expect(reader.length).toBe(10);
});

test('random damage never throws', () => {
  const random = seededRandom(9);
  const text = counting(40, 10);
  for (let round = 0; round < 200; round++) {
    const bytes = bytesOf(text);
    for (let hits = 0; hits < 5; hits++)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    const reader = new RecordingReader();
    reader.append(bytes);
    for (let index = 0; index < reader.length; index++) reader.frameAt(index);
    reader.find({ text: 'tick' });
    reader.summary();
  }
});

test('a continued recording is numbered from its last whole line', () => {
  expect(numberAfter('')).toBe(0);
  expect(numberAfter(head(0) + step(3, 3))).toBe(4);
  expect(numberAfter(head(0) + step(3, 3) + step(4, 4).slice(0, 30))).toBe(4);
  expect(numberAfter('{"level":30}\n')).toBe(0);
});

test('records are found by kind, actor and name', () => {
  const reader = readerOf(
    head(0) + step(3, 3) + line('V', 4, { v: { type: 'checkpoint.saved', batches: 2 } }) + step(5, 5),
  );
  const indices = (filter: Parameters<RecordingReader['find']>[0], from?: number, count?: number) =>
    reader.find(filter, from, count).map(({ index }) => index);
  expect(indices({ types: ['step'] })).toEqual([3, 5]);
  expect(indices({ text: 'saved' })).toEqual([4]);
  expect(indices({ actor: 'executor', text: 'tick' }, 4)).toEqual([5]);
  expect(indices({}, 0, 2)).toEqual([0, 1]);
  expect(reader.summary().marks).toMatchObject([{ kind: 'checkpoint', index: 4 }]);
});
