/**
 * A gzip file reads like its contents: at any position, over any members. A cut file never ends silently.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAt } from '../../src/formats/byte-blocks.js';
import { CompressedHandle } from '../../src/formats/compressed/compressed-handle.js';
import { gzip } from '../../src/formats/compressed/gzip-member.js';
import { CompressedError } from '../../src/formats/compressed/member.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { freshFolder } from '../support/folders.js';

async function open(bytes: Uint8Array): Promise<CompressedHandle> {
  const path = join(freshFolder(), 'file.gz');
  await writeFile(path, bytes);
  return new CompressedHandle(await nodeFileSystem.open(path, 'read'), gzip);
}

const CONTENTS = Buffer.from(Array.from({ length: 3_000 }, (_, n) => `row ${n} 🚲\n`).join(''));

test('any reads at any positions give the bytes of the contents', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(CONTENTS.length), { maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(CONTENTS.length + 10), fc.integer({ min: 1, max: 9_000 })), { maxLength: 12 }),
      async (cuts, reads) => {
        const borders = [0, ...cuts.toSorted((a, b) => a - b), CONTENTS.length];
        const members = borders.slice(1).map((end, i) => gzipSync(CONTENTS.subarray(borders[i], end)));
        const handle = await open(Buffer.concat(members));
        for (const [from, length] of reads)
          expect(
            Buffer.from(await readAt(handle, from, length)).equals(CONTENTS.subarray(from, from + length)),
          ).toBe(true);
        await handle.close();
      },
    ),
    { numRuns: 40 },
  );
});

test('a later opening begins at the last member before the position', async () => {
  const members = [0, 1, 2].map((n) => gzipSync(`contents of ${n}\n`));
  const bytes = Buffer.concat(members);
  const first = await open(bytes);
  await readAt(first, 0, 1_000);
  const member = first.memberBefore(20);
  expect(member).toEqual([members[0]?.length, 14]);
  await first.close();
  const damaged = Buffer.from(bytes);
  damaged.fill(0, 0, 20);
  const second = await open(damaged);
  second.addMember(member);
  expect(Buffer.from(await readAt(second, 28, 100)).toString()).toBe('contents of 2\n');
  await second.close();
});

test('a header with a name, a comment and extra fields is passed over', async () => {
  const plain = gzipSync('text');
  const header = Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 0, 0, 0, 0, 0, 3, 2, 0, 1, 1]);
  const named = Buffer.concat([header, Buffer.from('name\0comment\0\0\0'), plain.subarray(10)]);
  const handle = await open(named);
  expect(Buffer.from(await readAt(handle, 0, 10)).toString()).toBe('text');
  await handle.close();
});

test('a file that is cut off at any byte is an error', async () => {
  const whole = Buffer.concat([gzipSync('first\n'), gzipSync('second\n')]);
  const border = gzipSync('first\n').length;
  for (let length = 0; length < whole.length; length++) {
    if (length === border) continue;
    const handle = await open(whole.subarray(0, length));
    await expect(readAt(handle, 0, 100), `cut at ${length}`).rejects.toThrow(CompressedError);
    await handle.close();
  }
});

test('a changed byte of the data is an error, and so is anything after the last member', async () => {
  const whole = gzipSync(CONTENTS);
  for (const at of [12, 100, whole.length - 12, whole.length - 6, whole.length - 1]) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] as number) ^ 0xff;
    const handle = await open(damaged);
    await expect(readAt(handle, 0, 1_000_000), `byte ${at}`).rejects.toThrow(CompressedError);
    await handle.close();
  }
  const trailed = await open(Buffer.concat([gzipSync('text'), Buffer.from('garbage')]));
  await expect(readAt(trailed, 0, 100)).rejects.toThrow('bytes that are not gzip follow at offset');
  await trailed.close();
});
