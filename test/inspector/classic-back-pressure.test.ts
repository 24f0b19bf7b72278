/**
 * Pins the backpressure of viewers (src/inspector/bridge/viewer.ts): a bounded buffer for at most STALLED_MS, and a full
 * replay afterwards.
 */
import { expect, test } from 'vitest';
import { manualClock } from 'xstate-pipeline/testing';
import { HIGH_WATER, STALLED_MS, Viewer } from '../../src/inspector/bridge/viewer.js';

/** A socket whose other side reads as much as the test allows. */
function slowSocket() {
  const waiting: { text: string; done: () => void }[] = [];
  return {
    OPEN: 1,
    readyState: 1,
    taken: [] as string[],
    isTerminated: false,
    get bufferedAmount() {
      return waiting.reduce((sum, { text }) => sum + text.length, 0);
    },
    send(text: string, done: () => void) {
      waiting.push({ text, done });
    },
    terminate() {
      this.isTerminated = true;
    },
    take() {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        this.taken.push(next.text);
        next.done();
      }
    },
  };
}

const LARGE = 'x'.repeat(HIGH_WATER / 4);

test('a viewer that falls behind gets nothing more, and a full replay once it has caught up', () => {
  const [socket, timers] = [slowSocket(), manualClock()];
  const viewer = new Viewer(socket, timers);
  viewer.onCaughtUp = () => viewer.replay(() => viewer.send('everything'));
  for (let n = 0; n < 100; n++) viewer.send(LARGE);
  expect(socket.bufferedAmount).toBeLessThanOrEqual(HIGH_WATER + LARGE.length);
  socket.take();
  expect(socket.taken.slice(-1)).toEqual(['everything']);
  viewer.send('news');
  socket.take();
  expect(socket.taken.slice(-2)).toEqual(['everything', 'news']);
  timers.advance(STALLED_MS);
  expect(socket.isTerminated).toBe(false);
});

test('a replay larger than the bound is sent whole, once', () => {
  const socket = slowSocket();
  const viewer = new Viewer(socket, manualClock());
  let replays = 0;
  const replay = () => {
    replays++;
    viewer.replay(() => {
      for (let n = 0; n < 10; n++) viewer.send(LARGE);
    });
  };
  viewer.onCaughtUp = replay;
  replay();
  socket.take();
  expect(socket.taken).toHaveLength(10);
  expect(replays).toBe(1);
});

test('a viewer that reads nothing is disconnected', () => {
  const [socket, timers] = [slowSocket(), manualClock()];
  const viewer = new Viewer(socket, timers);
  for (let n = 0; n < 10; n++) viewer.send(LARGE);
  timers.advance(STALLED_MS - 1);
  expect(socket.isTerminated).toBe(false);
  timers.advance(1);
  expect(socket.isTerminated).toBe(true);
});
