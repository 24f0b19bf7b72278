/**
 * Pins `llm()` over the AI SDK's mock models: an answer reaches the row with its id, in any order; rows
 * without a usable answer are asked about again in smaller requests, and never the answered ones; the token limit and the
 * content filter lose the row; nothing of prompts and answers leaves the stage.
 */
import { APICallError, jsonSchema } from 'ai';
import { type } from 'arktype';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import {
  collect,
  InvalidOptionError,
  type Logger,
  memoryStorage,
  type PipelineEvent,
  pipeline,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { AnswerError, llm } from 'xstate-pipeline/ai';
import { z } from 'zod';
import { z as z3 } from 'zod/v3';
import { describeStage } from '../../src/stages/fingerprint.js';
import { freshFolder } from '../support/folders.js';
import { type Item, mockModel } from '../support/mock-model.js';

interface Row {
  readonly name: string;
}

const people = (count: number): Row[] => Array.from({ length: count }, (_, i) => ({ name: `person ${i}` }));
const SHOUT = z.object({ loud: z.string() });
const shout = ({ id, text }: Item) => ({ id, answer: { loud: text.toUpperCase() } });
const base = { name: 'shout', prompt: (row: Row) => row.name, output: SHOUT, rowsPerCall: 8 } as const;
const retry = { attempts: 3, initialDelayMs: 0 };

async function run(stage: ReturnType<typeof llm<Row, { loud: string }>>, count: number) {
  const events: PipelineEvent[] = [];
  const sink = collect<Row & { loud: string }>();
  const result = await pipeline('people', { batchSize: 8 })
    .from(rows(people(count)))
    .pipe(stage)
    .to(sink)
    .run({
      stateManager: new StateManager(memoryStorage()),
      observers: [{ next: (event) => events.push(event) }],
    });
  return { rows: await result.data.toArray(), events, result };
}

test('answers in reverse order reach their own rows', async () => {
  const { model, asked } = mockModel((items) => ({ content: { answers: items.map(shout).toReversed() } }));
  const { rows: out } = await run(llm({ ...base, model, instructions: 'Shout.' }), 20);
  expect(out).toEqual(people(20).map(({ name }) => ({ name, loud: name.toUpperCase() })));
  expect(asked.map(({ items }) => items.length)).toEqual([8, 8, 4]);
  expect(asked[0]?.system).toMatch(/^Shout\.\n\nThe message is a JSON array/);
  expect(new Set(asked[0]?.items.map(({ id }) => id)).size).toBe(8);
});

test.each([
  ['missing', (answers: { id: string }[], at: number) => answers.toSpliced(at, 1)],
  ['doubled', (answers: { id: string }[], at: number) => [...answers, ...answers.slice(at, at + 1)]],
  ['foreign', (answers: { id: string }[], at: number) => answers.with(at, { ...answers[at], id: 'x' })],
  [
    'not-fitting',
    (answers: { id: string }[], at: number) =>
      answers.map(({ id, ...answer }, i) => (i === at ? { id, answer: { loud: 7 } } : { id, ...answer })),
  ],
])(
  'one row with a %s answer is asked about again, alone in the end, and then lost',
  async (problem, spoil) => {
    const { model, asked } = mockModel((items) => {
      const at = items.findIndex(({ text }) => text === 'person 5');
      const answers = items.map(shout);
      return { content: { answers: at < 0 ? answers : spoil(answers, at) } };
    });
    const failures: unknown[] = [];
    const hooks = { onError: (error: unknown) => void failures.push(error) };
    const { rows: out, result } = await run(llm({ ...base, model, onError: 'skip', hooks }), 8);
    expect(out.map(({ name }) => name)).toEqual(
      people(8)
        .filter((_, i) => i !== 5)
        .map(({ name }) => name),
    );
    expect(asked.map(({ items }) => items.map(({ text }) => text))).toEqual([
      people(8).map(({ name }) => name),
      ['person 5'],
      ['person 5'],
    ]);
    const keys = asked.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size, 'each of these requests is another one').toBe(3);
    expect(failures).toEqual([expect.any(AnswerError)]);
    expect(failures).toMatchObject([{ problem: problem === 'foreign' ? 'foreign' : problem }]);
    expect(result.metrics.rowsSkipped).toBe(1);
  },
);

test('a row that spoils every answer that it is in is found by halves; a text that is no JSON is one', async () => {
  const { model, asked } = mockModel((items) =>
    items.some(({ text }) => text === 'person 6')
      ? { content: 'I am sorry' }
      : { content: `\`\`\`json\n${JSON.stringify({ answers: items.map(shout) })}\n\`\`\`` },
  );
  const { rows: out } = await run(llm({ ...base, model, onError: 'skip' }), 8);
  expect(out).toHaveLength(7);
  expect(asked.map(({ items }) => items.length)).toEqual([8, 4, 4, 2, 2, 1, 1, 1]);
});

