/**
 * Pinned: a recording on disk is bounded, keeps its beginning and its newest part, and never delays the run. A full or slow
 * disk ends it once, without an error. A feed returns whole lines of all segments, then the appended ones.
 */
import { expect, test } from 'vitest';
import {
  openFileRecordingLog,
  recordingSegments,
} from '../../../src/checkpoint/recording-log/file-recording-log.js';
import { recordingFeed } from '../../../src/checkpoint/recording-log/recording-feed.js';
import type { RecordingLogOptions } from '../../../src/checkpoint/recording-log/recording-log.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { manualClock } from '../../../src/testing/manual-clock.js';

const HOME = '/state/session';

async function opened(disk: SimulatedDisk, options: Partial<RecordingLogOptions> = {}) {
  const failures: unknown[] = [];
  const log = await openFileRecordingLog(disk, HOME, {
    setTimer: manualClock().setTimer,
    onFailure: (error) => failures.push(error),
    ...options,
  });
  return { log, failures };
}

async function freshDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.mkdir(HOME);
  return disk;
}

async function textOf(disk: SimulatedDisk): Promise<string> {
  let text = '';
  const feed = recordingFeed({ fileSystem: disk, directory: HOME, pause: async () => false });
  for await (const bytes of feed) text += new TextDecoder().decode(bytes);
  return text;
}

test('an append is on disk soon, without a wait', async () => {
  const clock = manualClock();
  const disk = await freshDisk();
  const { log } = await opened(disk, { setTimer: clock.setTimer });
  log.append('one\n');
  log.append('two\n');
  await log.flush();
  expect(await textOf(disk)).toBe('one\ntwo\n');
  log.append('three\n');
  expect(clock.pending).toBe(1);
  clock.advance(100);
  await log.close();
  expect(clock.pending).toBe(0);
  expect(await textOf(disk)).toBe('one\ntwo\nthree\n');
});

test('lines of any length and script are written whole, in order', async () => {
  const disk = await freshDisk();
  const { log } = await opened(disk);
  let text = '';
  for (const length of [10, 30_000, 30_000, 1, 100_000, 7]) {
    const lines = `${'\u00e9\u4e16'.repeat(length)}\n`;
    text += lines;
    log.append(lines);
  }
  await log.close();
  expect(await textOf(disk)).toBe(text);
});

test('each opening has a segment of its own, and knows the lines before', async () => {
  const disk = await freshDisk();
  const first = await opened(disk);
  expect(first.log.tail).toBe('');
  first.log.append('one\n');
  await first.log.close();
  const second = await opened(disk);
  expect(second.log.tail).toBe('one\n');
  second.log.append('two\n');
  await second.log.close();
  expect((await recordingSegments(disk, HOME)).map(({ number }) => number)).toEqual([1, 2]);
  expect(await textOf(disk)).toBe('one\ntwo\n');
});

test('beyond its bounds the oldest segments go, but not the first', async () => {
  const disk = await freshDisk();
  const { log } = await opened(disk, { maxBytes: 1600 });
  for (let number = 1; number <= 40; number++) {
    if (number > 1) log.nextSegment();
    log.append(`${String(number).padEnd(99)}\n`);
  }
  await log.close();
  const kept = (await recordingSegments(disk, HOME)).map(({ number }) => number);
  expect(kept.at(0)).toBe(1);
  expect(kept.at(-1)).toBe(40);
  expect(kept.length).toBeLessThanOrEqual(16);
  expect(kept.slice(1)).toEqual(kept.slice(1).map((_, i) => 40 - kept.length + 2 + i));
});

test('a full disk ends it once; nothing throws, and nothing is left open', async () => {
  for (let n = 1; n <= 6; n++) {
    const disk = await freshDisk();
    const failures: unknown[] = [];
    try {
      disk.fullFrom(n);
      const { log } = await opened(disk, { onFailure: (error) => failures.push(error) });
      for (let i = 0; i < 10; i++) {
        log.append('line\n');
        await log.flush();
        log.nextSegment();
      }
      await log.close();
      expect(failures).toMatchObject([{ code: 'ENOSPC' }]);
    } catch (error) {
      // Opening itself may be refused, with a coded error.
      expect(error).toMatchObject({ code: 'STATE_DIRECTORY' });
      expect(failures).toEqual([]);
    }
  }
});

test('a disk that does not keep up ends it, instead of filling the memory', async () => {
  const living = new SimulatedDisk();
  await living.mkdir(HOME);
  let isStuck = false;
  const slow = new Proxy(living, {
    get: (target, key) => {
      const member = Reflect.get(target, key) as unknown;
      if (key === 'open' && isStuck) return () => never;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const { log, failures } = await opened(slow);
  await log.flush();
  isStuck = true;
  log.nextSegment();
  const megabyte = `${'x'.repeat(1024 * 1024 - 1)}\n`;
  for (let i = 0; i < 40; i++) log.append(megabyte);
  expect(failures).toHaveLength(1);
});

const never = new Promise<never>(() => {});

test('a feed follows over segments and processes, skips torn lines, and ends on request', async () => {
  const disk = await freshDisk();
  const { log } = await opened(disk);
  log.append('one\n');
  log.append('torn by a ki');
  await log.close();
  let text = '';
  const later = async (lines: string) => {
    const { log: another } = await opened(disk);
    another.append(lines);
    await another.close();
    return true;
  };
  const next = [() => later('two\n'), () => later('three\n'), async () => false];
  const pause = () => next.shift()?.() ?? Promise.resolve(false);
  for await (const bytes of recordingFeed({ fileSystem: disk, directory: HOME, pause }))
    text += new TextDecoder().decode(bytes);
  expect(text).toBe('one\ntwo\nthree\n');
});

test('a feed of nothing waits, and does not mind that the session is not there', async () => {
  const disk = new SimulatedDisk();
  let pauses = 0;
  const feed = recordingFeed({ fileSystem: disk, directory: HOME, pause: async () => ++pauses < 3 });
  for await (const _ of feed) throw new Error('nothing was recorded');
  expect(pauses).toBe(3);
});
