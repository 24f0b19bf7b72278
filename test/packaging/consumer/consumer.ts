/**
 * The first program of a new user: it imports every entry point, checks types, and runs pipelines. The test compiles it
 * strictly and runs it on plain Node. It prints one line of JSON.
 */
import * as everywhere from 'xstate-pipeline';
import {
  collect,
  type ExecutionResult,
  filter,
  map,
  memoryStorage,
  PipelineExecutor,
  pipeline,
  rows,
  StateManager,
} from 'xstate-pipeline';
import * as browser from 'xstate-pipeline/browser';
import * as machines from 'xstate-pipeline/machines';
import { createExecutorMachine } from 'xstate-pipeline/machines';
import * as node from 'xstate-pipeline/node';
import { jsonl } from 'xstate-pipeline/node';
import * as recording from 'xstate-pipeline/recording';
import * as storage from 'xstate-pipeline/storage';
import * as testing from 'xstate-pipeline/testing';
import { crashTest, createTestExecutor, modelPaths } from 'xstate-pipeline/testing';

interface Review {
  readonly id: number;
  readonly text: string;
}

const reviews: Review[] = [
  { id: 1, text: 'Good' },
  { id: 2, text: '' },
  { id: 3, text: 'bad' },
];
const lower = map('lower', (review: Review) => ({ ...review, text: review.text.toLowerCase() }));
const worded = filter('worded', (review: Review) => review.text !== '');

// In memory, through the executor.
const executor = new PipelineExecutor([lower, worded], new StateManager(memoryStorage()));
const inMemory: ExecutionResult = await executor.execute({
  name: 'memory',
  source: rows(reviews),
  sink: collect(),
});

// From file to file, the short way.
await pipeline('write', { batchSize: 2 }).from(rows(reviews)).pipe(lower).to(jsonl('reviews.jsonl')).run();
const again = await pipeline('read').from(jsonl<Review>('reviews.jsonl')).pipe(worded).to(collect()).run();

// A stage that does not fit the one before it does not compile.
const count = map('count', (review: Review) => review.text.length);
// @ts-expect-error numbers come, reviews are expected
const misfit = () => pipeline('misfit').from(rows(reviews)).pipe(count).pipe(lower);

// In a test of their own.
const test = createTestExecutor<Review>([lower, worded], { rows: reviews });
await test.execute();
await modelPaths(
  pipeline('paths')
    .from(rows([...reviews, ...reviews]))
    .pipe(lower)
    .to(collect()),
)[0]?.run();
const crashes = await crashTest('pipeline.mjs', { files: { 'in.jsonl': '{}\n' }, points: 1, random: 0 });

console.log(
  JSON.stringify({
    test: [test.rows(), crashes.kills],
    memory: [inMemory.success, await inMemory.data.toArray()],
    files: [again.success, await again.data.toArray()],
    types: [typeof createExecutorMachine, typeof misfit],
    entries: [everywhere, machines, node, browser, recording, storage, testing].map(
      (entry) => Object.keys(entry).length > 0,
    ),
  }),
);
