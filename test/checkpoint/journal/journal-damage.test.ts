/**
 * A journal that was cut, flipped, torn or forged (I8, I9): opening it returns exactly the whole records before the damage, or
 * reports corruption. Never a wrong payload, a hang or a huge allocation.
 *
 * An interrupted write leaves a torn tail, which was never acknowledged. Damage before later records is corruption, and so is
 * any damage in a segment with a successor.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { openFileJournal } from '../../../src/checkpoint/journal/file-journal.js';
import type { JournalKey } from '../../../src/checkpoint/journal/journal.js';
import { segmentSeed, writeRecordHeader } from '../../../src/checkpoint/journal/journal-format.js';
import { seededRandom } from '../../../src/platform/clock.js';
import { SEED } from '../../support/seed.js';
import { filesInMemory } from '../storages/files-in-memory.js';

const SESSION = '0e4cf1d2-5f0e-4c8e-9b6e-0d8c8a1f2b3c';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Thousands of openings: files in memory, by path. */
let files = new Map<string, Buffer>();
let made = 0;
const freshDirectory = () => `/session-${++made}`;

const open = (directory: string, epoch = 9, segmentBytes = 8 * 1024 * 1024) =>
  openFileJournal({ fileSystem: filesInMemory(files), directory, sessionId: SESSION, epoch, segmentBytes });
const fileIn = (directory: string, number = 1) =>
  `${directory}/journal/${String(number).padStart(8, '0')}.log`;
const contentsOf = (directory: string) => Buffer.from(files.get(fileIn(directory)) ?? []);
const plant = (directory: string, contents: Uint8Array) =>
  files.set(fileIn(directory), Buffer.from(contents));

interface Written {
  readonly key: JournalKey;
  readonly payload: string;
  /** Length of the segment with its group. */
  groupEnd: number;
}

/** Appends groups, each in one commit. */
async function write(
  directory: string,
  groups: readonly (readonly [JournalKey, string][])[],
): Promise<Written[]> {
  const journal = await open(directory, 1);
  const written: Written[] = [];
  for (const group of groups) {
    await Promise.all(group.map(([key, payload]) => journal.append(key, [bytes(payload)])));
    for (const [key, payload] of group) written.push({ key, payload, groupEnd: journal.size });
  }
  await journal.close();
  return written;
}

const GROUPS: [JournalKey, string][][] = [
  [
    [{ stage: 'classify', batch: 0 }, '{"a":1}\n'],
    [{ stage: 'classify', batch: 1 }, ''],
  ],
  [[{ stage: 'b', batch: 0 }, 'a payload with xRec in it, xRec\0\0']],
  [
    [{ stage: 'classify', batch: 2 }, '{"a":3}\n{"a":4}\n'],
    [{ stage: 'classify', batch: 3 }, '{"a":5}\n'],
    [{ stage: 'b', batch: 1 }, 'last'],
  ],
];

/** Opens a copy of a segment and says what became of it. */
async function recover(contents: Uint8Array): Promise<[JournalKey, string][] | 'corrupt'> {
  const directory = freshDirectory();
  plant(directory, contents);
  try {
    const journal = await open(directory).catch((error) => {
      expect(error).toMatchObject({ code: 'CORRUPT_JOURNAL' });
      return undefined;
    });
    if (journal === undefined) {
      expect(contentsOf(directory)).toEqual(Buffer.from(contents));
      return 'corrupt';
    }
    const records: [JournalKey, string][] = [];
    for (const key of journal.keys())
      records.push([key, Buffer.from((await journal.read(key)) ?? []).toString()]);
    // Appending continues behind the cut, and the next opening finds every record.
    await journal.append({ stage: 'next', batch: 99 }, [bytes('after')]);
    await journal.close();
    const again = await open(directory);
    expect(again.keys()).toEqual([...records.map(([key]) => key), { stage: 'next', batch: 99 }]);
    await again.close();
    return records;
  } finally {
    files = new Map([...files].filter(([path]) => !path.startsWith(`${directory}/`)));
  }
}

