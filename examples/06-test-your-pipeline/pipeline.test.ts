/** Tests with vitest. The same with node:test: pipeline.node-test.ts. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  crashTest,
  createTestExecutor,
  fail,
  loadSnapshot,
  matchers,
  modelPaths,
  type PipelineMatchers,
  stall,
} from 'xstate-pipeline/testing';
import reviews from './pipeline.ts';

declare module 'vitest' {
  interface Matchers<T> extends PipelineMatchers<T> {}
}
expect.extend(matchers);

const here = (name: string) => new URL(name, import.meta.url);
const files = { 'reviews.jsonl': readFileSync(here('reviews.jsonl'), 'utf8') };

test('a power loss while the service is slow: no row is lost, no batch is paid twice', async () => {
  const test = createTestExecutor(reviews, { files, script: { classify: { 2: [stall()] } } });
  test.execute();
  await test.settle(); // everything but batch 2 is done
  test.crash({ powerLoss: true }).restart();
  await test.resume();
  expect(test).toBeInState('COMPLETED');
  expect(test).toHaveNoSecondInvocation();
  expect((await test.output()).map(({ label }) => label).join()).toBe(
    'calm,loud,calm,loud,calm,calm,calm,loud',
  );
});

test('the service fails once: the batch is retried after half a second, not earlier', async () => {
  const test = createTestExecutor(reviews, { files, script: { classify: { 0: [fail('503')] } } });
  test.execute();
  await test.advance(200);
  expect(test).toBeInState('EXECUTING');
  await test.advance(300);
  expect(test).toBeInState('COMPLETED');
});

test('the checkpoint of a killed run is restored as PAUSED', async () => {
  expect(await loadSnapshot(here('killed.json'), reviews.stages)).toComeBackAs('PAUSED');
});

test('real processes survive kill -9', { timeout: 120_000 }, async () => {
  await crashTest(here('pipeline.ts'), { files, points: 4, random: 1 }); // without `points`: at every operation
});

describe('every path through the six states', () => {
  for (const path of modelPaths(reviews, { files })) test(path.name, () => path.run());
});
