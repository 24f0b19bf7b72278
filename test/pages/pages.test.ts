/**
 * Pinned: `pages()` keeps the source contract; it makes one request a page, one to resume, and is at most one page ahead (I13);
 * cursors that no position can keep and walks without an end are refused; failures follow `retry`.
 */
import { afterAll, describe, expect, test, vi } from 'vitest';
import { collect, httpErrors, limiter, memoryStorage, pipeline, StateManager } from 'xstate-pipeline';
import type { FetchPage } from '../../src/pages/page.js';
import { type PagesOptions, pages } from '../../src/pages/pages.js';
import { assertOk } from '../../src/stages/failures/http-error.js';
import { contextOf, readAll, sourceContract } from '../../src/testing/contracts/source.js';
import { manualClock } from '../../src/testing/manual-clock.js';
import { type PageServer, type PageService, servePages, slicesOf } from './server.js';

const rows = Array.from({ length: 40 }, (_, id) => ({ id, title: `Straße ${id} 🚲` }));
const servers: PageServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

async function serve(service: PageService): Promise<PageServer> {
  const server = await servePages(service);
  servers.push(server);
  return server;
}

const over = (server: PageServer, options: Partial<PagesOptions<unknown, string>> = {}) =>
  pages({
    first: '/rows?from=0',
    fetch: async (path, { signal }) => {
      const response = await assertOk(await fetch(`${server.url}${path}`, { signal }));
      return response.json() as Promise<{ rows: unknown[]; next: string }>;
    },
    ...options,
  });

describe.each([
  ['pages larger than a batch', [17]],
  ['pages smaller than a batch', [2]],
  ['pages of many sizes', [1, 9, 3]],
])('%s', (_, sizes) => {
  sourceContract(
    'pages()',
    async () => {
      const server = await serve({ page: slicesOf(rows, sizes) });
      const shorter = await serve({ page: slicesOf(rows.slice(0, -1), [sizes[0] as number, 1_000]) });
      return { rows, source: () => over(server), shorter: async () => over(shorter) };
    },
    { describe, it: test },
  );
});

/** A service in memory. */
const memory = <T>(page: FetchPage<T, number>, options: Partial<PagesOptions<T, number>> = {}) =>
  pages({ first: 0, fetch: page, ...options });
/** A turn of the event loop. */
const aTurn = () => new Promise((resolve) => setImmediate(resolve));
const inMemory = () => ({ stateManager: new StateManager(memoryStorage()) });
const open = (source: ReturnType<typeof memory>, at?: object) => source.open(at as never, contextOf());

describe('requests', () => {
  test('one a page, at most one ahead; one at a resume, whatever was read before', async () => {
    const requested: number[] = [];
    const page = slicesOf(rows, [10]);
    const source = memory(async (from) => {
      requested.push(from);
      return page(from);
    });
    const first = await open(source);
    expect(requested).toEqual([]);
    const batch = await first.read(4, 1000);
    await aTurn();
    expect(requested).toEqual([0, 10]);
    await first.read(4, 1000);
    await aTurn();
    expect(requested).toEqual([0, 10]);
    await readAll(first);
    expect(requested).toEqual([0, 10, 20, 30]);

    requested.length = 0;
    const again = await open(source, batch?.position);
    expect(await again.identity(batch?.position as never)).toEqual(
      await first.identity(batch?.position as never),
    );
    expect(requested).toEqual([0]);
    expect((await readAll(again)).flatMap((seen) => seen.rows)).toEqual(rows.slice(4));
  });

  test('an empty page is passed over, and the last page may be empty', async () => {
    const source = memory(async (n) => ({ rows: n % 2 === 0 ? [n] : [], next: n < 5 ? n + 1 : '' }));
    expect((await readAll(await open(source))).flatMap((seen) => seen.rows)).toEqual([0, 2, 4]);
  });

  test('a service without a first cursor gets undefined, and resumes in its first page', async () => {
    const source = pages({
      fetch: async (cursor: string | undefined) => ({
        rows: [cursor ?? 'none', 2],
        next: cursor ? null : 'a',
      }),
    });
    const opened = await source.open(undefined, contextOf());
    const batch = await opened.read(1, 1000);
    const again = await source.open(JSON.parse(JSON.stringify(batch?.position)), contextOf());
    expect((await readAll(again)).flatMap((seen) => seen.rows)).toEqual([2, 'a', 2]);
  });
});

