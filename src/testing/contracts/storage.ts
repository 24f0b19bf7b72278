/**
 * What every `CheckpointStorage` promises (see `src/checkpoint/storage.ts`); run by each of them, and by yours.
 *
 * 1. A text that was written is read back as it was, by another opening of the same place too.
 * 2. The newest text and the one before it are kept, newest first.
 * 3. What is not a UUID reaches no path and no key.
 * 4. (I10) One owner at a time.
 */
import type { CheckpointStorage } from '../../checkpoint/storage.js';
import { is, refuses, same } from './check.js';
import { runnerOf, type TestRunner } from './runner.js';

const SESSION = '0f8fad5b-d9cb-469f-a165-70867728950e';
const OTHER = '7c9e6679-7425-40de-944b-e07fc1f90ae7';

/** Declares the tests of a storage.
 * @param fresh called anew in every test: empties a place, and gives what opens it, again and again.
 * @param runner `{ describe, it }` of your test runner. Default: its globals.
 * @example
 * storageContract('my storage', async () => () => myStorage(), { describe, it });
 */
export function storageContract(
  name: string,
  fresh: () => Promise<() => CheckpointStorage>,
  runner?: TestRunner,
): void {
  const { describe, it: declare } = runnerOf(runner);
  describe(`storage contract: ${name}`, () => {
    let open: () => CheckpointStorage;
    let storage: CheckpointStorage;
    const it = (what: string, body: () => Promise<void>) =>
      declare(what, async () => {
        open = await fresh();
        storage = open();
        await body();
      });
    const texts = async (sessionId = SESSION, from = storage) =>
      (await from.read(sessionId))?.generations.map(({ text }) => text);

    it('an empty place has no sessions, and says so without making anything', async () => {
      same(await storage.list(), []);
      is(await storage.read(SESSION), undefined);
      await storage.remove(SESSION);
      same(await storage.list(), []);
    });

    for (const [what, text] of [
      ['one character', '0'],
      ['a text that is falsy as JSON', 'null'],
      ['accents, emoji and line ends', '{"é":"\u{1F600}\\u2028\n"}'],
      ['a checkpoint of the largest size', JSON.stringify('x'.repeat(65_000))],
    ] as const) {
      it(`${what} comes back as it was`, async () => {
        await storage.write(SESSION, text);
        same(await texts(), [text]);
        same(await texts(SESSION, open()), [text]);
        same((await storage.read(SESSION))?.problems, []);
      });
    }

    it('the newest text and the one before it are kept', async () => {
      for (const text of ['1', '2', '3', '4']) await storage.write(SESSION, text);
      same(await texts(), ['4', '3']);
      const reopened = open();
      await reopened.write(SESSION, '5');
      same(await texts(SESSION, reopened), ['5', '4']);
    });

    it('an empty text is refused, not silently dropped', async () => {
      await storage.write(SESSION, '1');
      await refuses(storage.write(SESSION, ''), 'CHECKPOINT_WRITE');
      same(await texts(), ['1']);
    });

    it('sessions know nothing of each other', async () => {
      await Promise.all([storage.write(SESSION, '1'), storage.write(OTHER, '2')]);
      same([...(await storage.list())].sort(), [SESSION, OTHER].sort());
      await storage.remove(SESSION);
      same(await storage.list(), [OTHER]);
      is(await texts(SESSION), undefined);
      same(await texts(OTHER), ['2']);
    });

    it('a session that was removed begins anew: texts and journal are gone', async () => {
      const lock = await storage.lock(SESSION, {});
      await storage.write(SESSION, '1');
      const journal = await storage.journal(SESSION, 1);
      await journal.append({ stage: 'a', batch: 0 }, [Buffer.from('paid for')]);
      await journal.close();
      await storage.remove(SESSION);
      await storage.remove(SESSION);
      await storage.write(SESSION, '2');
      same(await texts(), ['2']);
      const next = await storage.journal(SESSION, 0);
      same(next.keys(), []);
      await next.close();
      await lock.release();
    });

    for (const id of [
      '',
      '..',
      '../../etc/passwd',
      '__proto__',
      SESSION.toUpperCase(),
      `${SESSION}/`,
      `${SESSION}\n`,
      `/${SESSION}`,
      '0f8fad5bd9cb469fa16570867728950e',
    ]) {
      it(`${JSON.stringify(id)} is not a session, for no purpose`, async () => {
        await refuses(storage.read(id), 'CHECKPOINT_NOT_FOUND');
        await refuses(storage.write(id, '1'), 'CHECKPOINT_NOT_FOUND');
        await refuses(storage.remove(id), 'CHECKPOINT_NOT_FOUND');
        await refuses(storage.lock(id, {}), 'CHECKPOINT_NOT_FOUND');
        await refuses(storage.journal(id, 1), 'CHECKPOINT_NOT_FOUND');
        same(await storage.list(), []);
      });
    }

    it('a session has one owner at a time (I10)', async () => {
      const first = await storage.lock(SESSION, {});
      await refuses(storage.lock(SESSION, {}), 'SESSION_LOCKED');
      const other = await storage.lock(OTHER, {});
      await first.release();
      const second = await storage.lock(SESSION, {});
      await first.release();
      await refuses(storage.lock(SESSION, {}), 'SESSION_LOCKED');
      await Promise.all([second.release(), other.release()]);
    });

    it('the journal keeps what was appended from opening to opening, and refuses an earlier epoch', async () => {
      const key = { stage: 'classify', batch: 3 };
      const first = await storage.journal(SESSION, 2);
      await first.append(key, [Buffer.from('ab'), Buffer.from('c')]);
      await first.close();
      const second = await storage.journal(SESSION, 3);
      same(second.keys(), [key]);
      is(Buffer.from((await second.read(key)) ?? []).toString(), 'abc');
      await second.close();
      await refuses(storage.journal(SESSION, 1), 'SESSION_LOCKED');
    });

    it('a lock or a journal alone is not a checkpoint', async () => {
      const lock = await storage.lock(SESSION, {});
      await (await storage.journal(SESSION, 1)).close();
      is(await storage.read(SESSION), undefined);
      await lock.release();
    });
  });
}