test.each(['length', 'content-filter'] as const)(
  'finish reason %s loses the row, after one request alone',
  async (finish) => {
    const { model, asked } = mockModel((items) => ({
      content: { answers: items.map(shout) },
      finish: items.some(({ text }) => text === 'person 1') ? finish : 'stop',
    }));
    const { rows: out, result } = await run(llm({ ...base, model, onError: 'skip', retry }), 2);
    expect(out.map(({ name }) => name)).toEqual(['person 0']);
    expect(asked.map(({ items }) => items.length)).toEqual([2, 1, 1]);
    expect(result.errors).toMatchObject([{ row: 1, reason: expect.stringContaining('ANSWER: ') }]);
  },
);

test('a request that fails is tried again by the stage alone, without the rows that are answered', async () => {
  const { model, asked } = mockModel((items, request) => {
    if (request === 0 || request === 2)
      throw new APICallError({
        ...{ message: 'Overloaded', url: 'http://model', requestBodyValues: {}, statusCode: 529 },
        ...{ responseHeaders: {}, isRetryable: true },
      });
    return { content: { answers: items.map(shout).slice(request === 1 ? 1 : 0) } };
  });
  const { rows: out, result } = await run(llm({ ...base, model, retry }), 4);
  expect(out).toHaveLength(4);
  expect(asked.map(({ items }) => items.length)).toEqual([4, 4, 1, 1]);
  const keys = asked.map(({ headers }) => headers['idempotency-key']);
  expect(keys[0], 'the same request').toBe(keys[1]);
  expect(keys[2]).toBe(keys[3]);
  expect(keys[2]).not.toBe(keys[1]);
  expect(result.metrics.retries).toBe(2);
});

test('neither events, logs nor errors hold anything of prompts and answers', async () => {
  const secret = 'the patient of room 11 has measles';
  const lines: unknown[] = [];
  const log = (...line: unknown[]) => void lines.push(line);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const events: PipelineEvent[] = [];
  const { model } = mockModel((items, request) => {
    if (request === 0)
      throw new APICallError({
        ...{ message: `Cannot answer ${JSON.stringify(secret)}`, url: 'http://model', statusCode: 500 },
        ...{ requestBodyValues: { prompt: secret }, responseBody: secret },
      });
    return request === 1
      ? { content: `${secret}!` }
      : { content: { answers: items.map(({ id }) => ({ id, answer: { loud: [secret] } })) } };
  });
  const failures: unknown[] = [];
  const stage = llm({
    ...base,
    model,
    retry,
    onError: 'skip',
    hooks: { onError: (error) => void failures.push(error) },
  });
  await pipeline('secret', { batchSize: 2 })
    .from(rows([{ name: secret }, { name: `${secret} again` }]))
    .pipe(stage)
    .to(collect())
    .run({
      stateManager: new StateManager(memoryStorage()),
      environment: { logger },
      observers: [{ next: (event) => events.push(event) }],
    })
    .then(undefined, (error: unknown) => failures.push(error));
  expect(failures.length).toBeGreaterThan(1);
  const inspected = failures.map((error) => describeDeeply(error)).join();
  for (const text of [JSON.stringify(events), JSON.stringify(lines), inspected])
    expect(text).not.toContain('measles');
  expect(inspected).toContain('quotes the prompt');
});

