/** With vitest. The same with node:test: pipeline.node-test.ts. */
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
import reviews from './pipeline.js';

declare module 'vitest' {
  interface Matchers<T> extends PipelineMatchers<T> {}
}
expect.extend(matchers);

const here = (name: string) => new URL(name, import.meta.url);
const files = { 'reviews.jsonl': readFileSync(here('reviews.jsonl'), 'utf8') };

test('the power goes while the service is slow: nothing is lost, nothing is paid twice', async () => {
  const test = createTestExecutor(reviews, { files, script: { classify: { 2: [stall()] } } });
  test.execute();
  await test.settle(); // all that can be done without batch 2 is done
  test.crash({ powerLoss: true }).restart();
  await test.resume();
  expect(test).toBeInState('COMPLETED');
  expect(test).toHaveNoSecondInvocation();
  expect((await test.output()).map(({ label }) => label).join()).toBe(
    'calm,loud,calm,loud,calm,calm,calm,loud',
  );
});

test('the service is down for a moment: tried again after half a second, and no sooner', async () => {
  const test = createTestExecutor(reviews, { files, script: { classify: { 0: [fail('503')] } } });
  test.execute();
  await test.advance(200);
  expect(test).toBeInState('EXECUTING');
  await test.advance(300);
  expect(test).toBeInState('COMPLETED');
});

test('the checkpoint of a run that was killed comes back as PAUSED', async () => {
  expect(await loadSnapshot(here('killed.json'), reviews.stages)).toComeBackAs('PAUSED');
});

test('killed for real, in child processes', { timeout: 120_000 }, async () => {
  await crashTest(here('pipeline.ts'), { files, points: 4, random: 1 }); // without `points`: everywhere
});

describe('every path through the six states', () => {
  for (const path of modelPaths(reviews, { files })) test(path.name, () => path.run());
});
