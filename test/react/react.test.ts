/**
 * Pins the hooks of `xstate-pipeline/react` in a real browser, under StrictMode:
 *
 * 1. `usePipeline` runs, pauses, resumes and cancels; state, progress, events, result and error reach the component.
 * 2. StrictMode's second mount starts the run once. A component that unmounts aborts the work (I28).
 * 3. `useRemoteProgress` follows a run on a server over a lost connection: no event is lost or doubled. It stops at the end.
 * 4. On a server, the hooks render what they know before a run.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, map, memoryStorage, PipelineExecutor, rows, StateManager } from 'xstate-pipeline';
import { useEvents, useProgress, useRemoteProgress } from 'xstate-pipeline/react';
import { progressStream } from 'xstate-pipeline/web';
import { hasChromium, launchChromium } from '../support/chromium.js';

let browser: Browser;
let server: Server;
let address: string;
let executor: PipelineExecutor<{ n: number }>;
const streams = new Set<ServerResponse>();
let requests = 0;

async function bundled(): Promise<string> {
  const build = await rolldown({
    input: fileURLToPath(new URL('page.ts', import.meta.url)),
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
  });
  const { output } = await build.generate({ format: 'iife' });
  await build.close();
  return output[0].code;
}

const newExecutor = () =>
  new PipelineExecutor([map('same', (row: { n: number }) => row)], new StateManager(memoryStorage()));

describe.skipIf(!hasChromium)('in a browser', () => {
  beforeAll(async () => {
    const script = await bundled();
    server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname === '/page.js') response.setHeader('content-type', 'text/javascript').end(script);
      else if (pathname === '/progress') {
        requests += 1;
        const { status, headers, body } = progressStream(executor, { request, intervalMs: 10 });
        response.writeHead(status, Object.fromEntries(headers));
        if (body === null) response.end();
        else Readable.fromWeb(body as never).pipe(response);
        streams.add(response);
      } else
        response
          .setHeader('content-type', 'text/html')
          .end('<!doctype html><link rel="icon" href="data:,"><body><script defer src="/page.js"></script>');
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function open(path: string) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${address}${path}`);
    return { page, complaints, close: () => context.close() };
  }
  const becomes = (page: Page, id: string, text: string) =>
    page.waitForFunction(
      ([id, text]) => document.getElementById(String(id))?.textContent === text,
      [id, text],
    );
  const stage = (page: Page) =>
    page.evaluate(() => (globalThis as unknown as { stage: { started: number; aborted: number } }).stage);
  /** Lets the waiting call of a batch end, once the call has begun. */
  const release = async (page: Page, call: number) => {
    await page.waitForFunction(
      (n) => (globalThis as never as { stage: { started: number } }).stage.started === n,
      call,
    );
    await page.evaluate(() => (globalThis as never as { stage: { release(): void } }).stage.release());
  };

  test('a run is started, paused, resumed and completed by a component', async () => {
    const { page, complaints, close } = await open('/?what=run');
    await becomes(page, 'state', 'IDLE');
    await page.click('#execute');
    await becomes(page, 'state', 'EXECUTING');
    await release(page, 1);
    await page.waitForFunction(
      () => (globalThis as never as { stage: { started: number } }).stage.started === 2,
    );
    await page.click('#pause');
    await release(page, 2);
    await becomes(page, 'state', 'EXECUTING');
    await release(page, 3);
    await becomes(page, 'state', 'PAUSED');
    await page.click('#resume');
    await becomes(page, 'result', '30');
    await becomes(page, 'rows', '30');
    await becomes(page, 'state', 'COMPLETED');
    await becomes(page, 'events', 'pipeline.started pipeline.paused pipeline.resumed pipeline.completed');
    expect(complaints).toEqual([]);
    await close();
  });

  test('StrictMode starts an automatic run once; an unmounted component aborts it', async () => {
    const { page, complaints, close } = await open('/?what=auto');
    await becomes(page, 'state', 'EXECUTING');
    await page.waitForFunction(
      () => (globalThis as never as { stage: { started: number } }).stage.started === 1,
    );
    await page.click('#toggle');
    await page.waitForFunction(
      () => (globalThis as never as { stage: { aborted: number } }).stage.aborted === 1,
    );
    await page.click('#toggle');
    await becomes(page, 'state', 'EXECUTING');
    expect((await stage(page)).started).toBe(2);
    expect(complaints).toEqual([]);
    await close();
  });

  test('a failed run reports its error, and can be resumed', async () => {
    const { page, close } = await open('/?what=auto#fails');
    for (const call of [1, 2, 3]) await release(page, call);
    await becomes(page, 'state', 'FAILED');
    expect(await page.textContent('#error')).toContain('no luck');
    await page.evaluate(() => history.replaceState(null, '', '#'));
    await page.click('#resume');
    for (const call of [4, 5, 6]) await release(page, call);
    await becomes(page, 'state', 'COMPLETED');
    await becomes(page, 'error', '');
    await close();
  });

  test('a run on a server is followed over a lost connection, to its end', async () => {
    executor = newExecutor();
    requests = 0;
    let seen = 0;
    executor.addObserver({
      next: () => {
        seen += 1;
      },
    });
    const { page, complaints, close } = await open('/?what=remote');
    await becomes(page, 'status', 'open');
    const run = executor.execute({
      ...{ name: 'numbers', source: rows([{ n: 1 }, { n: 2 }, { n: 3 }]), sink: collect<{ n: number }>() },
      options: { batchSize: 1 },
    });
    for (const stream of streams) stream.destroy();
    await run;
    await becomes(page, 'status', 'ended');
    await becomes(page, 'remote-rows', '3');
    await becomes(page, 'remote-events', `${seen} 0`);
    expect(requests).toBeGreaterThanOrEqual(2);
    expect(complaints.filter((text) => !text.includes('net::ERR'))).toEqual([]);
    await close();
  });

  test('a server that refuses is reported', async () => {
    const { page, close } = await open('/?what=remote&url=/page.js');
    await becomes(page, 'status', 'failed');
    await close();
  });
});

test('on a server, hooks render what is known before a run', () => {
  const idle = newExecutor();
  const Page = () => {
    const { state } = useProgress(idle);
    return createElement('p', null, state, useEvents(idle).length, useRemoteProgress('/progress').status);
  };
  expect(renderToString(createElement(Page))).toBe('<p>IDLE<!-- -->0<!-- -->connecting</p>');
});
