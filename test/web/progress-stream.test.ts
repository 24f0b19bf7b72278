/**
 * Pins `progressStream()` over a real HTTP server:
 *
 * 1. A viewer gets the progress at once, then every event with its id, and the end.
 * 2. A viewer that connects again with an id gets the events after it, once each; after the end it gets status 204.
 * 3. A viewer of another process, and a slow viewer, learn that they have missed events.
 * 4. A viewer that leaves is forgotten, and harms neither the run nor other viewers (I11).
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { collect, map, memoryStorage, PipelineExecutor, rows, StateManager } from 'xstate-pipeline';
import { type ProgressStreamOptions, progressStream } from 'xstate-pipeline/web';
import { messagesOf } from './sse-client.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

function executorOf(count = 40, batchSize = 10) {
  const stages = [map('same', (row: { n: number }) => row)] as const;
  const executor = new PipelineExecutor(stages, new StateManager(memoryStorage()));
  const start = () =>
    executor.execute({
      name: 'numbers',
      source: rows(numbers(count)),
      sink: collect(),
      options: { batchSize },
    });
  return { executor, start };
}

/** A `node:http` server as the documentation writes it. */
async function served(executor: PipelineExecutor<{ n: number }>, options: ProgressStreamOptions = {}) {
  const server = createServer((request: IncomingMessage, response) => {
    const { status, headers, body } = progressStream(executor, { request, ...options });
    response.writeHead(status, Object.fromEntries(headers));
    if (body === null) response.end();
    else Readable.fromWeb(body as never).pipe(response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return (lastEventId?: string) =>
    fetch(url, { headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId } });
}

test('progress at once, every event with an id, and the end', async () => {
  const { executor, start } = executorOf();
  const view = await served(executor);
  const response = await view();
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const messages = messagesOf(response);
  expect(await messages.next()).toMatchObject({ event: 'progress', data: { state: 'IDLE', rowsIn: 0 } });
  const seen: string[] = [];
  executor.addObserver({ next: ({ type }) => void seen.push(type) });
  await start();
  const rest = await messages.rest();
  expect(
    rest.filter(({ event }) => event === 'pipeline').map(({ data }) => (data as { type: string }).type),
  ).toEqual(seen);
  expect(rest.filter(({ event }) => event === 'progress').at(-1)?.data).toMatchObject({
    state: 'COMPLETED',
    rowsOut: 40,
  });
  expect(rest.at(-1)).toMatchObject({ event: 'end', data: {} });
});

test('after a reconnect, the events after the id, once each; after the end, status 204', async () => {
  const { executor, start } = executorOf();
  const view = await served(executor);
  const first = messagesOf(await view());
  await first.next();
  const all = messagesOf(await view());
  await all.next();
  const run = start();
  const before = [await first.nextOf('pipeline'), await first.nextOf('pipeline')];
  await first.stop();
  await run;
  const after = (await messagesOf(await view(before[1]?.id)).rest()).filter(
    ({ event }) => event === 'pipeline',
  );
  const whole = (await all.rest()).filter(({ event }) => event !== 'progress');
  expect([...before, ...after]).toEqual(whole.slice(0, -1));
  expect((await view(whole.at(-1)?.id)).status).toBe(204);
});

describe('a viewer learns what it has missed', () => {
  test('of another process, it does not know how much', async () => {
    const { executor } = executorOf();
    const messages = messagesOf(await (await served(executor))('deadbeef.7'));
    expect(await messages.next()).toEqual({ event: 'gap', id: undefined, data: { missed: null } });
    await messages.stop();
  });

  test('beyond the 1,000 latest events, it knows how many', async () => {
    const { executor, start } = executorOf(600, 1);
    const view = await served(executor);
    const early = messagesOf(await view());
    const first = await early.next();
    await early.stop();
    await start();
    const messages = messagesOf(await view(first?.id));
    const gap = (await messages.nextOf('gap'))?.data as { missed: number };
    const rest = (await messages.rest()).filter(({ event }) => event === 'pipeline');
    expect(rest).toHaveLength(1_000);
    expect(gap.missed).toBeGreaterThan(100);
    expect((rest[0] as { id: string }).id.split('.')[1]).toBe(String(gap.missed + 1));
  });

  test.each(['', 'x', '.', 'token.', 'token.-1', `token.${'9'.repeat(40)}`, 'é', '1'.repeat(5_000)])(
    'a malformed id is no reason for an error (%#)',
    async (lastEventId) => {
      const { executor } = executorOf();
      const request = { headers: { 'last-event-id': lastEventId } };
      const messages = messagesOf(progressStream(executor, { request }));
      expect(await messages.nextOf('progress')).toMatchObject({ data: { state: 'IDLE' } });
      await messages.stop();
    },
  );
});

test('a filter chooses the events; false sends progress only', async () => {
  const { executor, start } = executorOf();
  const completed = messagesOf(
    progressStream(executor, { events: ({ type }) => type === 'batches.committed' }),
  );
  const none = messagesOf(progressStream(executor, { events: false }));
  await start();
  const kinds = (await completed.rest())
    .filter(({ event }) => event === 'pipeline')
    .map(({ data }) => (data as { type: string }).type);
  expect(new Set(kinds)).toEqual(new Set(['batches.committed']));
  expect(new Set((await none.rest()).map(({ event }) => event))).toEqual(new Set(['progress', 'end']));
});

test('a viewer that leaves does not disturb the run or another viewer', async () => {
  const { executor, start } = executorOf(200, 1);
  const view = await served(executor);
  const leaving = messagesOf(await view());
  const staying = messagesOf(await view());
  await leaving.next();
  const run = start();
  await leaving.nextOf('pipeline');
  await leaving.stop();
  const { metrics } = await run;
  expect(metrics.rowsOut).toBe(200);
  expect((await staying.rest()).at(-1)).toMatchObject({ event: 'end' });
});

test('wrong options and a wrong executor are refused', () => {
  const { executor } = executorOf();
  expect(() => progressStream(executor, { interval: 5 } as never)).toThrow(
    /unknown option "interval"; known: request/,
  );
  expect(() => progressStream(executor, { intervalMs: -1 })).toThrow(
    /intervalMs must be milliseconds from 0 to 60000/,
  );
  expect(() => progressStream({} as never)).toThrow(/progressStream\(\) needs an executor/);
});
