/**
 * Pins the option `twice`: it finds stages that a crash or a retry would make wrong. And `assertNoSecondInvocation` fails when
 * no stage is durable, because it would check nothing.
 */
import { expect, test } from 'vitest';
import { type AnyStage, defineStage, filter, map } from 'xstate-pipeline';
import { assertNoSecondInvocation, assertRepeatable, createTestExecutor } from 'xstate-pipeline/testing';

interface Row {
  n: number;
}

const rows = Array.from({ length: 6 }, (_, n) => ({ n }));

async function runTwice(stage: AnyStage) {
  const executor = createTestExecutor([stage], { rows, twice: true, options: { batchSize: 3 } });
  executor.execute();
  await executor.settle();
  expect(executor.state).toBe('COMPLETED');
  return executor;
}

let count = 0;
const seen = new Set<number>();

test.each<[string, AnyStage, string]>([
  ['a counter', map('counts', (row: Row) => ({ ...row, id: count++ })), 'stage "counts" returns other rows'],
  [
    'a remembered set',
    filter('distinct', ({ n }: Row) => !seen.has(n) && seen.add(n) !== undefined),
    'stage "distinct" returns other rows',
  ],
  [
    'a change in place',
    defineStage({
      name: 'doubles',
      process: async (batch: Row[]) => {
        for (const row of batch) row.n *= 2;
        return batch;
      },
    }),
    'stage "doubles" changes its rows in place (batch 0)',
  ],
])('finds %s', async (_, stage, message) => {
  const executor = await runTwice(stage);
  expect(() => assertRepeatable(executor)).toThrow(message);
});

test('accepts stages that depend on their rows only', async () => {
  assertRepeatable(await runTwice(map('doubles', async (row: Row) => ({ n: row.n * 2 }))));
});

test('assertNoSecondInvocation fails without a durable stage', async () => {
  const executor = await runTwice(map('plain', (row: Row) => row));
  expect(() => assertNoSecondInvocation(executor)).toThrow('The pipeline has no durable stage');
});
