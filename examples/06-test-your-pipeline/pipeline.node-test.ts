/** Tests with node:test. The same with vitest: pipeline.test.ts. */
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  assertComesBackAs,
  assertNoSecondInvocation,
  assertState,
  crashTest,
  createTestExecutor,
  loadSnapshot,
  modelPaths,
  stall,
} from 'xstate-pipeline/testing';
import reviews from './pipeline.ts';

const here = (name: string) => new URL(name, import.meta.url);
const files = { 'reviews.jsonl': readFileSync(here('reviews.jsonl'), 'utf8') };

test('a power loss while the service is slow: no row is lost, no batch is paid twice', async () => {
  const test = createTestExecutor(reviews, { files, script: { classify: { 2: [stall()] } } });
  test.execute();
  await test.settle(); // everything but batch 2 is done
  test.crash({ powerLoss: true }).restart();
  await test.resume();
  assertState(test, 'COMPLETED');
  assertNoSecondInvocation(test);
});

test('the checkpoint of a killed run is restored as PAUSED', async () => {
  assertComesBackAs(await loadSnapshot(here('killed.json'), reviews.stages), 'PAUSED');
});

test('real processes survive kill -9', async () => {
  await crashTest(here('pipeline.ts'), { files, points: 4, random: 1 }); // without `points`: at every operation
});

describe('every path through the six states', () => {
  for (const path of modelPaths(reviews, { files })) test(path.name, () => path.run());
});
