/**
 * Pins what many viewers, and viewers that stop reading, cost the inspector (src/inspector/server/viewer.ts):
 *
 * 1. 200 viewers share one feed; a viewer beyond the bound is refused.
 * 2. A viewer that does not read gets answers only up to HIGH_WATER and the socket's buffers, and the newest of its news.
 * 3. A viewer that reads nothing for long is disconnected. Other viewers are not affected.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { SessionSummary } from '../../src/inspector/host.js';
import { SESSION } from './recorded-host.js';
import { host, inspector, serve } from './served.js';
import { ViewerClient } from './viewer-client.js';

afterEach(async () => {
  vi.useRealTimers();
  await inspector?.close();
});

describe('many viewers', () => {
  test('200 viewers see the same from one feed', async () => {
    const url = await serve();
    const viewers = await Promise.all(Array.from({ length: 200 }, () => ViewerClient.welcome(url)));
    const opened = await Promise.all(viewers.map((viewer) => viewer.ask('open', { session: SESSION })));
    const [{ summary }] = opened as [(typeof opened)[number]];
    expect(summary.records).toBeGreaterThan(50);
    expect(new Set(opened.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(host.openFeeds).toBe(1);
    host.append(`{"k":"e","n":${summary.records},"t":1700000009999,"reason":"more"}\n`);
    const news = await Promise.all(viewers.map((each) => each.heard(({ at }) => at === 1_700_000_009_999)));
    expect(news.every(({ records }) => records === summary.records + 1)).toBe(true);
    const closed = viewers.map((viewer) => viewer.closed());
    await inspector.close();
    await Promise.all(closed);
    expect(host.openFeeds).toBe(0);
  });

  test('a viewer beyond the bound is refused', async () => {
    const url = await serve({ maxViewers: 2 });
    const viewers = [await ViewerClient.welcome(url), await ViewerClient.welcome(url)];
    await expect(ViewerClient.connect(url)).rejects.toThrow('503');
    expect(await viewers[0]?.ask('sessions', {})).toHaveLength(1);
  });

  test('requests of a viewer that does not read wait until it reads', async () => {
    const url = await serve();
    const [summary] = await host.sessions();
    let made = 0;
    // Some 100 KB an answer.
    host.sessions = async () => {
      made++;
      return Array.from({ length: 500 }, () => ({ ...summary, id: SESSION }) as SessionSummary);
    };
    const [viewer, other] = [await ViewerClient.welcome(url), await ViewerClient.welcome(url)];
    await other.ask('sessions', {});
    viewer.socket.pause();
    const answers = Array.from({ length: 1000 }, (_, i) =>
      viewer.raw(JSON.stringify({ id: 1000 + i, type: 'sessions' }), 1000 + i),
    );
    for (let i = 0; i < 50; i++) await other.ask('indexAtTime', { session: SESSION, at: i }).catch(() => {});
    // The socket's buffers and HIGH_WATER.
    expect(made).toBeLessThan(300);
    viewer.socket.resume();
    expect(await Promise.all(answers)).toHaveLength(1000);
    expect(made).toBe(1001);
  });

  test('a viewer that reads late gets the newest news, and delays no other viewer', async () => {
    const url = await serve();
    const [stalled, other] = [await ViewerClient.welcome(url), await ViewerClient.welcome(url)];
    const { summary } = await stalled.ask('open', { session: SESSION });
    await other.ask('open', { session: SESSION });
    await fill(stalled, other);
    const before = stalled.news.length;
    const LAST = 20;
    for (let i = 1; i <= LAST; i++) {
      const at = 1_700_000_009_000 + i;
      host.append(`{"k":"e","n":${summary.records + i - 1},"t":${at},"reason":"more"}\n`);
      await other.heard((news) => news.at === at);
    }
    stalled.socket.resume();
    await stalled.heard(({ records }) => records === summary.records + LAST);
    expect(stalled.news.length - before).toBeLessThanOrEqual(2);
  });

  test('a viewer that reads nothing for long is disconnected, and its buffer is dropped', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const url = await serve();
    const [stalled, other] = [await ViewerClient.welcome(url), await ViewerClient.welcome(url)];
    await fill(stalled, other);
    expect(inspector.viewers).toBe(2);
    const left = new Promise<void>((resolve) => {
      inspector.onViewers((viewers) => viewers === 1 && resolve());
    });
    vi.advanceTimersByTime(20_000);
    await left;
    expect(await other.ask('sessions', {})).toHaveLength(500);
  });
});

/** Stops reading, and sends requests until the server answers no more. */
async function fill(stalled: ViewerClient, other: ViewerClient): Promise<void> {
  let made = 0;
  const [summary] = await host.sessions();
  // Some 100 KB an answer.
  const answer = Array.from({ length: 500 }, () => ({ ...summary, id: SESSION }) as SessionSummary);
  host.sessions = async () => {
    made++;
    return answer;
  };
  stalled.socket.pause();
  for (let i = 0; i < 1000; i++)
    stalled.raw(JSON.stringify({ id: 5000 + i, type: 'sessions' }), 5000 + i).catch(() => {});
  for (let before = -1; made !== before; ) {
    before = made;
    for (let i = 0; i < 50; i++) await other.ask('indexAtTime', { session: SESSION, at: i }).catch(() => {});
  }
  expect(made).toBeLessThan(300);
}