describe('every byte of a small journal', () => {
  let original: Buffer;
  let written: Written[];
  beforeAll(async () => {
    const directory = freshDirectory();
    written = await write(directory, GROUPS);
    original = contentsOf(directory);
  });
  const upTo = (count: number) => written.slice(0, count).map(({ key, payload }) => [key, payload]);

  test('cut there: exactly the whole records before it', async () => {
    let records = 0;
    for (let length = 0; length <= original.length; length++) {
      const found = await recover(original.subarray(0, length));
      expect(found).not.toBe('corrupt');
      expect(found.length, `cut at ${length}`).toBeGreaterThanOrEqual(records);
      expect(found, `cut at ${length}`).toEqual(upTo(found.length));
      for (const record of written.slice(found.length)) expect(record.groupEnd).toBeGreaterThan(length);
      records = found.length;
    }
    expect(records).toBe(written.length);
  });

  for (const [how, flip] of [
    ['inverted', (byte: number) => byte ^ 0xff],
    ['its lowest bit flipped', (byte: number) => byte ^ 1],
    ['zeroed', () => 0],
  ] as const) {
    test(`${how}: corrupt where a later group proves it was durable, else cut before it`, async () => {
      const lastGroup = Math.max(
        ...written.map(({ groupEnd }) => groupEnd).filter((end) => end < original.length),
      );
      for (let at = 0; at < original.length; at++) {
        const contents = Buffer.from(original);
        contents[at] = flip(contents[at] as number);
        if (contents.equals(original)) continue;
        const found = await recover(contents);
        if (at < lastGroup) expect(found, `byte ${at}`).toBe('corrupt');
        else {
          expect(found, `byte ${at}`).toEqual(upTo(found.length));
          expect(found.length).toBeGreaterThanOrEqual(3);
          expect(found.length).toBeLessThan(written.length);
        }
      }
    });
  }

  test('in a segment that has a successor: any damage is corruption, and says where', async () => {
    const directory = freshDirectory();
    await write(directory, GROUPS);
    const second = await open(directory, 2);
    await second.append({ stage: 'b', batch: 2 }, [bytes('in the second')]);
    await second.close();
    for (let at = 0; at < original.length; at += 7) {
      const contents = Buffer.from(original);
      contents[at] = ~(contents[at] as number) & 0xff;
      for (const damaged of [contents, original.subarray(0, at)]) {
        plant(directory, damaged);
        await expect(open(directory), `byte ${at}`).rejects.toMatchObject({
          code: 'CORRUPT_JOURNAL',
          message: expect.stringMatching(/00000001\.log.* damaged at byte \d+/),
        });
      }
    }
    // At the end of a record nothing is damaged: only the successor knows that there was more.
    for (const end of new Set(written.map(({ groupEnd }) => groupEnd))) {
      if (end === original.length) continue;
      plant(directory, original.subarray(0, end));
      await expect(open(directory)).rejects.toMatchObject({
        code: 'CORRUPT_JOURNAL',
        message: expect.stringContaining(`had ${original.length} bytes`),
      });
    }
    plant(directory, original);
    const intact = await open(directory);
    expect(intact.keys()).toHaveLength(7);
    await intact.close();
  });

  test('the error names what is lost', async () => {
    const contents = Buffer.from(original);
    const at = contents.indexOf('{"a":1}');
    contents[at] = 0;
    const directory = freshDirectory();
    plant(directory, contents);
    const { message } = await open(directory).then(
      () => new Error('opened'),
      (error) => error,
    );
    expect(message).toContain('batch 0 of stage "classify"');
    expect(message).toContain('batch 3 of stage "classify"');
    expect(message).toContain('batch 1 of stage "b"');
    expect(message).not.toContain('"a"');
    expect(message.split('\n')).toHaveLength(1);
  });

  test('random damage of several bytes never gives a wrong payload', async () => {
    const random = seededRandom(SEED);
    const upTo256 = () => Math.floor(random() * 256);
    for (let round = 0; round < 300; round++) {
      const contents = Buffer.from(original);
      const from = Math.floor(random() * contents.length);
      const length = 1 + Math.floor(random() * 60);
      for (let i = from; i < Math.min(contents.length, from + length); i++) contents[i] = upTo256();
      const found = await recover(contents);
      if (found !== 'corrupt') expect(found, `seed ${SEED}, round ${round}`).toEqual(upTo(found.length));
    }
  });
});

