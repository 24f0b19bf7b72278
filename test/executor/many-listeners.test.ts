/**
 * Node warns of a leak (`MaxListenersExceededWarning`) at the eleventh listener of a signal. No signal of this library has so many
 * by its doing.
 *
 * 1. Any number of runs take one user's signal, which cancels all of them.
 * 2. A stage may pass `context.signal` to any number of calls at once.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collect, defineStage, memoryStorage, pipeline, rows, StateManager } from 'xstate-pipeline';
import { numbers, type Row } from '../support/runs.js';

const warnings: string[] = [];
const onWarning = ({ name }: Error) => void warnings.push(name);
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', onWarning);
});
afterEach(() => void process.off('warning', onWarning));

const jobOf = (work: (batch: Row[], signal: AbortSignal) => Promise<Row[]>) =>
  pipeline('job', { batchSize: 10 })
    .from(rows(numbers(20)))
    .pipe(defineStage({ name: 'work', process: (batch: Row[], { signal }) => work(batch, signal) }))
    .to(collect<Row>());
const stateManager = () => new StateManager(memoryStorage());
/** Node emits warnings in a later turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('20 runs at once take one signal; they complete, or are cancelled by it', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const runAll = (work: Parameters<typeof jobOf>[0]) =>
    Promise.allSettled(
      Array.from({ length: 20 }, () => jobOf(work).run({ signal, stateManager: stateManager() })),
    );
  const completed = await runAll(async (batch) => batch);
  expect(completed.map(({ status }) => status)).toEqual(Array(20).fill('fulfilled'));
  let waiting = 0;
  const cancelled = await runAll(() => {
    if (++waiting === 20) controller.abort();
    return new Promise(() => {});
  });
  expect(cancelled).toMatchObject(Array(20).fill({ reason: { code: 'CANCELLED' } }));
  await turn();
  expect(warnings).toEqual([]);
});

test('20 calls at once take the signal of an attempt', async () => {
  const job = jobOf(async (batch, signal) => {
    for (let call = 0; call < 20; call++) signal.addEventListener('abort', () => {});
    return batch;
  });
  await job.run({ stateManager: stateManager() });
  await turn();
  expect(warnings).toEqual([]);
});
