/**
 * Pins of `httpErrors()`:
 *
 * - Statuses: what is tried again, lost, stopped, paused.
 * - Errors of every client are recognised by shape.
 * - The server's wish: which header wins, its units, its cap; dates by the run's clock.
 */
import { describe, expect, test } from 'vitest';
import { assertOk, HttpError, httpErrors, InvalidOptionError } from 'xstate-pipeline';

const NOW = Date.parse('2026-11-28T06:00:00Z');
const info = { attempt: 1, now: NOW };
const decide = (error: unknown) => httpErrors()(error, info);
const response = (status: number, headers: Record<string, string> = {}) =>
  new Response(null, { status, headers });

test.each([
  [408, 'retry'],
  [409, 'retry'],
  [425, 'retry'],
  [429, 'retry'],
  [500, 'retry'],
  [503, 'retry'],
  [529, 'retry'],
  [400, 'lose'],
  [404, 'lose'],
  [422, 'lose'],
  [413, 'lose'],
  [401, 'stop'],
  [403, 'stop'],
  [402, 'pause'],
])('status %i: %s', (status, decision) => {
  expect(decide(response(status))).toBe(decision);
});

const wait = { 'Retry-After': '7' };
const apiCallError = Object.assign(new Error('rate limited'), {
  name: 'AI_APICallError',
  statusCode: 429,
  responseHeaders: { 'retry-after': '7' },
  responseBody: '{"error":{"type":"rate_limit_exceeded"}}',
});

test.each([
  ['a thrown Response', response(429, wait)],
  ['ky: a Response in response', Object.assign(new Error('429'), { response: response(429, wait) })],
  ['a Response as cause', new Error('failed', { cause: response(429, wait) })],
  ['AI SDK', apiCallError],
  ['AI SDK, after its own retries', Object.assign(new Error('retries'), { lastError: apiCallError })],
  [
    'axios',
    Object.assign(new Error('Request failed with status code 429'), {
      code: 'ERR_BAD_REQUEST',
      response: { status: 429, headers: { 'retry-after': '7' }, data: {} },
    }),
  ],
  ['undici', Object.assign(new Error('429'), { statusCode: 429, headers: { 'retry-after': '7' } })],
  ['undici, flat list', Object.assign(new Error('429'), { statusCode: 429, headers: ['Retry-After', '7'] })],
  [
    'undici, flat list of buffers',
    Object.assign(new Error('429'), {
      statusCode: 429,
      headers: [Buffer.from('Retry-After'), Buffer.from('7')],
    }),
  ],
  ['OpenAI and Anthropic SDK', Object.assign(new Error('429'), { status: 429, headers: new Headers(wait) })],
  ['a list of pairs', { status: 429, headers: [['Retry-After', '7']] }],
  [
    'AWS SDK',
    Object.assign(new Error('slow down'), {
      $metadata: { httpStatusCode: 429 },
      $response: { headers: { 'retry-after': '7' } },
    }),
  ],
  ['HttpError', new HttpError('HTTP 429', 429, { 'retry-after': '7' }, '')],
])('recognises %s', (_, error) => {
  expect(decide(error)).toEqual({ afterMs: 7000 });
});

test.each([
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) }),
  new TypeError('fetch failed'),
  new TypeError('terminated'),
  new TypeError('Failed to fetch'),
  Object.assign(new Error('connect'), { code: 'ETIMEDOUT' }),
  Object.assign(new Error('dns'), { code: 'ENOTFOUND' }),
  Object.assign(new Error('timeout'), { code: 'UND_ERR_HEADERS_TIMEOUT' }),
  new DOMException('The operation timed out', 'TimeoutError'),
])('no answer is tried again: %s', (error) => {
  expect(httpErrors({ otherwise: 'stop' })(error, info)).toBe('retry');
});

test('other errors follow `otherwise`', () => {
  const typo = new TypeError('x is not a function');
  expect(decide(typo)).toBe('retry');
  expect(httpErrors({ otherwise: 'lose' })(typo, info)).toBe('lose');
  expect(httpErrors({ otherwise: 'lose' })('a text', info)).toBe('lose');
});

test.each([
  ['OpenAI SDK', { status: 429, code: 'insufficient_quota', headers: {} }],
  ['AI SDK', { ...apiCallError, responseBody: '{"error":{"code":"insufficient_quota"}}' }],
  ['AI SDK, parsed', { statusCode: 429, data: { error: { type: 'insufficient_quota' } } }],
  ['axios', { response: { status: 429, data: { error: { code: 'quota_exceeded' } } } }],
  ['HttpError', new HttpError('', 429, {}, '{"error":{"code":"billing_not_active"}}')],
  ['a daily quota', { status: 403, error: { code: 'quotaExceeded' } }],
  ['Anthropic', { status: 400, message: 'Your credit balance is too low to access the Anthropic API.' }],
])('an exhausted account pauses: %s', (_, error) => {
  expect(decide(error)).toBe('pause');
});

