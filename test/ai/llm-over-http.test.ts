/**
 * Pins `llm()` through `@ai-sdk/openai-compatible` over HTTP.
 *
 * The service answers with 429 and Retry-After, 500, 529, nothing, half an answer, invalid JSON, and wrong, missing and
 * doubled ids. Every row still gets its own answer. No answered request is repeated. The spending agrees with the service's
 * books. A revoked key stops the run, and a resume completes it.
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { expect, test } from 'vitest';
import { collect, memoryStorage, pipeline, rows, StateManager } from 'xstate-pipeline';
import { llm } from 'xstate-pipeline/ai';
import { z } from 'zod';
import { type ChargingServer, chargingServer } from '../support/charging-server.js';

const COLOURS = ['red', 'green', 'blue'] as const;
const COUNT = 60;
const input = Array.from({ length: COUNT }, (_, i) => ({ i, text: `thing ${i} is ${COLOURS[i % 3]}` }));
const expected = input.map((row) => ({ ...row, colour: COLOURS[row.i % 3] }));

function labelled({ url }: ChargingServer, options: { apiKey?: string; timeoutMs?: number } = {}) {
  const { apiKey = 'key', timeoutMs } = options;
  const provider = createOpenAICompatible({
    ...{ name: 'local', baseURL: `${url}/v1`, apiKey },
    supportsStructuredOutputs: true,
  });
  const stage = llm({
    name: 'label',
    model: provider('small'),
    instructions: 'Name the colour.',
    prompt: (row: (typeof input)[number]) => row.text,
    output: z.object({ colour: z.enum(COLOURS) }),
    rowsPerCall: 5,
    concurrency: 4,
    retry: { attempts: 5, initialDelayMs: 1 },
    price: { usdPerMillionInputTokens: 0.15, usdPerMillionOutputTokens: 0.6 },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return pipeline('things', { batchSize: 20 }).from(rows(input)).pipe(stage).to(collect<object>());
}

test.each([
  [{ 'rate-limited': 0.3, error: 0.2, overloaded: 0.2 }, {}],
  [{ cut: 0.4 }, {}],
  [{ 'half-json': 0.3, 'missing-id': 0.2, 'doubled-id': 0.2, 'foreign-id': 0.2 }, {}],
  [{ reversed: 0.5, 'not-fitting': 0.4 }, {}],
  [{ length: 0.3, filter: 0.3 }, {}],
  [{ hang: 0.2 }, { timeoutMs: 1_000 }],
])('with the faults %j every row gets its own answer', async (faults, options) => {
  const server = await chargingServer({ faults, faultyFrom: 2, retryAfterMs: 1, seed: 3 });
  const result = await labelled(server, options).run({ stateManager: new StateManager(memoryStorage()) });
  expect(await result.data.toArray()).toEqual(expected);
  const books = server.books();
  for (const fault of Object.keys(faults)) expect(books.map((entry) => entry.fault)).toContain(fault);
  // A request whose answer was cut off was not answered; it is made again with its key, and not charged.
  const answered = books.filter(({ status, fault }) => status === 200 && fault !== 'cut');
  expect(new Set(answered.map(({ key }) => key)).size).toBe(answered.length);
  expect(new Set(books.filter(({ nanoUsd }) => nanoUsd > 0).map(({ key }) => key)).size).toBe(
    books.filter(({ nanoUsd }) => nanoUsd > 0).length,
  );
  expect(result.metrics.spending?.certain.usd).toBeCloseTo(server.nanoUsd() / 1e9, 9);
});

test('a revoked key stops the run with a message that says so; with another key it completes', async () => {
  const server = await chargingServer({ revokedKeys: ['old'] });
  const stateManager = new StateManager(memoryStorage());
  const run = labelled(server, { apiKey: 'old' }).run({ stateManager });
  await expect(run).rejects.toThrow(/401.*revoked/);
  const resumed = await labelled(server, { apiKey: 'new' }).run({ stateManager, resume: 'last' });
  expect(await resumed.data.toArray()).toEqual(expected);
  expect(resumed.metrics.rowsOut).toBe(COUNT);
});
