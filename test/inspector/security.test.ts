/**
 * Pins the access control of the inspector (src/inspector/server):
 *
 * 1. Another site in the user's browser, by name (Host) or by page (Origin): refused, over HTTP and WebSocket.
 * 2. Another user of this machine, without the token or with a wrong one: no answer.
 * 3. A malformed, oversized, forged or unknown message: an error for the sender; the server continues.
 * 4. Commands need permission. Bounds on viewers: many-viewers.test.ts.
 */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { MAX_REQUEST_BYTES, PROTOCOL_VERSION } from '../../src/inspector/protocol.js';
import { SESSION } from './recorded-host.js';
import { host, inspector, serve } from './served.js';
import { fetched, partsOf, ViewerClient } from './viewer-client.js';

afterEach(() => inspector?.close());

/** The server still answers a viewer with the token. */
async function isUnharmed(url: string): Promise<void> {
  const viewer = await ViewerClient.welcome(url);
  const { summary } = await viewer.ask('open', { session: SESSION });
  expect(summary.sessionId).toBe(SESSION);
  viewer.socket.terminate();
}

describe('another site', () => {
  test.each([
    'evil.example',
    'localhost',
    'localhost:80',
    '127.0.0.1',
    '127.0.0.1:1',
    'evil.example:80@127.0.0.1',
  ])('Host %s is refused, over HTTP and on upgrade', async (foreign) => {
    const url = await serve();
    for (const path of ['/', '/page.js', '/page.css'])
      expect((await fetched(url, path, { host: foreign })).status).toBe(403);
    await expect(ViewerClient.connect(url, { host: foreign })).rejects.toThrow('403');
  });

  test.each(['http://evil.example', 'null', 'http://localhost:80', 'https://127.0.0.1', 'file://'])(
    'Origin %s is refused, over HTTP and on upgrade',
    async (origin) => {
      const url = await serve();
      expect((await fetched(url, '/page.js', { origin })).status).toBe(403);
      await expect(ViewerClient.connect(url, { origin })).rejects.toThrow('403');
    },
  );

  test('an Origin with the right prefix is refused', async () => {
    const url = await serve();
    const { origin } = partsOf(url);
    for (const foreign of [`${origin}.evil.example`, `${origin}0`, `${origin}/`, origin.toUpperCase()])
      await expect(ViewerClient.connect(url, { origin: foreign })).rejects.toThrow('403');
    await isUnharmed(url);
  });

  test('an upgrade without an Origin is refused', async () => {
    const { host: name, hostname, port } = partsOf(await serve());
    const socket = connect(port, hostname);
    const lines = ['GET /feed HTTP/1.1', `host: ${name}`, 'connection: Upgrade', 'upgrade: websocket'];
    socket.write(
      `${lines.join('\r\n')}\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${'A'.repeat(22)}==\r\n\r\n`,
    );
    const answer = await new Promise<string>((resolve) =>
      socket.once('data', (data) => resolve(String(data))),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    socket.destroy();
  });

  test('every response forbids frames, inline script and style, sniffing, referrers and caching', async () => {
    const url = await serve();
    for (const path of ['/', '/page.js', '/page.css', '/nowhere']) {
      const { headers } = await fetched(url, path);
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|nonce|\*/);
      expect(policy).toContain(`connect-src ${partsOf(url).origin.replace('http', 'ws')};`);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  test('the page itself holds no script, no style and no secret', async () => {
    const url = await serve();
    const { body, status } = await fetched(url, '/');
    expect(status).toBe(200);
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|style=| on\w+=/);
    expect(body).not.toContain(partsOf(url).token);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not answered', async (method) => {
    expect((await fetched(await serve(), '/', {}, method)).status).toBe(405);
  });

  test.each(['/../package.json', '/%2e%2e/x', '/constructor', '/__proto__', '//'])(
    '%s is not there',
    async (path) => {
      expect((await fetched(await serve(), path)).status).toBe(404);
    },
  );
});

describe('another user', () => {
  test('the token has 128 bits, differs for each server, and is in the fragment only', async () => {
    const one = new URL(await serve());
    await inspector.close();
    const other = new URL(await serve());
    expect(partsOf(one.href).token).toMatch(/^[0-9a-f]{32}$/);
    expect(partsOf(one.href).token).not.toBe(partsOf(other.href).token);
    expect(`${one.pathname}${one.search}${one.username}`).toBe('/');
  });

  test.each<[string, (token: string) => unknown]>([
    ['no token', () => undefined],
    ['an empty token', () => ''],
    ['a wrong token', (token) => token.replace(/./g, (digit) => (digit === '0' ? '1' : '0'))],
    ['a part of the token', (token) => token.slice(0, -1)],
    ['the token in a list', (token) => [token]],
    ['a token that is an object', () => ({ length: 32 })],
  ])('%s: denied, and the connection is closed', async (_, wrong) => {
    const url = await serve();
    const viewer = await ViewerClient.connect(url);
    const hello = { id: 0, type: 'hello', token: wrong(partsOf(url).token), protocol: PROTOCOL_VERSION };
    const closed = viewer.closed();
    const { error } = await viewer.raw(JSON.stringify(hello), 0);
    expect(error?.code).toMatch(/DENIED|MALFORMED/);
    expect(await closed).toBe(4401);
    expect(host.openFeeds).toBe(0);
  });

  test.each(['sessions', 'open', 'checkpoint', 'command'])('%s before hello: denied', async (type) => {
    const viewer = await ViewerClient.connect(await serve({ commands: true }));
    const asked = { id: 7, type, session: SESSION, command: 'cancel' };
    expect((await viewer.raw(JSON.stringify(asked), 7)).error?.code).toBe('DENIED');
    await viewer.closed();
    expect(host.commands).toEqual([]);
  });
});

describe('an invalid message', () => {
  test.each<[string, string | Buffer, string]>([
    ['no JSON', 'hello', 'MALFORMED'],
    ['half of it', '{"id":1,"type":', 'MALFORMED'],
    ['nothing', '', 'MALFORMED'],
    ['a list', '[]', 'MALFORMED'],
    ['null', 'null', 'MALFORMED'],
    ['no id', '{"type":"sessions"}', 'MALFORMED'],
    ['an id that is none', '{"id":"0","type":"sessions"}', 'MALFORMED'],
    ['bytes', Buffer.from([0xff, 0xfe, 0]), 'MALFORMED'],
    ['deep nesting', '['.repeat(8000), 'MALFORMED'],
  ])('%s is answered with an error, and the connection stays open', async (_, data, code) => {
    const viewer = await ViewerClient.welcome(await serve());
    expect((await viewer.raw(data, null)).error?.code).toBe(code);
    expect(await viewer.ask('sessions', {})).toHaveLength(1);
  });

  test.each<[string, object, string]>([
    ['an unknown request', { type: 'shutdown' }, 'UNKNOWN_REQUEST'],
    ['one that is inherited', { type: 'constructor' }, 'UNKNOWN_REQUEST'],
    ['no type', {}, 'UNKNOWN_REQUEST'],
    ['a forged answer', { result: {} }, 'UNKNOWN_REQUEST'],
    ['forged news', { type: 'grown', session: SESSION, records: 1e9 }, 'UNKNOWN_REQUEST'],
    ['an unknown command', { type: 'command', session: SESSION, command: 'execute' }, 'MALFORMED'],
    ['an inherited command', { type: 'command', session: SESSION, command: 'toString' }, 'MALFORMED'],
    ['a command of another shape', { type: 'command', session: SESSION, command: ['pause'] }, 'MALFORMED'],
    ['a path for a session', { type: 'open', session: '../../etc' }, 'MALFORMED'],
    ['no session', { type: 'open' }, 'MALFORMED'],
    ['a session that is not there', { type: 'open', session: 'aaaa' }, 'FAILED'],
    ['a frame before it was opened', { type: 'frame', session: SESSION, index: 0 }, 'NOT_OPEN'],
    ['a frame that is none', { type: 'frame', session: SESSION, index: 1.5 }, 'MALFORMED'],
    ['too many records', { type: 'find', session: SESSION, filter: {}, from: 0, count: 1e6 }, 'MALFORMED'],
    [
      'a filter of another shape',
      { type: 'find', session: SESSION, filter: { types: 'x' }, from: 0, count: 1 },
      'MALFORMED',
    ],
  ])('%s is answered with an error, and the connection stays open', async (_, fields, code) => {
    const viewer = await ViewerClient.welcome(await serve({ commands: true }));
    expect((await viewer.raw(JSON.stringify({ id: 99, ...fields }), 99)).error?.code).toBe(code);
    expect(await viewer.ask('sessions', {})).toHaveLength(1);
    expect(host.commands).toEqual([]);
  });

  test('a frame beyond the end is answered with an error', async () => {
    const viewer = await ViewerClient.welcome(await serve());
    const { summary } = await viewer.ask('open', { session: SESSION });
    await expect(viewer.ask('frame', { session: SESSION, index: summary.records })).rejects.toThrow(
      'OUT_OF_RANGE',
    );
  });

  test('an oversized message ends its own connection only', async () => {
    const url = await serve();
    const other = await ViewerClient.welcome(url);
    const viewer = await ViewerClient.welcome(url);
    viewer.socket.send('x'.repeat(MAX_REQUEST_BYTES + 1));
    expect(await viewer.closed()).toBe(1009);
    expect(await other.ask('sessions', {})).toHaveLength(1);
  });

  test('a malformed WebSocket frame ends its own connection only', async () => {
    const url = await serve();
    const viewer = await ViewerClient.welcome(url);
    const closed = viewer.closed();
    // @ts-expect-error: the raw socket is the client's own business
    viewer.socket._socket.write(Buffer.alloc(64, 0xff));
    await closed;
    await isUnharmed(url);
  });
});

describe('commands', () => {
  test('without permission the server is read-only', async () => {
    const viewer = await ViewerClient.welcome(await serve());
    for (const command of ['pause', 'resume', 'cancel'] as const)
      await expect(viewer.ask('command', { session: SESSION, command })).rejects.toThrow('READ_ONLY');
    expect(host.commands).toEqual([]);
  });

  test('with permission the host gets the command', async () => {
    const viewer = await ViewerClient.welcome(await serve({ commands: true }));
    expect(await viewer.ask('command', { session: SESSION, command: 'pause' })).toEqual({
      ok: true,
      message: 'pause: done.',
    });
    expect(host.commands).toEqual([[SESSION, 'pause']]);
  });
});
