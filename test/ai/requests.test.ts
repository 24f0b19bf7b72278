/**
 * Pins: each request of a call has a permit and a reservation of its own; what earlier requests have answered is journaled and never
 * asked for again; a call whose answers are all cached asks for neither; an answer that the provider repeats for a key counts once.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Budget, type Limiter, limiter, PipelinePausedError, pipeline, rows } from 'xstate-pipeline';
import { llm } from 'xstate-pipeline/ai';
import { jsonl } from 'xstate-pipeline/node';
import { type ManualClock, manualClock } from 'xstate-pipeline/testing';
import { z } from 'zod';
import { freshFolder } from '../support/folders.js';
import { type Item, type MockAnswer, mockModel } from '../support/mock-model.js';

interface Row {
  readonly name: string;
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `person ${i}`);
const shout = ({ id, text }: Item) => ({ id, answer: { loud: text.toUpperCase() } });
/** Leaves out every answer after the first `answered` ones, in a request about more rows. */
const forgetful =
  (answered: number) =>
  (items: readonly Item[]): MockAnswer => ({
    content: { answers: items.map(shout).slice(0, items.length > answered ? answered : undefined) },
  });

interface Options {
  readonly folder?: string;
  readonly budget?: Budget;
  readonly limit?: Limiter;
  readonly cache?: string;
  readonly clock?: ManualClock;
  readonly answer?: (items: readonly Item[]) => MockAnswer;
}

function ask({ folder = freshFolder(), budget, limit, cache, clock, answer = forgetful(2) }: Options) {
  const { model, asked } = mockModel(answer);
  const stage = llm({
    ...{ name: 'shout', model, prompt: (row: Row) => row.name, output: z.object({ loud: z.string() }) },
    ...{
      rowsPerCall: 4,
      price: { usdPerMillionInputTokens: 0, usdPerMillionOutputTokens: 0, usdPerCall: 1 },
    },
    ...(limit && { limit }),
    ...(cache !== undefined && { cache: { dir: cache } }),
  });
  const run = pipeline('people', { batchSize: 8 })
    .from(rows(() => names(8).map((name) => ({ name }))))
    .pipe(stage)
    .to(jsonl(join(folder, 'out.jsonl')))
    .run({
      stateDir: join(folder, 'state'),
      resume: 'last-or-new',
      ...(budget && { budget }),
      ...(clock && { environment: { clock } }),
    });
  return { run, asked: () => asked.map(({ items }) => items.map(({ text }) => text)), requests: asked };
}

test('a follow-up request waits for a reservation; a resume asks for what is missing alone', async () => {
  const folder = freshFolder();
  const first = ask({ folder, budget: { usd: 1 } });
  await expect(first.run).rejects.toBeInstanceOf(PipelinePausedError);
  expect(first.asked()).toEqual([names(4)]);
  const second = ask({ folder, budget: { usd: 3 } });
  await expect(second.run).rejects.toBeInstanceOf(PipelinePausedError);
  expect(second.asked()).toEqual([names(4).slice(2), names(8).slice(4)]);
  const third = ask({ folder, budget: { usd: 4 } });
  const { data, metrics } = await third.run;
  expect(third.asked()).toEqual([names(8).slice(6)]);
  expect(metrics.spending?.certain).toMatchObject({ usd: 4, calls: 4 });
  expect(await data.toArray()).toEqual(names(8).map((name) => ({ name, loud: name.toUpperCase() })));
});

test('a follow-up request waits for a permit', async () => {
  const clock = manualClock();
  const times: number[] = [];
  const answer = (items: readonly Item[]) => {
    times.push(clock.monotonic() - 1_000_000);
    return forgetful(2)(items);
  };
  const limit = limiter('service', { requests: { limit: 1, perMs: 1_000, burst: 1 } });
  let isOver = false;
  const run = ask({ limit, clock, answer }).run.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10);
  }
  await run;
  expect(times).toHaveLength(4);
  for (const [i, time] of times.entries()) expect(time).toBeGreaterThanOrEqual(i * 1_000);
});

test('a call whose answers are all cached asks for no permit and no reservation', async () => {
  const cache = freshFolder();
  await ask({ cache, answer: forgetful(4) }).run;
  const again = ask({ cache, budget: { usd: 0, calls: 0 } });
  const { metrics } = await again.run;
  expect(again.asked()).toEqual([]);
  expect(metrics.spending?.certain).toEqual({ cacheHits: 8 });
});

test('a call that is cached in part reserves for the rest alone', async () => {
  const cache = freshFolder();
  let isBroken = true;
  const answer = (items: readonly Item[]): MockAnswer => {
    if (isBroken && items.length === 2) throw new Error('lost');
    return forgetful(2)(items);
  };
  await expect(ask({ cache, answer }).run).rejects.toThrow('lost');
  isBroken = false;
  const again = ask({ cache, answer });
  const { metrics } = await again.run;
  expect(again.asked()[0]).toEqual(names(4).slice(2));
  expect(metrics.spending?.certain).toMatchObject({ calls: 2, rows: 4 });
});

test('an answer that the provider repeats for a key is not counted again', async () => {
  const answer = (items: readonly Item[]): MockAnswer => ({
    ...forgetful(2)(items),
    ...(items.length === 4 && { headers: { 'Idempotent-Replayed': 'true' } }),
  });
  const { run } = ask({ answer });
  expect((await run).metrics.spending?.certain).toMatchObject({ usd: 2, calls: 4, inputTokens: 40 });
});
