/** With node:test. The same with vitest: pipeline.test.ts. */
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
import reviews from './pipeline.js';

const here = (name: string) => new URL(name, import.meta.url);
const files = { 'reviews.jsonl': readFileSync(here('reviews.jsonl'), 'utf8') };

test('the power goes while the service is slow: nothing is lost, nothing is paid twice', async () => {
  const test = createTestExecutor(reviews, { files, script: { classify: { 2: [stall()] } } });
  test.execute();
  await test.settle(); // all that can be done without batch 2 is done
  test.crash({ powerLoss: true }).restart();
  await test.resume();
  assertState(test, 'COMPLETED');
  assertNoSecondInvocation(test);
});

test('the checkpoint of a run that was killed comes back as PAUSED', async () => {
  assertComesBackAs(await loadSnapshot(here('killed.json'), reviews.stages), 'PAUSED');
});

test('killed for real, in child processes', async () => {
  await crashTest(here('pipeline.ts'), { files, points: 4, random: 1 }); // without `points`: everywhere
});

describe('every path through the six states', () => {
  for (const path of modelPaths(reviews, { files })) test(path.name, () => path.run());
});
