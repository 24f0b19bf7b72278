/**
 * What every `CheckpointStorage` promises (see `src/checkpoint/storage.ts`); run by each of them.
 *
 * 1. A text that was written is read back as it was, by another opening of the same place too.
 * 2. The newest text and the one before it are kept, newest first.
 * 3. What is not a UUID reaches no path and no key.
 * 4. (I10) One owner at a time.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CheckpointStorage } from '../../src/checkpoint/storage.js';
import { CheckpointNotFoundError, SessionLockedError } from '../../src/errors.js';

export const SESSION = '0f8fad5b-d9cb-469f-a165-70867728950e';
export const OTHER = '7c9e6679-7425-40de-944b-e07fc1f90ae7';

/** @param open opens one and the same place, empty at the beginning of each test.
 * @param fresh empties it. */
export function storageContract(name: string, fresh: () => Promise<() => CheckpointStorage>): void {
  describe(`storage contract: ${name}`, () => {
    let open: () => CheckpointStorage;
    let storage: CheckpointStorage;
    beforeEach(async () => {
      open = await fresh();
      storage = open();
    });
    const texts = async (sessionId = SESSION, from = storage) =>
      (await from.read(sessionId))?.generations.map(({ text }) => text);

    test('an empty place has no sessions, and says so without making anything', async () => {
      expect(await storage.list()).toEqual([]);
      expect(await storage.read(SESSION)).toBeUndefined();
      await storage.remove(SESSION);
      expect(await storage.list()).toEqual([]);
    });

    test.each([
      ['one character', '0'],
      ['a text that is falsy as JSON', 'null'],
      ['accents, emoji and line ends', '{"é":"\u{1F600}\\u2028\n"}'],
      ['a checkpoint of the largest size', JSON.stringify('x'.repeat(65_000))],
    ])('%s comes back as it was', async (_, text) => {
      await storage.write(SESSION, text);
      expect(await texts()).toEqual([text]);
      expect(await texts(SESSION, open())).toEqual([text]);
      expect((await storage.read(SESSION))?.problems).toEqual([]);
    });

    test('the newest text and the one before it are kept', async () => {
      for (const text of ['1', '2', '3', '4']) await storage.write(SESSION, text);
      expect(await texts()).toEqual(['4', '3']);
      const reopened = open();
      await reopened.write(SESSION, '5');
      expect(await texts(SESSION, reopened)).toEqual(['5', '4']);
    });

    test('an empty text is refused, not silently dropped', async () => {
      await storage.write(SESSION, '1');
      await expect(storage.write(SESSION, '')).rejects.toThrow('empty');
      expect(await texts()).toEqual(['1']);
    });

    test('sessions know nothing of each other', async () => {
      await Promise.all([storage.write(SESSION, '1'), storage.write(OTHER, '2')]);
      expect([...(await storage.list())].sort()).toEqual([SESSION, OTHER].sort());
      await storage.remove(SESSION);
      expect(await storage.list()).toEqual([OTHER]);
      expect(await texts(SESSION)).toBeUndefined();
      expect(await texts(OTHER)).toEqual(['2']);
    });

    test('a session that was removed begins anew: texts and journal are gone', async () => {
      const lock = await storage.lock(SESSION, {});
      await storage.write(SESSION, '1');
      const journal = await storage.journal(SESSION, 1);
      await journal.append({ stage: 'a', batch: 0 }, [Buffer.from('paid for')]);
      await journal.close();
      await storage.remove(SESSION);
      await storage.remove(SESSION);
      await storage.write(SESSION, '2');
      expect(await texts()).toEqual(['2']);
      const next = await storage.journal(SESSION, 0);
      expect(next.keys()).toEqual([]);
      await next.close();
      await lock.release();
    });

    test.each([
      '',
      '..',
      '../../etc/passwd',
      '__proto__',
      SESSION.toUpperCase(),
      `${SESSION}/`,
      `${SESSION}\n`,
      `/${SESSION}`,
      '0f8fad5bd9cb469fa16570867728950e',
    ])('%j is not a session, for no purpose', async (id) => {
      const none = CheckpointNotFoundError;
      await expect(storage.read(id)).rejects.toThrow(none);
      await expect(storage.write(id, '1')).rejects.toThrow(none);
      await expect(storage.remove(id)).rejects.toThrow(none);
      await expect(storage.lock(id, {})).rejects.toThrow(none);
      await expect(storage.journal(id, 1)).rejects.toThrow(none);
      expect(await storage.list()).toEqual([]);
    });

    test('a session has one owner at a time (I10)', async () => {
      const first = await storage.lock(SESSION, {});
      await expect(storage.lock(SESSION, {})).rejects.toThrow(SessionLockedError);
      const other = await storage.lock(OTHER, {});
      await first.release();
      const second = await storage.lock(SESSION, {});
      await first.release();
      await expect(storage.lock(SESSION, {})).rejects.toThrow(SessionLockedError);
      await Promise.all([second.release(), other.release()]);
    });

    test('the journal keeps what was appended from opening to opening, and refuses an earlier epoch', async () => {
      const key = { stage: 'classify', batch: 3 };
      const first = await storage.journal(SESSION, 2);
      await first.append(key, [Buffer.from('ab'), Buffer.from('c')]);
      await first.close();
      const second = await storage.journal(SESSION, 3);
      expect(second.keys()).toEqual([key]);
      expect(Buffer.from((await second.read(key)) ?? []).toString()).toBe('abc');
      await second.close();
      await expect(storage.journal(SESSION, 1)).rejects.toThrow(SessionLockedError);
    });

    test('a lock or a journal alone is not a checkpoint', async () => {
      const lock = await storage.lock(SESSION, {});
      await (await storage.journal(SESSION, 1)).close();
      expect(await storage.read(SESSION)).toBeUndefined();
      await lock.release();
    });
  });
}
