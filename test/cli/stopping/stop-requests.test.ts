/**
 * Stop requests: one key press counts once, however often its signal arrives.
 *
 * A terminal signals the whole process group, npm and yarn forward signals, a closed terminal sends SIGHUP twice and closes
 * the output.
 */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { Terminal } from '../../../src/cli/output/terminal.js';
import { SAME_PRESS_MS, type StopRequest, StopRequests } from '../../../src/cli/stop-requests.js';
import { type ManualClock, manualClock } from '../../../src/testing/manual-clock.js';

class FakeProcess extends EventEmitter {
  readonly exits: (number | undefined)[] = [];
  exit = (code?: number): void => void this.exits.push(code);
}

let clock: ManualClock;
let signals: FakeProcess;
let stdout: PassThrough;
let requests: StopRequest[];
let stops: StopRequests;

beforeEach(() => {
  clock = manualClock();
  signals = new FakeProcess();
  stdout = new PassThrough();
  const stream = (of: PassThrough) => of as unknown as NodeJS.WriteStream;
  const terminal = new Terminal(stream(stdout), stream(new PassThrough()), {});
  requests = [];
  stops = new StopRequests({ terminal, verbose: false, clock, process: signals });
  stops.forwardTo((request) => requests.push(request));
});

const kinds = () => requests.map(({ kind }) => kind);

test('the first signal pauses, the second cancels, the third ends the process', () => {
  signals.emit('SIGINT');
  expect(kinds()).toEqual(['pause']);
  clock.advance(SAME_PRESS_MS);
  signals.emit('SIGINT');
  expect(kinds()).toEqual(['pause', 'cancel']);
  expect(signals.exits).toEqual([]);
  clock.advance(SAME_PRESS_MS);
  signals.emit('SIGINT');
  expect(signals.exits).toEqual([130]);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s again within a second is the same press', (signal) => {
  signals.emit(signal);
  clock.advance(SAME_PRESS_MS - 1);
  signals.emit(signal);
  expect(kinds()).toEqual(['pause']);
});

test('a wall clock that steps back does not hide a second press', () => {
  signals.emit('SIGINT');
  clock.stepWallClock(-3_600_000);
  clock.advance(SAME_PRESS_MS);
  signals.emit('SIGINT');
  expect(kinds()).toEqual(['pause', 'cancel']);
});

test('another signal is a second request at once', () => {
  signals.emit('SIGINT');
  signals.emit('SIGTERM');
  expect(kinds()).toEqual(['pause', 'cancel']);
});

describe('a closed terminal closes the output and sends SIGHUP', () => {
  const closeOutput = () => stdout.emit('error', Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));

  test('output first: pauses', () => {
    closeOutput();
    signals.emit('SIGHUP');
    expect(kinds()).toEqual(['pause', 'pause']);
    expect(stops.exitCode).toBe(141);
  });

  test('SIGHUP first: pauses', () => {
    signals.emit('SIGHUP');
    closeOutput();
    expect(kinds()).toEqual(['pause']);
    expect(stops.exitCode).toBe(129);
  });
});

test('an uncaught error cancels', () => {
  const error = new Error('uncaught');
  signals.emit('uncaughtException', error);
  expect(requests).toEqual([{ kind: 'cancel', exitCode: 1, error }]);
});

test('close removes the handlers', () => {
  stops.close();
  signals.emit('SIGINT');
  expect(requests).toEqual([]);
  expect(signals.eventNames()).toEqual([]);
});
