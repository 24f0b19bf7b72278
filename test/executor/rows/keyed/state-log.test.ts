/**
 * The log of keyed state, alone.
 *
 * Pinned: the state that is read is the state of the commit that the reference is about, in the order of the keys' first rows; I3 (a
 * reference stays small); I9 (damage is refused); the log stays in proportion to the keys.
 */
import { expect, test } from 'vitest';
import { memoryStateLogs } from '../../../../src/checkpoint/state-logs/memory-state-logs.js';
import { KeyedState, type States } from '../../../../src/executor/rows/keyed/keyed-state.js';
import { StateLog } from '../../../../src/executor/rows/keyed/state-log.js';
import { seededRandom } from '../../../../src/index.js';
import { SEED } from '../../../support/seed.js';

const NAME = '0123456789abcdef';

const counter = {
  kind: 'fold' as const,
  key: (row: unknown) => (row as { key: unknown }).key,
  init: () => 0,
  step: (count: unknown) => (count as number) + 1,
  result: (value: unknown, key: unknown) => ({ key, value }),
  to: undefined,
  runtime: {},
};

async function load(kept: Map<string, Uint8Array>, reference: Awaited<ReturnType<StateLog['save']>>) {
  const state = new KeyedState('count', counter);
  const log = new StateLog(memoryStateLogs(kept), NAME);
  await log.load({ stage: 'count', ...reference }, state.states);
  return { state, log };
}

test(`every commit can be read back, over new logs too (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const kept = new Map<string, Uint8Array>();
  let state = new KeyedState('count', counter);
  let log = new StateLog(memoryStateLogs(kept), NAME);
  const expected = new Map<unknown, number>();
  const keys = Array.from({ length: 3_000 }, (_, i) => [i, `key\t${i}\n`, [i], { i }, null][i % 5]);
  for (let batch = 0; batch < 30; batch++) {
    const rows = Array.from({ length: 2_500 }, () => ({
      key: keys[Math.floor(random() ** 2 * keys.length)],
    }));
    const stepped = state.stepBatch(rows);
    state.keep(batch, stepped.changes);
    for (const { key } of rows) {
      const name = JSON.stringify(key);
      expected.set(name, (expected.get(name) ?? 0) + 1);
    }
    if (batch % 3 !== 2) continue;
    // A batch that is stepped already is not part of the commit.
    const ahead = state.stepBatch([{ key: 'ahead' }]);
    state.keep(batch + 1, ahead.changes);
    const reference = await log.save(state.commit(batch + 1), state.states);
    expect(JSON.stringify(reference).length).toBeLessThan(100);
    ({ state, log } = await load(kept, reference));
    const results = [...state.results()].map((row) => {
      const { key, value } = row as { key: unknown; value: number };
      return [JSON.stringify(key), value];
    });
    expect(results).toEqual([...expected]);
  }
  const names = [...kept.keys()];
  expect(names.length, 'it began new logs').toBeGreaterThan(1);
  const entries = new TextDecoder().decode(kept.get(names.at(-1) as string)).split('\n').length;
  expect(entries).toBeLessThan(2 * keys.length + 10_000 + 2_500);
});

test('damage at any byte is refused', async () => {
  const kept = new Map<string, Uint8Array>();
  const log = new StateLog(memoryStateLogs(kept), NAME);
  const states: States = new Map<string | number, string>([
    ['ä', '{"rows":1}'],
    [2, '3'],
  ]);
  await log.save(states, states);
  const reference = await log.save(new Map([['ä', '{"rows":2}']]), states);
  const [name, bytes] = [...kept][0] as [string, Uint8Array];
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] as number) ^ 1;
    await expect(load(new Map([[name, damaged]]), reference), `byte ${at}`).rejects.toMatchObject({
      code: 'CORRUPT_STATE',
    });
    await expect(load(new Map([[name, bytes.slice(0, at)]]), reference), `${at} bytes`).rejects.toMatchObject(
      {
        code: 'CORRUPT_STATE',
      },
    );
  }
  await expect(load(new Map(), reference)).rejects.toMatchObject({ code: 'CORRUPT_STATE' });
  const longer = new Uint8Array([...bytes, 0x23, 0x78]);
  expect((await load(new Map([[name, longer]]), reference)).state.states.size).toBe(2);
});
