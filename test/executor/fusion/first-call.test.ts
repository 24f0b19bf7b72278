/**
 * Once means once: a function that returns a promise, but is not declared `async`, is called once for every row, and so are the
 * functions of the stages fused before it.
 */
import { expect, test } from 'vitest';
import { type AnyStage, filter, flatMap, map } from 'xstate-pipeline';
import { harness, type Row } from '../../support/runs.js';

function counted() {
  const calls = new Map<number, number>();
  const charge = async (row: Row) => {
    calls.set(row.n, (calls.get(row.n) ?? 0) + 1);
    await Promise.resolve();
    return row;
  };
  return { calls, charge };
}

type Charge = (row: Row) => Promise<Row>;
const shapes: Record<string, (charge: Charge) => AnyStage> = {
  map: (charge) => map('s', (row: Row) => charge(row)),
  filter: (charge) => filter('s', (row: Row) => charge(row).then(() => true)),
  flatMap: (charge) => flatMap('s', (row: Row) => charge(row).then((one) => [one])),
};

for (const place of ['first', 'second'] as const)
  test.each(Object.keys(shapes))(`%s, as the ${place} stage`, async (shape) => {
    const { calls, charge } = counted();
    const before = new Map<number, number>();
    const plain = map('plain', (row: Row) => {
      before.set(row.n, (before.get(row.n) ?? 0) + 1);
      return row;
    });
    const stage = shapes[shape]?.(charge) as AnyStage;
    const h = harness(place === 'first' ? [stage] : [plain, stage], { count: 35 });
    await h.start();
    expect(h.sink.rows).toHaveLength(35);
    expect([...calls.values()]).toEqual(Array(35).fill(1));
    if (place === 'second') expect([...before.values()]).toEqual(Array(35).fill(1));
  });

test('the first promise may reject: the row fails alone', async () => {
  const { calls, charge } = counted();
  const stage = map(
    's',
    (row: Row) => (row.n === 0 ? charge(row).then(() => Promise.reject(new Error('no'))) : charge(row)),
    {
      onError: 'skip',
    },
  );
  const { errors } = await harness([stage], { count: 10 }).start();
  expect(errors).toMatchObject([{ batch: 0, row: 0, reason: 'Error: no' }]);
  expect(calls.get(0)).toBe(1);
});
