/**
 * Pins the access control of the servers for hosted viewers, and that no message ends a run, a viewer or a server
 * (src/inspector/bridge, src/inspector/classic/commands.ts):
 *
 * 1. Another name of this machine, another site's page, a page without an origin, or no token: refused.
 * 2. Malformed, oversized, forged, or what `@xstate/inspect`'s own server would end itself at: nothing happens.
 */
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { MAX_MESSAGE_BYTES } from '../../src/inspector/bridge/viewer-server.js';
import { type ClassicInspector, serveClassic } from '../../src/inspector/classic.js';
import { serveStately } from '../../src/inspector/stately.js';
import { ClassicViewer, connect, serverOf } from './classic-viewer.js';
import { type HeldRun, heldRun } from './held-run.js';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function classic(held: HeldRun): Promise<ClassicInspector> {
  const inspector = await serveClassic(held.run.executor.actor, { everyMs: 1 });
  open.push(inspector);
  return inspector;
}

const SERVERS = {
  classic: async () => serverOf((await classic(heldRun())).url),
  stately: async () => {
    const inspector = await serveStately(heldRun().run.executor.actor);
    open.push(inspector);
    return inspector.socketUrl;
  },
};

async function isOpen(url: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  (await connect(url, headers)).terminate();
}

describe.each(Object.entries(SERVERS))('%s', (_, serve) => {
  test('the viewer, and this server itself, get in', async () => {
    const url = await serve();
    expect(new URL(url).hostname).toBe('127.0.0.1');
    await isOpen(url);
    await isOpen(url, { origin: `http://${new URL(url).host}` });
  });

  test.each([
    'http://stately.ai',
    'https://stately.ai.evil.example',
    'https://evil.example',
    'https://stately.ai:444',
    'https://sub.stately.ai',
    'null',
    '',
    'http://127.0.0.1',
    'http://localhost:80',
  ])('Origin %j is refused', async (origin) => {
    await expect(connect(await serve(), { origin })).rejects.toThrow('403');
  });

  test('a connection without an Origin is refused', async () => {
    const socket = new WebSocket(await serve());
    const [error] = await once(socket, 'error');
    expect(String(error)).toContain('403');
  });

  test.each(['evil.example', 'localhost', '127.0.0.1', '127.0.0.1:1'])('Host %s is refused', async (host) => {
    const url = await serve();
    await expect(connect(url, { host })).rejects.toThrow('403');
    expect((await fetch(url.replace(/^ws/, 'http'))).status).toBe(404);
  });

  test.each(['', 'x', '0'.repeat(32), '%00'])('token %j is refused', async (token) => {
    await expect(connect(`${new URL(await serve()).origin}/${token}`)).rejects.toThrow('403');
  });

  test('an oversized or binary message ends its own connection only', async () => {
    const url = await serve();
    const other = await connect(url);
    for (const [data, code] of [
      ['x'.repeat(MAX_MESSAGE_BYTES + 1), 1009],
      [Buffer.from('{}'), 1003],
    ] as const) {
      const socket = await connect(url);
      socket.send(data);
      expect((await once(socket, 'close'))[0]).toBe(code);
    }
    await answers(other);
    other.terminate();
  });
});

async function answers(socket: WebSocket): Promise<void> {
  const pong = once(socket, 'pong');
  socket.ping();
  await pong;
}

const forged = (event: unknown, more: object = {}) =>
  JSON.stringify({ type: 'xstate.event', event: JSON.stringify(event), ...more });

test.each([
  ['not JSON', '{'],
  ['null', 'null'],
  ['a number', '1'],
  ['a list', '[]'],
  ['no type', '{}'],
  ['a type that is no text', '{"type":{}}'],
  ['disconnect', '{"type":"disconnect"}'],
  ['unload', '{"type":"unload"}'],
  ['a forged state', '{"type":"service.state","sessionId":"x:0","state":"{}"}'],
  ['a forged actor', '{"type":"service.register","sessionId":"x:0","machine":"{}","state":"{}"}'],
  ['a forged end', '{"type":"service.stop","sessionId":"x:0"}'],
  ['an event that is not JSON', '{"type":"xstate.event","event":"{"}'],
  ['an event that is no text', '{"type":"xstate.event","event":{"name":"cancel","origin":"x:0"}}'],
  ['an event without an origin', forged({ name: 'cancel' })],
  ['an event that has no name', forged({ origin: 'x:0', data: { type: 'cancel' } })],
  ['a name that is no text', forged({ origin: 'x:0', name: { toString: 'cancel' } })],
  ['an origin of every object', forged({ origin: '__proto__', name: 'cancel' })],
  ['an event with its own client', forged({ origin: 'x:none', name: 'cancel' }, { client: { send: 1 } })],
])('%s: nothing happens', async (_, text) => {
  const held = heldRun();
  const inspector = await classic(held);
  const viewer = new ClassicViewer(inspector.url);
  open.push(viewer);
  const done = held.run.start();
  await held.working;
  await viewer.until((all) => all.has('stage:wait', ({ state }) => state.value === 'running'));
  const before = viewer.messages.length;
  const socket = await connect(serverOf(inspector.url));
  socket.send(text);
  await answers(socket);
  await viewer.heard();
  expect(viewer.messages.length).toBe(before);
  expect(held.run.executor.state).toBe('EXECUTING');
  socket.terminate();
  // The server still shows the run and accepts commands.
  viewer.send(viewer.service('executor').sessionId, 'pause');
  await viewer.until((all) => all.messages.some(({ event }) => event?.name === 'pause'));
  held.letGo();
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'PAUSED'));
  held.run.executor.resume().catch(() => {});
  await done;
});

test('only the name of an event is used: execute takes no data from a viewer', async () => {
  const held = heldRun();
  const inspector = await classic(held);
  const viewer = new ClassicViewer(inspector.url);
  open.push(viewer);
  const done = held.run.start();
  await held.working;
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'EXECUTING'));
  const { sessionId } = viewer.service('executor');
  const socket = await connect(serverOf(inspector.url));
  socket.send('{"type":"xstate.inspecting"}');
  const data = { type: 'cancel', error: 'x', sessionId: '../../etc' };
  socket.send(forged({ origin: sessionId, name: 'pause', data, $$type: 'scxml' }));
  await viewer.until((all) => all.messages.some(({ event }) => event?.name === 'pause'));
  const told = viewer.messages.find(({ event }) => event?.name === 'pause');
  expect(told?.event?.data).toEqual({ type: 'pause' });
  held.letGo();
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'PAUSED'));
  socket.terminate();
  held.run.executor.resume().catch(() => {});
  await done;
});
