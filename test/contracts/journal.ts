/**
 * What every journal promises, run against each implementation.
 *
 * 1. (I8) What `append` resolved is read back byte for byte, by this opener and by later ones.
 * 2. The first record of a key counts.
 * 3. (I10) A record of a later epoch means another owner.
 * 4. `trim` takes what is below the watermark and nothing else; the size follows what is kept.
 */
import { describe, expect, test } from 'vitest';
import type { Journal, JournalKey } from '../../src/checkpoint/journal.js';

export interface JournalHome {
  /** Opens the same journal again and again. */
  open(epoch: number): Promise<Journal>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array | undefined): string | undefined =>
  payload === undefined ? undefined : new TextDecoder().decode(payload);
const sorted = (keys: readonly JournalKey[]): string[] =>
  keys.map(({ stage, batch }) => `${batch} ${stage}`).sort();

export function journalContract(name: string, makeHome: () => Promise<JournalHome>): void {
  describe(`${name} keeps the contract of a journal`, () => {
    test('a new journal is empty', async () => {
      const journal = await (await makeHome()).open(1);
      expect(journal.keys()).toEqual([]);
      expect(journal.size).toBe(0);
      expect(await journal.read({ stage: 'a', batch: 0 })).toBeUndefined();
      await journal.close();
    });

    test('what was appended is read back, by key, before and after reopening', async () => {
      const home = await makeHome();
      const first = await home.open(1);
      await first.append({ stage: 'a', batch: 0 }, [bytes('{"x":1}\n'), bytes('{"x":2}\n')]);
      await first.append({ stage: 'b', batch: 0 }, [bytes('other stage')]);
      await first.append({ stage: 'naïve ☃', batch: 2 ** 40 }, []);
      const expectAll = async (journal: Journal) => {
        expect(text(await journal.read({ stage: 'a', batch: 0 }))).toBe('{"x":1}\n{"x":2}\n');
        expect(text(await journal.read({ stage: 'b', batch: 0 }))).toBe('other stage');
        expect(text(await journal.read({ stage: 'naïve ☃', batch: 2 ** 40 }))).toBe('');
        expect(await journal.read({ stage: 'a', batch: 1 })).toBeUndefined();
        expect(sorted(journal.keys())).toEqual(['0 a', '0 b', `${2 ** 40} naïve ☃`]);
      };
      await expectAll(first);
      await first.close();
      const second = await home.open(2);
      await expectAll(second);
      await second.close();
    });

    test('an empty piece at the end takes nothing away: the output of a stage may have no rows', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      const pieces = [bytes('facts\n'), bytes('')];
      await journal.append({ stage: 's', batch: 0 }, pieces);
      await journal.close();
      const again = await home.open(1);
      expect(text(await again.read({ stage: 's', batch: 0 }))).toBe('facts\n');
      await again.close();
    });

    test('any bytes and sizes survive', async () => {
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
        expect(Buffer.compare(read ?? bytes('nothing was read'), payload)).toBe(0);
      }
      await again.close();
    });

    test('the first record of a key counts, at once, in one group and in another process', async () => {
      const home = await makeHome();
      const key = { stage: 's', batch: 4 };
      const first = await home.open(1);
      await Promise.all([first.append(key, [bytes('first')]), first.append(key, [bytes('second')])]);
      await first.append(key, [bytes('third')]);
      expect(text(await first.read(key))).toBe('first');
      await first.close();
      const second = await home.open(2);
      await second.append(key, [bytes('fourth')]);
      expect(text(await second.read(key))).toBe('first');
      expect(second.keys()).toHaveLength(1);
      await second.close();
    });

    test('a key that the caller changes afterwards is still what it was', async () => {
      const journal = await (await makeHome()).open(1);
      const key = { stage: 's', batch: 1 };
      const done = journal.append(key, [bytes('one')]);
      key.batch = 2;
      await done;
      expect(text(await journal.read({ stage: 's', batch: 1 }))).toBe('one');
      await journal.close();
    });

    test('a record of a later epoch is refused (I10)', async () => {
      const home = await makeHome();
      const owner = await home.open(7);
      await owner.append({ stage: 's', batch: 0 }, [bytes('of epoch 7')]);
      await owner.close();
      await expect(home.open(6)).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
      const same = await home.open(7);
      expect(same.keys()).toHaveLength(1);
      await same.close();
    });

    test('trim takes what is below, and only that', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      for (let batch = 0; batch < 10; batch++)
        await journal.append({ stage: 's', batch }, [bytes(`b${batch}`)]);
      await journal.trim(6);
      expect(sorted(journal.keys())).toEqual(['6 s', '7 s', '8 s', '9 s']);
      expect(await journal.read({ stage: 's', batch: 5 })).toBeUndefined();
      expect(text(await journal.read({ stage: 's', batch: 6 }))).toBe('b6');
      await journal.append({ stage: 's', batch: 10 }, [bytes('b10')]);
      await journal.close();
      const again = await home.open(2);
      for (let batch = 6; batch <= 10; batch++) {
        expect(text(await again.read({ stage: 's', batch }))).toBe(`b${batch}`);
      }
      await again.close();
    });

    test('when all is trimmed, nothing is left on closing', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      await journal.append({ stage: 's', batch: 0 }, [bytes('x')]);
      await journal.trim(1);
      await journal.close();
      const again = await home.open(2);
      expect(again.size).toBe(0);
      await again.close();
    });

    test('its size follows the window, not the data', async () => {
      const journal = await (await makeHome()).open(1);
      const payload = [new Uint8Array(50_000)];
      let largest = 0;
      for (let batch = 0; batch < 200; batch++) {
        await journal.append({ stage: 's', batch }, payload);
        if (batch >= 4) await journal.trim(batch - 4);
        largest = Math.max(largest, journal.size);
      }
      expect(largest).toBeLessThan(1_000_000);
      await journal.close();
    });

    test('closed, it takes nothing more; closing twice is fine; close waits for what was appended', async () => {
      const home = await makeHome();
      const journal = await home.open(1);
      const appended = journal.append({ stage: 's', batch: 0 }, [bytes('late')]);
      await Promise.all([journal.close(), journal.close()]);
      await appended;
      await expect(journal.append({ stage: 's', batch: 1 }, [])).rejects.toMatchObject({
        code: 'CHECKPOINT_WRITE',
      });
      const again = await home.open(1);
      expect(text(await again.read({ stage: 's', batch: 0 }))).toBe('late');
      await again.close();
    });
  });
}