describe('what power loss leaves', () => {
  test('a hole in the last group, with whole records behind it, is a torn tail', async () => {
    const directory = freshDirectory();
    const group = Array.from({ length: 5 }, (_, i): [JournalKey, string] => [
      { stage: 's', batch: i + 1 },
      `payload ${i}`.repeat(50),
    ]);
    await write(directory, [[[{ stage: 's', batch: 0 }, 'durable']], group]);
    const contents = contentsOf(directory);
    contents.fill(0, contents.indexOf('payload 1'), contents.indexOf('payload 2'));
    const found = await recover(contents);
    expect(found).not.toBe('corrupt');
    expect(found).toHaveLength(2);
  });

  test('a length that was persisted before the bytes: zeros at the end are cut', async () => {
    const directory = freshDirectory();
    await write(directory, GROUPS);
    const contents = contentsOf(directory);
    expect(await recover(Buffer.concat([contents, Buffer.alloc(5000)]))).toHaveLength(6);
    expect(await recover(Buffer.alloc(100_000))).toEqual([]);
    expect(await recover(Buffer.alloc(0))).toEqual([]);
  });

  test('the cut is on the disk when the journal is open', async () => {
    const directory = freshDirectory();
    await write(directory, GROUPS);
    const contents = contentsOf(directory);
    plant(directory, Buffer.concat([contents, bytes('xRec torn')]));
    const journal = await open(directory);
    expect(contentsOf(directory).length).toBe(contents.length);
    expect(journal.size).toBe(contents.length);
    await journal.close();
  });
});

describe('forgeries', () => {
  test('journal bytes inside a payload are not taken for records', async () => {
    const directory = freshDirectory();
    await write(directory, GROUPS);
    const inner = contentsOf(directory);
    const outer = freshDirectory();
    const journal = await open(outer, 1);
    await journal.append({ stage: 's', batch: 0 }, [inner]);
    await journal.close();
    const contents = contentsOf(outer);
    expect(await recover(contents)).toHaveLength(1);
    // Torn in front of them: still a torn tail.
    const at = contents.indexOf('xRec') + 20;
    contents[at] = (contents[at] as number) ^ 1;
    expect(await recover(contents)).toEqual([]);
  });

  test('a verified header that claims a gigabyte allocates nothing', async () => {
    const directory = freshDirectory();
    await write(directory, GROUPS);
    const contents = contentsOf(directory);
    const claim = Buffer.alloc(41);
    const stage = bytes('s');
    const record = {
      stage,
      batch: 50,
      call: undefined,
      epoch: 1,
      payloadBytes: 2 ** 30,
      payloadCrc: 0,
    };
    const place = { seed: segmentSeed(SESSION, 1), offset: contents.length, durable: contents.length };
    writeRecordHeader(claim, 0, record, place);
    const before = process.memoryUsage().arrayBuffers;
    expect(await recover(Buffer.concat([contents, claim]))).toHaveLength(6);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  test('a segment full of false beginnings is read in bounded time', async () => {
    const magic = Buffer.from('xRec');
    const lengths = Buffer.alloc(16, 0xff);
    lengths.writeUInt16LE(1024, 12);
    lengths.writeUInt16LE(256, 14);
    const dense = Buffer.alloc(1024 * 1024, magic);
    const spread = Buffer.alloc(1024 * 1024, Buffer.concat([magic, lengths]));
    expect(await recover(dense)).toEqual([]);
    expect(await recover(spread)).toEqual([]);
  });

  test('damage after opening is found when the record is read', async () => {
    const directory = freshDirectory();
    const [first] = await write(directory, GROUPS);
    const journal = await open(directory);
    const contents = contentsOf(directory);
    const at = contents.indexOf('{"a":1}');
    contents[at] = (contents[at] as number) ^ 1;
    plant(directory, contents);
    await expect(journal.read((first as Written).key)).rejects.toMatchObject({ code: 'CORRUPT_JOURNAL' });
    await journal.close();
  });
});