describe('refused', () => {
  test.each([
    ['the same cursor again', (n: number) => n],
    ['a circle of three', (n: number) => (n + 1) % 3],
    ['a circle behind a tail', (n: number) => (n < 50 ? n + 1 : 20)],
  ])('%s: SOURCE', async (_, next) => {
    const source = memory(async (n) => ({ rows: [n], next: next(n) }));
    await expect(readAll(await open(source))).rejects.toMatchObject({
      code: 'SOURCE',
      message: expect.stringMatching(/^pages\(\): a cursor came back/),
    });
  });

  test('pages that are empty for ever: SOURCE', async () => {
    const source = memory(async (n) => ({ rows: [], next: n + 1 }));
    await expect(readAll(await open(source))).rejects.toMatchObject({
      code: 'SOURCE',
      message: expect.stringContaining('10000 pages in a row were empty'),
    });
  });

  test.each([
    ['a date', new Date(0)],
    ['NaN', Number.NaN],
    ['a bigint', 1n],
    ['a function', () => {}],
    ['an undefined field', { at: undefined }],
    ['1,001 characters', 'x'.repeat(999)],
  ])('a cursor that is %s', async (_, cursor) => {
    expect(() => pages({ first: cursor, fetch: async () => ({ rows: [] }) })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('cursor `first`') }),
    );
    const source = pages<number>({ fetch: async () => ({ rows: [1], next: cursor as never }) });
    await expect(readAll(await source.open(undefined, contextOf()))).rejects.toMatchObject({
      code: 'SOURCE',
      message: expect.stringContaining('cursor `next`'),
    });
  });

  test('a cursor of 1,000 characters is kept', async () => {
    const cursor = 'x'.repeat(998);
    const source = pages({ first: cursor, fetch: async () => ({ rows: [1, 2] }) });
    const batch = await (await source.open(undefined, contextOf())).read(1, 1000);
    expect(JSON.stringify(batch?.position).length).toBeLessThanOrEqual(1_500);
  });

  test.each([
    [undefined, 'it returned undefined'],
    [[1], 'it returned an array'],
    [{}, '`rows` is undefined'],
    [{ rows: {} }, '`rows` is an object'],
  ])('%j as a page', async (page, message) => {
    const source = pages({ fetch: async () => page as never });
    await expect(readAll(await source.open(undefined, contextOf()))).rejects.toMatchObject({
      code: 'SOURCE',
      message: expect.stringContaining(message),
    });
  });

  test('a misspelt option', () => {
    expect(() => pages({ first: 1, fetch: async () => ({ rows: [] }), retries: 3 } as never)).toThrow(
      /unknown option "retries".*known: first, fetch, retry, limit, timeoutMs/,
    );
  });

  test('a row before the position that has changed is PIPELINE_MISMATCH by its identity (I15)', async () => {
    let title = 'old';
    const source = memory(async () => ({ rows: [{ title }, { title: 'b' }] }));
    const opened = await open(source);
    const position = (await opened.read(1, 1000))?.position as never;
    const before = await opened.identity(position);
    title = 'new';
    expect(await (await open(source, position)).identity(position)).not.toEqual(before);
  });
});

