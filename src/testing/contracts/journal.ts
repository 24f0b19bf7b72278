/**
 * What every journal promises, run against each implementation, yours too.
 *
 * 1. (I8) What `append` resolved is read back byte for byte, by this opener and by later ones.
 * 2. The first record of a key that an opener appends counts.
 * 3. (I10) A record of a later epoch means another owner.
 * 4. `trim` takes what is below the watermark and nothing else; the size follows what is kept.
 */
import type { Journal, JournalKey } from '../../checkpoint/journal/journal.js';
import { is, ok, refuses, same } from './check.js';
import { runnerOf, type TestRunner } from './runner.js';

/** One place that journals are opened at. */
export interface JournalHome {
  /** Opens the same journal again and again. */
  open(epoch: number): Promise<Journal>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array | undefined): string | undefined =>
  payload === undefined ? undefined : new TextDecoder().decode(payload);
const sorted = (keys: readonly JournalKey[]): string[] =>
  keys.map(({ stage, batch }) => `${batch} ${stage}`).sort();

/** Declares the tests of a journal.
 * @param makeHome called anew in every test; each gives an empty place.
 * @param runner `{ describe, it }` of your test runner. Default: its globals.
 * @example
 * journalContract('my journal', async () => ({ open: (epoch) => myJournal(epoch) }), { describe, it });
 */
