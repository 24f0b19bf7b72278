/**
 * The runs of the corpus: what is recorded at each release, and what every later release must still understand. Add runs; do
 * not change one that a release has recorded.
 *
 * Everything is in memory and by a hand-driven clock: the same machines write the same bytes.
 */
import { defineStage, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { fail, stall, succeed, timeout } from 'xstate-pipeline/testing';

export const INPUT = '/srv/history/in.jsonl';
export const OUTPUT = '/srv/history/out.jsonl';

const ROWS = 15;

export const input = Array.from({ length: ROWS }, (_, n) => `${JSON.stringify({ n })}\n`).join('');

/** What every run comes to in the end. */
export const output = Array.from(
  { length: ROWS },
  (_, n) => `${JSON.stringify({ n: n * 2, paid: true })}\n`,
).join('');

const paid = defineStage({
  name: 'paid',
  durable: true,
  concurrency: 2,
  retry: { attempts: 3, initialDelayMs: 100, jitter: true },
  timeoutMs: 1_000,
  process: async (/** @type {{ n: number }[]} */ rows) => rows.map((row) => ({ ...row, paid: true })),
});

export const whole = pipeline('history', { batchSize: 3, maxInFlight: 4, checkpointInterval: 6 })
  .from(/** @type {import('xstate-pipeline').SourceLike<{ n: number }>} */ (jsonl(INPUT)))
  .pipe(map('double', (/** @type {{ n: number }} */ { n }) => ({ n: n * 2 })))
  .pipe(map('again', (row) => row))
  .pipe(paid)
  .to(jsonl(OUTPUT));

/** @param {Promise<unknown>} promise */
const quietly = (promise) => void promise.catch(() => {});

/** @typedef {import('xstate-pipeline/testing').TestExecutor<any>} Test */

/** `run` leaves the files to be kept on the disk: a whole recording, and a session that can be resumed or is completed. */
export const runs = {
  completed: {
    script: {},
    async run(/** @type {Test} */ test) {
      await test.execute();
      await test.advance(200);
    },
  },
  paused: {
    script: { paid: { 3: [stall()] } },
    async run(/** @type {Test} */ test) {
      quietly(test.execute());
      await test.settle();
      quietly(test.pause());
      await test.settle();
      await test.release();
      await test.advance(200);
    },
  },
  retried: {
    script: { paid: { 1: [fail(new Error('no answer')), timeout(), succeed()] } },
    async run(/** @type {Test} */ test) {
      quietly(test.execute());
      await test.advance(5_000);
    },
  },
  failed: {
    script: { paid: { 4: [fail(new Error('no')), fail(new Error('no')), fail(new Error('no'))] } },
    async run(/** @type {Test} */ test) {
      quietly(test.execute());
      await test.advance(5_000);
    },
  },
  cancelled: {
    script: { paid: { 3: [stall()] } },
    async run(/** @type {Test} */ test) {
      quietly(test.execute());
      await test.settle();
      quietly(test.cancel());
      await test.advance(200);
    },
  },
  killed: {
    script: { paid: { 3: [stall(), stall()] } },
    async run(/** @type {Test} */ test) {
      quietly(test.execute());
      await test.advance(200);
      test.crash().restart();
      quietly(test.resume());
      await test.advance(200);
      test.crash().restart();
    },
  },
};