describe('failures', () => {
  test('a page is fetched again as `retry` says, after what the server asked for', async () => {
    let refusals = 2;
    const server = await serve({
      page: slicesOf(rows, [10]),
      refuse(from, response) {
        if (from !== 20 || refusals-- <= 0) return false;
        response.writeHead(503, { 'retry-after-ms': '5' }).end();
        return true;
      },
    });
    const attempts: number[] = [];
    const source = over(server, {
      retry: { attempts: 3, when: httpErrors(), jitter: false },
      fetch: async (path, { signal, attempt }) => {
        attempts.push(attempt);
        return (await assertOk(await fetch(`${server.url}${path}`, { signal }))).json() as never;
      },
    });
    const sink = collect();
    const result = await pipeline('pages').from(source).to(sink).run(inMemory());
    expect(await result.data.toArray()).toEqual(rows);
    expect(attempts).toEqual([1, 1, 1, 2, 3, 1]);
  });

  test('a page that cannot be fetched fails the run with SOURCE and its place', async () => {
    const server = await serve({
      page: slicesOf(rows, [10]),
      refuse: (from, response) => from === 20 && Boolean(response.writeHead(404).end()),
    });
    const source = over(server, { retry: { attempts: 3, when: httpErrors() } });
    await expect(pipeline('pages').from(source).to(collect()).run(inMemory())).rejects.toMatchObject({
      code: 'SOURCE',
      message: expect.stringMatching(
        /^pages\(\): the page behind row 20 could not be fetched: HTTP 404.* Resume to try again\.$/,
      ),
    });
  });

  test('where `when` says pause, the run pauses with its reason, and a resume fetches the page again', async () => {
    let isPaid = false;
    const page = slicesOf(rows, [10]);
    const source = memory(
      async (from) => {
        if (from === 20 && !isPaid) throw Object.assign(new Error('pay first'), { status: 402 });
        return page(from);
      },
      { retry: { when: httpErrors() } },
    );
    const run = pipeline('pages', { batchSize: 7 }).from(source).to(collect());
    const options = inMemory();
    await expect(run.run(options)).rejects.toMatchObject({
      code: 'PAUSED',
      reason: { kind: 'quota', message: 'pages(): the page behind row 20 could not be fetched: pay first' },
    });
    isPaid = true;
    const result = await run.run({ ...options, resume: 'last' });
    expect(await result.data.toArray()).toEqual(rows);
  });

  test('an attempt longer than `timeoutMs` is ended and made again', async () => {
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    const source = memory(
      (n, { signal, attempt }) => {
        signals.push(signal);
        return attempt === 1 ? new Promise<never>(() => {}) : Promise.resolve({ rows: [n] });
      },
      { timeoutMs: 1_000, retry: { attempts: 2, initialDelayMs: 50, jitter: false } },
    );
    const opened = await source.open(undefined, { ...contextOf(), clock });
    const reading = opened.read(1, 1000);
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    clock.advance(1_000);
    expect(signals[0]?.aborted).toBe(true);
    await vi.waitFor(() => {
      clock.advance(50);
      expect(signals).toHaveLength(2);
    });
    expect((await reading)?.size).toBe(1);
  });

  test('a limiter permits each attempt', async () => {
    const clock = manualClock();
    const requested: number[] = [];
    const source = memory(
      async (n) => {
        requested.push(n);
        return { rows: [n], next: n < 9 ? n + 1 : null };
      },
      { limit: limiter('shop', { requests: { limit: 2, perMs: 1_000 } }) },
    );
    const opened = await source.open(undefined, { ...contextOf(), clock });
    const all = readAll(opened);
    await aTurn();
    expect(requested).toHaveLength(1);
    await vi.waitFor(() => {
      clock.advance(500);
      expect(requested).toHaveLength(10);
    });
    expect(await all).toHaveLength(10);
  });

  test('closed while a page is fetched, also by a function that ignores its signal, a read gives no rows', async () => {
    const source = memory(() => new Promise<never>(() => {}));
    const opened = await open(source);
    const reading = opened.read(1, 1000);
    await opened.close();
    expect(await reading).toBeUndefined();
  });
});