export function journalContract(
  name: string,
  makeHome: () => Promise<JournalHome>,
  runner?: TestRunner,
): void {
  const { describe, it } = runnerOf(runner);
  describe(`${name} keeps the contract of a journal`, () => {
    it('a new journal is empty', async () => {
      const journal = await (await makeHome()).open(1);
      same(journal.keys(), []);
      is(journal.size, 0);
      is(await journal.read({ stage: 'a', batch: 0 }), undefined);
      await journal.close();
    });

    it('what was appended is read back, by key, before and after reopening', async () => {
      const home = await makeHome();
      const first = await home.open(1);
      await first.append({ stage: 'a', batch: 0 }, [bytes('{"x":1}\n'), bytes('{"x":2}\n')]);
      await first.append({ stage: 'b', batch: 0 }, [bytes('other stage')]);
      await first.append({ stage: 'naïve ☃', batch: 2 ** 40 }, []);
      const expectAll = async (journal: Journal) => {
        is(text(await journal.read({ stage: 'a', batch: 0 })), '{"x":1}\n{"x":2}\n');
        is(text(await journal.read({ stage: 'b', batch: 0 })), 'other stage');
        is(text(await journal.read({ stage: 'naïve ☃', batch: 2 ** 40 })), '');
        is(await journal.read({ stage: 'a', batch: 1 }), undefined);
        same(sorted(journal.keys()), ['0 a', '0 b', `${2 ** 40} naïve ☃`]);
      };
      await expectAll(first);
      await first.close();
      const second = await home.open(2);
      await expectAll(second);
      await second.close();
    });

    it('the records of calls stand beside that of their batch, and are trimmed with it', async () => {
      const home = await makeHome();
      const first = await home.open(1);
      const calls = [undefined, 0, 1, 2 ** 16, 2 ** 32 - 2];
      for (const call of calls)
        await first.append({ stage: 's', batch: 3, ...(call === undefined ? {} : { call }) }, [
          bytes(`${call}`),
        ]);
      await first.close();
      const second = await home.open(2);
      for (const call of calls) {
        const key = { stage: 's', batch: 3, ...(call === undefined ? {} : { call }) };
        is(text(await second.read(key)), `${call}`);
        is(second.keys().filter((one) => one.call === call).length, 1);
      }
      is(await second.read({ stage: 's', batch: 3, call: 2 }), undefined);
      await second.trim(4);
      same(second.keys(), []);
      await second.close();
    });

    it('an empty piece at the end takes nothing away: the output of a stage may have no rows', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      const pieces = [bytes('facts\n'), bytes('')];
      await journal.append({ stage: 's', batch: 0 }, pieces);
      await journal.close();
      const again = await home.open(1);
      is(text(await again.read({ stage: 's', batch: 0 })), 'facts\n');
      await again.close();
    });

    it('any bytes and sizes survive', async () => {
      const home = await makeHome();
      const payloads = [0, 1, 255, 32_768, 32_769, 300_000].map((length) =>
        Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255),
      );
      const journal = await home.open(1);
      await Promise.all(payloads.map((payload, batch) => journal.append({ stage: 's', batch }, [payload])));
      await journal.close();
      const again = await home.open(1);
      for (const [batch, payload] of payloads.entries()) {
        const read = await again.read({ stage: 's', batch });
        is(Buffer.compare(read ?? bytes('nothing was read'), payload), 0);
      }
      await again.close();
    });

    it('of one opener the first record of a key counts, at once and in one group; a later opener replaces it', async () => {
      const home = await makeHome();
      const key = { stage: 's', batch: 4 };
      const first = await home.open(1);
      await Promise.all([first.append(key, [bytes('first')]), first.append(key, [bytes('second')])]);
      await first.append(key, [bytes('third')]);
      is(text(await first.read(key)), 'first');
      await first.close();
      const second = await home.open(2);
      is(text(await second.read(key)), 'first');
      await second.append(key, [bytes('fourth')]);
      await second.append(key, [bytes('fifth')]);
      is(text(await second.read(key)), 'fourth');
      is(second.keys().length, 1);
      await second.close();
      const third = await home.open(3);
      is(text(await third.read(key)), 'fourth');
      is(third.keys().length, 1);
      await third.close();
    });

    it('a key that the caller changes afterwards is still what it was', async () => {
      const journal = await (await makeHome()).open(1);
      const key = { stage: 's', batch: 1 };
      const done = journal.append(key, [bytes('one')]);
      key.batch = 2;
      await done;
      is(text(await journal.read({ stage: 's', batch: 1 })), 'one');
      await journal.close();
    });

    it('a record of a later epoch is refused (I10)', async () => {
      const home = await makeHome();
      const owner = await home.open(7);
      await owner.append({ stage: 's', batch: 0 }, [bytes('of epoch 7')]);
      await owner.close();
      await refuses(home.open(6), 'SESSION_LOCKED');
      const same = await home.open(7);
      is(same.keys().length, 1);
      await same.close();
    });

    it('trim takes what is below, and only that', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      for (let batch = 0; batch < 10; batch++)
        await journal.append({ stage: 's', batch }, [bytes(`b${batch}`)]);
      await journal.trim(6);
      same(sorted(journal.keys()), ['6 s', '7 s', '8 s', '9 s']);
      is(await journal.read({ stage: 's', batch: 5 }), undefined);
      is(text(await journal.read({ stage: 's', batch: 6 })), 'b6');
      await journal.append({ stage: 's', batch: 10 }, [bytes('b10')]);
      await journal.close();
      const again = await home.open(2);
      for (let batch = 6; batch <= 10; batch++) {
        is(text(await again.read({ stage: 's', batch })), `b${batch}`);
      }
      await again.close();
    });

    it('when all is trimmed, nothing is left on closing', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      await journal.append({ stage: 's', batch: 0 }, [bytes('x')]);
      await journal.trim(1);
      await journal.close();
      const again = await home.open(2);
      is(again.size, 0);
      await again.close();
    });

    it('its size follows the window, not the data', async () => {
      const journal = await (await makeHome()).open(1);
      const payload = [new Uint8Array(50_000)];
      let largest = 0;
      for (let batch = 0; batch < 200; batch++) {
        await journal.append({ stage: 's', batch }, payload);
        if (batch >= 4) await journal.trim(batch - 4);
        largest = Math.max(largest, journal.size);
      }
      ok(largest < 1_000_000);
      await journal.close();
    });

    it('closed, it takes nothing more; closing twice is fine; close waits for what was appended', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      const appended = journal.append({ stage: 's', batch: 0 }, [bytes('late')]);
      await Promise.all([journal.close(), journal.close()]);
      await appended;
      await refuses(journal.append({ stage: 's', batch: 1 }, []), 'CHECKPOINT_WRITE');
      const again = await home.open(1);
      is(text(await again.read({ stage: 's', batch: 0 })), 'late');
      await again.close();
    });
  });
}
