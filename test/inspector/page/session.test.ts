/**
 * Pins how the page moves in a session: the newest seek wins, few frames are loaded, no step is lost, a growing recording is
 * followed; and the cost of a search.
 */
import { beforeAll, expect, test } from 'vitest';
import { LogRows } from '../../../src/inspector/page/log-rows.js';
import { Player } from '../../../src/inspector/page/player.js';
import { search } from '../../../src/inspector/page/search.js';
import { ALL_EVENTS, Session } from '../../../src/inspector/page/session.js';
import { countedFeed, type Recorded, recorded } from './recording.js';

let run: Recorded;
beforeAll(async () => {
  run = await recorded();
});

const settled = async (session: Session) => {
  while (session.shown.value?.frame.index !== session.cursor.value) await new Promise(setImmediate);
};

test('a hundred seeks at once load two frames', async () => {
  const { feed, asked } = countedFeed(run);
  const session = await Session.open(feed);
  await settled(session);
  asked.frame = 0;
  for (let i = 0; i < 100; i++) session.seek(i);
  await settled(session);
  expect(session.shown.value?.frame.index).toBe(99);
  expect(asked.frame).toBeLessThanOrEqual(2);
});

test('a step goes to the next event, and no step is lost', async () => {
  const session = await Session.open(countedFeed(run).feed);
  const isEvent = (index: number) =>
    !['definition', 'keyframe', 'actor'].includes(run.reader.record(index).type);
  const events = Array.from({ length: run.reader.length }, (_, i) => i).filter(isEvent);
  session.seek(events[5] as number);
  void session.step(1, ALL_EVENTS);
  void session.step(1, ALL_EVENTS);
  await session.step(1, ALL_EVENTS);
  expect(session.cursor.value).toBe(events[8]);
  await session.step(-1, ALL_EVENTS);
  expect(session.cursor.value).toBe(events[7]);
  session.seek(0);
  await session.step(-1, ALL_EVENTS);
  expect(session.cursor.value).toBe(0);
});

test('a jump goes from mark to mark, across a pause and a killed process', async () => {
  const session = await Session.open(countedFeed(run).feed);
  session.seek(0);
  const seen: string[] = [];
  for (let i = 0; i < 7; i++) {
    session.jump(1);
    const mark = session.summary.value.marks.find(
      ({ index, kind }) => index === session.cursor.value && kind !== 'checkpoint',
    );
    if (mark !== undefined) seen.push(mark.kind);
  }
  expect(seen.slice(0, 5)).toEqual(['paused', 'resumed', 'killed', 'restart', 'completed']);
  session.jump(-1);
  expect(session.cursor.value).toBeLessThan(session.end);
});

test('the end is followed until a seek, and again from the end', async () => {
  const { feed } = countedFeed(run);
  let grow: (growth: { records: number; live: boolean }) => void = () => {};
  let records = run.reader.length - 100;
  const live = {
    ...feed,
    summary: async () => {
      const opened = await feed.summary();
      return { ...opened, live: true, summary: { ...opened.summary, records } };
    },
    onGrow: (callback: typeof grow) => {
      grow = callback;
      return () => {};
    },
  };
  const session = await Session.open(live);
  expect(session.following.value).toBe(true);
  const more = (isLive = true) => {
    records += 20;
    grow({ records, live: isLive });
  };
  more();
  expect(session.cursor.value).toBe(records - 1);
  session.seek(10);
  more();
  expect(session.cursor.value).toBe(10);
  session.follow();
  more(false);
  expect([session.cursor.value, session.following.value]).toEqual([records - 1, false]);
  more(true);
  expect([session.cursor.value, session.following.value]).toEqual([records - 1, true]);
  session.close();
});

test('a failed request is shown, and the page continues', async () => {
  const { feed } = countedFeed(run);
  let isBroken = false;
  const session = await Session.open({
    ...feed,
    frame: (index) => (isBroken ? Promise.reject(new Error('The connection is lost.')) : feed.frame(index)),
  });
  await settled(session);
  isBroken = true;
  session.seek(3);
  while (session.message.value === '') await new Promise(setImmediate);
  expect(session.message.value).toBe('The connection is lost.');
  isBroken = false;
  session.seek(4);
  await settled(session);
  expect(session.shown.value?.frame.index).toBe(4);
});

test('playback skips idle hours and stops at the end', async () => {
  const session = await Session.open(countedFeed(run).feed);
  await settled(session);
  let now = 0;
  const frames: ((now: number) => void)[] = [];
  const player = new Player(session, (callback) => frames.push(callback));
  player.choose(1);
  player.toggle();
  let ticks = 0;
  while (player.playing.value) {
    const frame = frames.shift();
    if (frame !== undefined) {
      ticks++;
      now += 200;
      frame(now);
    }
    await new Promise(setImmediate);
  }
  expect(session.cursor.value).toBe(session.end);
  const working = session.line.value.stretches.reduce(
    (sum, { atRest, from, to }) => (atRest ? sum : sum + to - from),
    0,
  );
  expect(ticks * 200).toBeLessThan(working * 1.2 + 2000);
});

test('a search finds the same records as a full scan, in both directions', async () => {
  const { feed } = countedFeed(run);
  const records = run.reader.length;
  const every = run.reader.find({ types: ['event'], text: 'retried' }, 0, records).map(({ index }) => index);
  expect(every.length).toBeGreaterThan(4);
  const find = async (from: number, way: 1 | -1, count: number) =>
    (await search(feed, { types: ['event'], text: 'retried' }, { from, way, count, records })).map(
      ({ index }) => index,
    );
  for (const from of [0, every[1] as number, (every[2] as number) + 1, records]) {
    expect(await find(from, 1, 3)).toEqual(every.filter((index) => index >= from).slice(0, 3));
    expect(await find(from, -1, 3)).toEqual(every.filter((index) => index < from).slice(-3));
  }
});

test('the log loads visible pages once; a filter loads matches around the cursor', async () => {
  const { feed, asked } = countedFeed(run);
  const session = await Session.open(feed);
  session.seek(300);
  await settled(session);
  const rows = new LogRows(session);
  asked.find = 0;
  rows.view(290, 320);
  rows.view(291, 321);
  while (rows.record(300) === undefined || rows.record(299) === undefined) await new Promise(setImmediate);
  expect(asked.find).toBe(2);
  expect(rows.record(300)).toEqual(run.reader.record(300));
  await rows.setFilter({ types: ['event'], text: 'retried' });
  const every = run.reader.find({ types: ['event'], text: 'retried' }, 0, run.reader.length);
  expect(rows.found.value?.map(({ index }) => index)).toEqual(every.map(({ index }) => index));
  await rows.setFilter({});
  expect(rows.found.value).toBeNull();
});
