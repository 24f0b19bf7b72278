/**
 * Pins what many viewers, and viewers that stop reading, cost the inspector (src/inspector/server/viewer.ts):
 *
 * 1. 200 see the same from one feed that is read once; beyond the bound one is turned away.
 * 2. For one that does not read nothing is made beyond what fits on its way and HIGH_WATER; of the news it hears the newest.
 * 3. One that takes nothing for long is left. The others notice none of it, and the run is another process.
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
  test('200 see the same, at once, and one feed is read for them all', async () => {
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

  test('one too many is turned away', async () => {
    const url = await serve({ maxViewers: 2 });
    const viewers = [await ViewerClient.welcome(url), await ViewerClient.welcome(url)];
    await expect(ViewerClient.connect(url)).rejects.toThrow('503');
    expect(await viewers[0]?.ask('sessions', {})).toHaveLength(1);
  });

  test('one that does not read is not read from: answers are made as they are taken', async () => {
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
    // What fits on its way, and HIGH_WATER.
    expect(made).toBeLessThan(300);
    viewer.socket.resume();
    expect(await Promise.all(answers)).toHaveLength(1000);
    expect(made).toBe(1001);
  });

  test('one that never reads hears the newest of the news when it does, and keeps nobody from theirs', async () => {
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

  test('one that takes nothing for long is left, with all that waits for it', async () => {
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

/** Stops reading, and asks until the server makes no more answers for it. */
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
