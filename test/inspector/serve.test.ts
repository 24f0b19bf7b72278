/**
 * Pins what a page gets: the host's recording at any moment, and the news of its growth.
 */
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { InspectorError } from '../../src/inspector/errors.js';
import { PROTOCOL_VERSION } from '../../src/inspector/protocol.js';
import { type Inspector, serveInspector } from '../../src/inspector/server/serve.js';
import { RecordingReader } from '../../src/recording/reader.js';
import { recordedHost, SESSION } from './recorded-host.js';
import { partsOf, ViewerClient } from './viewer-client.js';

let inspector: Inspector | undefined;
afterEach(() => inspector?.close());

async function opened() {
  const host = await recordedHost();
  inspector = await serveInspector(host, { session: SESSION });
  const viewer = await ViewerClient.welcome(inspector.url);
  const { summary, charts, live } = await viewer.ask('open', { session: SESSION });
  const reader = new RecordingReader();
  reader.append(new TextEncoder().encode(host.recording));
  return { host, viewer, summary, charts, live, reader };
}

const line = (n: number, at: number) => `{"k":"e","n":${n},"t":${at},"reason":"test"}\n`;

test('every moment is served by index and by time', async () => {
  const { viewer, summary, charts, reader } = await opened();
  const json = (value: unknown) => JSON.parse(JSON.stringify(value));
  expect(summary).toEqual(json(reader.summary()));
  expect(Object.keys(charts)).toEqual(Object.keys(summary.definitions));
  for (let index = 0; index < reader.length; index += 7) {
    const session = SESSION;
    expect(await viewer.ask('frame', { session, index })).toEqual(json(reader.frameAt(index)));
    const { at } = reader.record(index);
    expect(await viewer.ask('indexAtTime', { session, at })).toBe(reader.indexAtTime(at));
  }
  const find = {
    session: SESSION,
    filter: { types: ['step' as const], actor: 'executor' },
    from: 20,
    count: 5,
  };
  const found = await viewer.ask('find', find);
  expect(found).toEqual(json(reader.find(find.filter, 20, 5)));
  expect(found).toHaveLength(5);
});

test('a search to the end of the recording finds the last record', async () => {
  const { viewer, reader } = await opened();
  const find = { session: SESSION, filter: { types: ['end' as const] }, from: 0, count: 1 };
  expect(await viewer.ask('find', find)).toMatchObject([{ index: reader.length - 1 }]);
});

test('appended records are announced and served', async () => {
  const { host, viewer, summary } = await opened();
  host.append(line(summary.records, summary.to + 5));
  const news = await viewer.heard(({ at }) => at === summary.to + 5);
  expect(news).toMatchObject({ session: SESSION, records: summary.records + 1, live: false });
  const now = await viewer.ask('summary', { session: SESSION });
  expect(now.summary).toMatchObject({ records: summary.records + 1, to: summary.to + 5 });
  expect(await viewer.ask('frame', { session: SESSION, index: summary.records })).toMatchObject({
    record: { type: 'end', reason: 'test' },
  });
});

test('the feed is closed when the last viewer leaves', async () => {
  const { host, viewer } = await opened();
  const other = await ViewerClient.welcome(inspector?.url ?? '');
  await other.ask('open', { session: SESSION });
  expect(host.openFeeds).toBe(1);
  const gone = Promise.all([viewer.closed(), other.closed()]);
  const alone = new Promise<void>((resolve) => inspector?.onViewers((viewers) => viewers === 0 && resolve()));
  viewer.socket.close();
  other.socket.close();
  await gone;
  await alone;
  expect(host.openFeeds).toBe(0);
});

test('the page gets the session that the server was started for', async () => {
  const host = await recordedHost();
  let session: string | undefined;
  inspector = await serveInspector(host, { commands: true, session: () => session });
  expect(inspector.url).not.toContain('session');
  session = SESSION;
  expect(inspector.url).toMatch(new RegExp(`#token=[0-9a-f]{32}&session=${SESSION}$`));
  const viewer = await ViewerClient.connect(inspector.url);
  const welcome = await viewer.ask('hello', {
    token: partsOf(inspector.url).token,
    protocol: PROTOCOL_VERSION,
  });
  expect(welcome).toMatchObject({ commands: true, session: SESSION });
});

test('a page of another version is asked to reload', async () => {
  inspector = await serveInspector(await recordedHost());
  const viewer = await ViewerClient.connect(inspector.url);
  const hello = { token: partsOf(inspector.url).token, protocol: 99 };
  await expect(viewer.ask('hello', hello)).rejects.toThrow('DENIED');
});

test('a port in use, a foreign address and all addresses are refused', async () => {
  const host = await recordedHost();
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const refusal = (options: object) => serveInspector(host, options).catch((error: unknown) => error);
  try {
    expect(await refusal({ port })).toMatchObject({ code: 'PORT_IN_USE' });
    for (const everywhere of ['0.0.0.0', '::', '0', '', '0x0'])
      expect(await refusal({ host: everywhere }), everywhere).toMatchObject({ code: 'BAD_ADDRESS' });
    expect(await refusal({ host: '192.0.2.1' })).toBeInstanceOf(InspectorError);
    expect(await refusal({ host: 'no host' })).toBeInstanceOf(InspectorError);
  } finally {
    taken.close();
  }
});
