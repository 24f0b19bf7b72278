/**
 * Pins: the charging server that the tests of paid work trust. It charges each idempotency key once, its books hold every
 * request, it refuses by settings, limits and revoked keys, and its faults follow the seed and not the order.
 */
import { expect, test } from 'vitest';
import { type ChargingServer, chargingServer } from '../support/charging-server.js';

const SCHEMA = {
  type: 'object',
  properties: {
    elements: {
      type: 'array',
      items: {
        type: 'object',
        properties: { id: { type: 'string' }, answer: { enum: ['good', 'bad'] } },
      },
    },
  },
};

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });

const rows = (server: ChargingServer, key: string, headers = {}) =>
  post(
    `${server.url}/v1/rows`,
    { rows: [{ name: 'Anna' }, { name: 'Bob' }] },
    { 'idempotency-key': key, ...headers },
  );

async function chat(server: ChargingServer, texts: readonly string[]) {
  const items = texts.map((text, i) => ({ id: `r${i}`, text }));
  const answer = await post(`${server.url}/v1/chat/completions`, {
    model: 'small',
    messages: [{ role: 'user', content: JSON.stringify(items) }],
    response_format: { type: 'json_schema', json_schema: { schema: SCHEMA } },
  });
  const { choices } = (await answer.json()) as {
    choices: [{ finish_reason: string; message: { content: string } }];
  };
  const [{ finish_reason: finish, message }] = choices;
  const content = () =>
    (JSON.parse(message.content) as { elements: { id: string; answer: string }[] }).elements;
  return { finish, content };
}

test('an idempotency key is charged once, in one process of the server and in the next', async () => {
  const first = await chargingServer();
  const answer = await (await rows(first, 'a')).text();
  expect(await (await rows(first, 'a')).text()).toBe(answer);
  first.kill();
  const second = await chargingServer({}, first.file);
  expect(await (await rows(second, 'a')).text()).toBe(answer);
  await rows(second, 'b');
  const books = second.books();
  expect(books.map(({ number, key, isRepeated }) => [number, key, isRepeated])).toEqual([
    [1, 'a', false],
    [2, 'a', true],
    [3, 'a', true],
    [4, 'b', false],
  ]);
  expect(books.map(({ nanoUsd }) => nanoUsd > 0)).toEqual([true, false, false, true]);
  const [{ inputTokens, outputTokens, nanoUsd } = { inputTokens: 0, outputTokens: 0, nanoUsd: 0 }] = books;
  expect(nanoUsd).toBe(inputTokens * 150 + outputTokens * 600);
  await second.set({ deduplicates: false });
  await rows(second, 'a');
  expect(second.nanoUsd()).toBe(3 * nanoUsd);
});

test('a model answers the schema for each id; faults of the ids spoil one row', async () => {
  const server = await chargingServer({
    script: ['none', 'reversed', 'missing-id', 'doubled-id', 'foreign-id'],
  });
  const texts = ['good', 'bad', 'good and bad', 'none'];
  const ids = async () => (await chat(server, texts)).content().map(({ id }) => id);
  expect((await chat(server, texts)).content().slice(0, 3)).toEqual([
    { id: 'r0', answer: 'good' },
    { id: 'r1', answer: 'bad' },
    { id: 'r2', answer: 'good' },
  ]);
  expect(await ids()).toEqual(['r3', 'r2', 'r1', 'r0']);
  expect(await ids()).toHaveLength(3);
  expect(new Set(await ids()).size).toBe(4);
  expect((await ids()).filter((id) => id.startsWith('x'))).toHaveLength(1);
  await server.set({ script: ['length', 'filter'] });
  const cut = await chat(server, texts);
  expect(cut.finish).toBe('length');
  expect(cut.content).toThrow();
  expect((await chat(server, texts)).finish).toBe('content_filter');
  expect(server.books().every(({ nanoUsd }) => nanoUsd > 0)).toBe(true);
});

test('refusals: status, type and Retry-After; nothing is charged', async () => {
  const server = await chargingServer({
    script: ['rate-limited', 'quota', 'payment', 'error', 'overloaded'],
    retryAfterMs: 1500,
  });
  const seen = [];
  for (let i = 0; i < 5; i++) {
    const answer = await rows(server, `k${i}`);
    const { error } = (await answer.json()) as { error: { type: string } };
    seen.push([
      answer.status,
      error.type,
      answer.headers.get('retry-after'),
      answer.headers.get('retry-after-ms'),
    ]);
  }
  expect(seen).toEqual([
    [429, 'rate_limit_exceeded', '2', '1500'],
    [429, 'insufficient_quota', null, null],
    [402, 'payment_required', null, null],
    [500, 'server_error', null, null],
    [529, 'overloaded_error', null, null],
  ]);
  await server.set({ revokedKeys: ['old'] });
  expect((await rows(server, 'r', { authorization: 'Bearer old' })).status).toBe(401);
  expect((await rows(server, 'r', { authorization: 'Bearer new' })).status).toBe(200);
  await server.set({ quotaNanoUsd: 1 });
  expect((await rows(server, 's')).status).toBe(429);
  expect(server.books().filter(({ nanoUsd }) => nanoUsd > 0)).toHaveLength(1);
});

test('half an answer breaks the connection and is charged; a request that hangs is booked', async () => {
  const server = await chargingServer({ script: ['cut', 'hang'] });
  await expect(rows(server, 'a').then((answer) => answer.json())).rejects.toThrow();
  const leave = new AbortController();
  const hanging = fetch(`${server.url}/v1/rows`, {
    method: 'POST',
    body: '{"rows":[]}',
    signal: leave.signal,
  });
  await expect.poll(() => server.books().length).toBe(2);
  leave.abort();
  await expect(hanging).rejects.toThrow();
  expect(server.books().map(({ status, nanoUsd }) => [status, nanoUsd > 0])).toEqual([
    [200, true],
    [0, false],
  ]);
});

test('a limit lets its burst through, then answers 429 with the time that is missing', async () => {
  const server = await chargingServer({ limit: { requests: 3, perMs: 3_600_000 } });
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await rows(server, `k${i}`)).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
  expect(Number((await rows(server, 'x')).headers.get('retry-after-ms'))).toBeGreaterThan(1_000_000);
});

test('faults follow the seed, not the order of requests', async () => {
  const faultsOf = async (keys: readonly string[]) => {
    const server = await chargingServer({ seed: 7, faults: { error: 0.3, 'rate-limited': 0.3 } });
    const ask = (key: string) => post(`${server.url}/v1/rows`, { rows: [key] }, { 'idempotency-key': key });
    for (const key of keys) await ask(key);
    for (const key of keys) expect((await ask(key)).status).toBe(200);
    return Object.fromEntries(
      server
        .books()
        .slice(0, keys.length)
        .map(({ key, fault }) => [key, fault]),
    );
  };
  const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
  const forwards = await faultsOf(keys);
  expect(await faultsOf(keys.toReversed())).toEqual(forwards);
  expect(new Set(Object.values(forwards))).toEqual(new Set([null, 'error', 'rate-limited']));
});