/** All that a program that prints the error would show, with causes. */
function describeDeeply(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack} ${JSON.stringify(error)} ${error.cause === undefined ? '' : describeDeeply(error.cause)}`;
}

test('the version follows what shapes the answers, and nothing else', () => {
  const { model } = mockModel(() => ({ content: '' }));
  const versionOf = (changes: object) => describeStage(llm({ ...base, model, ...changes })).version;
  const before = versionOf({});
  expect(before).toMatch(/^[0-9a-f]{16}$/);
  const same = { headers: { a: 'b' }, price: { usdPerMillionInputTokens: 1, usdPerMillionOutputTokens: 2 } };
  expect(versionOf({ ...same, rowsPerCall: 2, concurrency: 4, telemetry: { isEnabled: true } })).toBe(before);
  const changes = [
    { model: 'vendor/other' },
    { instructions: 'Whisper.' },
    { prompt: (row: Row) => `${row.name}!` },
    { output: z.object({ loud: z.string().max(10) }) },
    { temperature: 0 },
    { merge: (row: Row) => row },
    { providerOptions: { mock: { effort: 'low' } } },
  ];
  const versions = changes.map(versionOf);
  expect(new Set([before, ...versions]).size).toBe(changes.length + 1);
  expect(versionOf({ version: '7' })).toBe('7');
});

test('schemas: zod 4 and 3, arktype and jsonSchema(); one without JSON Schema is refused', async () => {
  const { model } = mockModel((items) => ({ content: { answers: items.map(shout) } }));
  const own = jsonSchema<{ loud: string }>({ type: 'object', properties: { loud: { type: 'string' } } });
  for (const output of [SHOUT, z3.object({ loud: z3.string() }), type({ loud: 'string' }), own])
    expect((await run(llm({ ...base, model, output }), 1)).rows).toEqual([
      { name: 'person 0', loud: 'PERSON 0' },
    ]);
  const refused = () => llm({ ...base, model, output: v.object({ loud: v.string() }) });
  expect(refused).toThrow(InvalidOptionError);
  expect(refused).toThrow(/output gives no JSON Schema.*jsonSchema\(\) of the AI SDK/);
});

test('a recursive schema keeps its references, under a root of its own', async () => {
  const Tree: z.ZodType<{ children: unknown[] }> = z.object({ children: z.array(z.lazy(() => Tree)) });
  let given: unknown;
  const { model } = mockModel(() => ({ content: '' }));
  const doGenerate = model.doGenerate.bind(model);
  model.doGenerate = (call) => {
    given = call.responseFormat;
    return doGenerate(call);
  };
  await run(
    llm({ ...base, model, output: Tree, merge: (row) => ({ ...row, loud: '' }), onError: 'skip' }),
    1,
  ).catch(() => 0);
  const { schema } = given as { schema: { $defs: { answer: object }; properties: object } };
  expect(JSON.stringify(schema.properties)).toContain('"answer":{"$ref":"#/$defs/answer"}');
  expect(JSON.stringify(schema.$defs)).toContain('"#/$defs/answer');
});

test('merge makes the row; what it throws stops the run, and no other attempt pays for it', async () => {
  const { model, asked } = mockModel((items) => ({ content: { answers: items.map(shout) } }));
  const merge = ({ name }: Row, { loud }: { loud: string }) => {
    if (name === 'person 9') throw new Error('nine');
    return { name, loud: loud.slice(-1) };
  };
  expect((await run(llm({ ...base, model, merge }), 2)).rows).toEqual([
    { name: 'person 0', loud: '0' },
    { name: 'person 1', loud: '1' },
  ]);
  await expect(run(llm({ ...base, model, merge, retry, onError: 'skip' }), 16)).rejects.toThrow(
    /merge threw: nine/,
  );
  expect(asked).toHaveLength(3);
});

test('cache: another session asks about new prompts only; merge is applied to what the cache has', async () => {
  const cache = { dir: freshFolder() };
  const { model, asked } = mockModel((items) => ({ content: { answers: items.map(shout) } }));
  const merge = ({ name }: Row, { loud }: { loud: string }) => ({ name: `${name}!`, loud });
  await run(llm({ ...base, model, cache, merge, version: '1' }), 6);
  const again = (row: Row, { loud }: { loud: string }) => ({ ...row, loud: `${loud}?` });
  const { rows: out } = await run(llm({ ...base, model, cache, merge: again, version: '1' }), 8);
  expect(asked.map(({ items }) => items.length)).toEqual([6, 2]);
  expect(out).toEqual(people(8).map(({ name }) => ({ name, loud: `${name.toUpperCase()}?` })));
  await run(llm({ ...base, model, cache, instructions: 'Whisper.' }), 8);
  expect(asked).toHaveLength(3);
});

test.each([
  [{ model: 7 }, /model must be a language model/],
  [{ prompt: 'text' }, /prompt must be a function/],
  [{ output: 'text' }, /output must be a schema/],
  [{ rowsPerCall: 0 }, /rowsPerCall must be/],
  [{ price: { usd: 1 } }, /price/],
  [{ promt: () => '' }, /promt/],
])('an option that cannot be is refused: %o', (changes, message) => {
  const { model } = mockModel(() => ({ content: '' }));
  const options = { ...base, model, ...changes } as unknown as Parameters<typeof llm>[0];
  expect(() => llm(options)).toThrow(message);
  expect(() => llm(options)).toThrow(InvalidOptionError);
});

test('a budget in dollars without a price is refused before anything is asked', async () => {
  const { model, asked } = mockModel((items) => ({ content: { answers: items.map(shout) } }));
  const paid = pipeline('people', { budget: { usd: 1 } })
    .from(rows(people(8)))
    .pipe(llm({ ...base, model }))
    .to(collect());
  await expect(paid.run({ stateManager: new StateManager(memoryStorage()) })).rejects.toThrow(
    InvalidOptionError,
  );
  expect(asked).toEqual([]);
});
