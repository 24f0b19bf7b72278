/**
 * The viewers' own receivers in a real browser, on pages of another origin that replace the hosted ones:
 *
 * 1. Stately's, in the frame of this server's page: it sees every actor, also after a reload.
 * 2. `@xstate/inspect`'s, at the printed address: it sees the run and cancels it.
 * 3. A page of another origin gets nothing, even with the token. No other host gets a request.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { serveClassic } from '../../../src/inspector/classic.js';
import { serveStately } from '../../../src/inspector/stately.js';
import { hasChromium, launchChromium } from '../../support/chromium.js';
import { serverOf } from '../classic-viewer.js';
import { heldRun } from '../held-run.js';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Shows its messages in the title. */
const STATELY = `
import { createBrowserReceiver } from '@statelyai/inspect';
createBrowserReceiver().subscribe((message) => {
  const { snapshot } = message;
  if (message.type === '@xstate.actor') document.title += message.name + '|';
  if (snapshot) document.title += snapshot.value + '|';
});`;
const CLASSIC = `
import { createWebSocketReceiver } from '@xstate/inspect';
const [protocol, server] = new URLSearchParams(location.search).get('server').split('://');
const receiver = createWebSocketReceiver({ protocol, server });
const services = {};
receiver.subscribe(({ type, sessionId, id, machine, state }) => {
  if (type === 'service.register') services[sessionId] = machine;
  if (state) document.title += (id ?? '') + services[sessionId].resolveState(state).value + '|';
});
globalThis.cancel = () => {
  const [origin] = Object.keys(services);
  receiver.send({ type: 'xstate.event', event: JSON.stringify({ name: 'cancel', data: { type: 'cancel' }, origin }) });
};`;

async function bundle(code: string, from: string): Promise<string> {
  const build = await rolldown({
    cwd: from,
    input: 'entry',
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    onLog: () => {},
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === 'entry' ? `${from}/entry.js` : null),
        load: (id) => (id === `${from}/entry.js` ? code : null),
      },
    ],
  });
  const { output } = await build.generate({ format: 'iife' });
  await build.close();
  return output[0].code;
}

const open: { close(): unknown }[] = [];
let browser: Browser;
let server: Server;
let viewers: string;

async function pageAt(url: string): Promise<{ page: Page; requests: string[] }> {
  const page = await browser.newPage();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(new URL(request.url()).origin));
  page.on('websocket', (socket) => requests.push(new URL(socket.url()).origin));
  await page.goto(url);
  return { page, requests };
}

describe.skipIf(!hasChromium)('in a browser', () => {
  beforeAll(async () => {
    const scripts: Readonly<Record<string, string>> = {
      '/inspect': await bundle(STATELY, at('../../..')),
      '/viz': await bundle(CLASSIC, at('../../../src/inspector')),
    };
    server = createServer((request, response) => {
      const [path = ''] = (request.url ?? '').split('?');
      const script = scripts[path.replace(/[.]js$/, '')];
      const html = `<!doctype html><title></title>${script === undefined ? '' : `<script src="${path}.js"></script>`}`;
      response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
      response.end(path.endsWith('.js') ? script : html);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    viewers = `http://localhost:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
  });

  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });

  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  test("Stately's receiver, in the frame of our page", async () => {
    const { run, letGo, working } = heldRun();
    const inspector = await serveStately(run.executor.actor, { ui: `${viewers}/inspect`, everyMs: 1 });
    open.push(inspector);
    const done = run.start();
    await working;
    const { page, requests } = await pageAt(inspector.url);
    const hears = async (text: string) => {
      const frame = page.frames().find((frame) => frame.url() === `${viewers}/inspect`);
      await frame?.waitForFunction((text) => document.title.includes(text), text);
    };
    await page.waitForSelector('iframe[src]');
    await hears('executor|EXECUTING|EXECUTING|stage:same');
    await hears('stage:wait|running');
    await page.frames()[1]?.goto(`${viewers}/inspect`);
    await hears('stage:wait|running');
    letGo();
    await done;
    await hears('COMPLETED');
    const own = new URL(inspector.url).origin;
    expect([...new Set(requests)].sort()).toEqual([own, viewers, own.replace(/^http/, 'ws')].sort());
    await page.close();
  });

  test("@xstate/inspect's receiver, at the printed address", async () => {
    const { run, working } = heldRun();
    const inspector = await serveClassic(run.executor.actor, {
      viewer: `${viewers}/viz?inspect`,
      everyMs: 1,
    });
    open.push(inspector);
    const outcome = expect(run.start()).rejects.toThrow('cancelled');
    await working;
    const { page } = await pageAt(inspector.url);
    await page.waitForFunction(() => document.title.includes('stage:waitrunning|'));
    await page.evaluate('cancel()');
    await outcome;
    await page.waitForFunction(() => document.title.includes('|IDLE|'));
    await page.close();
  });

  test('a page of another origin is refused, even with the token', async () => {
    const { run } = heldRun();
    const inspector = await serveClassic(run.executor.actor);
    open.push(inspector);
    const { page } = await pageAt(`${viewers}/none`);
    const ended = await page.evaluate(
      (url) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve('opened');
          socket.onclose = () => resolve('refused');
        }),
      serverOf(inspector.url),
    );
    expect(ended).toBe('refused');
    await page.close();
  });
});