test('a rate limit that is called a quota is tried again', () => {
  expect(decide({ status: 429, error: { code: 'rate_limit_quota' } })).toBe('retry');
});

describe('the server says when', () => {
  test.each<[Record<string, string>, unknown]>([
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, { afterMs: 250 }],
    [{ 'retry-after': '9', 'x-ratelimit-reset-requests': '1s' }, { afterMs: 9000 }],
    [
      { 'x-ratelimit-reset-tokens': '2s', 'anthropic-ratelimit-tokens-reset': '2026-11-28T06:00:09Z' },
      { afterMs: 2000 },
    ],
    [{ 'retry-after': '0' }, { afterMs: 0 }],
    [{ 'retry-after': '1.5' }, { afterMs: 1500 }],
    [{ 'retry-after': 'Sat, 28 Nov 2026 06:00:30 GMT' }, { afterMs: 30_000 }],
    [{ 'retry-after': 'Sat, 28 Nov 2026 05:00:00 GMT' }, { afterMs: 0 }],
    [{ 'retry-after': 'soon', 'x-ratelimit-reset-requests': '1.5s' }, { afterMs: 1500 }],
    [{ 'retry-after': '-5' }, 'retry'],
    [{ 'retry-after': '3600' }, { afterMs: 300_000 }],
    [{ 'x-ratelimit-reset-requests': '6m0s' }, { afterMs: 300_000 }],
    [{ 'x-ratelimit-reset-requests': '1m2.5s' }, { afterMs: 62_500 }],
    [{ 'x-ratelimit-reset-requests': '120ms' }, { afterMs: 120 }],
    [{ 'x-ratelimit-reset-tokens': '12' }, { afterMs: 12_000 }],
    [{ 'x-ratelimit-reset': String(NOW / 1000 + 20) }, { afterMs: 20_000 }],
    [{ 'x-ratelimit-reset-requests': '1s', 'x-ratelimit-reset-tokens': '4s' }, { afterMs: 4000 }],
    [
      {
        'x-ratelimit-reset-requests': '1s',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-tokens': '4s',
        'x-ratelimit-remaining-tokens': '900',
      },
      { afterMs: 1000 },
    ],
    [{ 'anthropic-ratelimit-input-tokens-reset': '2026-11-28T06:00:12.5Z' }, { afterMs: 12_500 }],
    [{}, 'retry'],
  ])('%j', (headers, decision) => {
    expect(decide(response(429, headers))).toEqual(decision);
  });

  test('the cap can be set', () => {
    const when = httpErrors({ maxAfterMs: 3_600_000 });
    expect(when(response(429, { 'x-ratelimit-reset-requests': '6m0s' }), info)).toEqual({ afterMs: 360_000 });
  });

  test('a limit that is not reached does not delay the retry of a 500', () => {
    const headers = { 'x-ratelimit-reset-tokens': '6m0s', 'x-ratelimit-remaining-tokens': '900' };
    expect(decide(response(500, headers))).toBe('retry');
  });
});

test('single statuses can be decided otherwise', () => {
  const when = httpErrors({ statuses: { 404: 'retry', 500: 'lose' } });
  expect(when(response(404, wait), info)).toEqual({ afterMs: 7000 });
  expect(when(response(500), info)).toBe('lose');
});

test('wrong options are refused', () => {
  expect(() => httpErrors({ maxAfterMs: -1 })).toThrow(InvalidOptionError);
  expect(() => httpErrors({ statuses: { 99: 'retry' } })).toThrow(InvalidOptionError);
  expect(() => httpErrors({ otherwise: 'ignore' as 'lose' })).toThrow(
    "httpErrors(): otherwise must be 'retry', 'lose', 'stop', 'pause' or { afterMs }",
  );
});

test('getters that throw and cycles are no obstacle', () => {
  const cycle: { cause?: unknown } = {};
  cycle.cause = cycle;
  const hostile = {
    get status() {
      throw new Error('no');
    },
    cause: cycle,
  };
  expect(decide(hostile)).toBe('retry');
});

test('assertOk passes an answer on, or says what was answered without the query', async () => {
  const ok = new Response('{}');
  expect(await assertOk(ok)).toBe(ok);
  const body = JSON.stringify({ error: { code: 'invalid_api_key', message: 'sk-secret' } });
  const refused = new Response(body, { status: 401, statusText: 'Unauthorized', headers: wait });
  Object.defineProperty(refused, 'url', { value: 'https://user:pw@api.example/v1/chat?key=secret#x' });
  const error = await assertOk(refused).catch((thrown: unknown) => thrown as HttpError);
  expect(error).toBeInstanceOf(HttpError);
  expect(error).toMatchObject({
    message: 'HTTP 401 Unauthorized from https://api.example/v1/chat (invalid_api_key)',
    status: 401,
    headers: { 'retry-after': '7' },
    body,
  });
  expect(JSON.stringify(error)).not.toContain('sk-secret');
});
