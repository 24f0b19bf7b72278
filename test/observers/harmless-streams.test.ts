/**
 * I11 for observers that write: a reader that goes away, many runs at once, and no options. Each ended the process, warned
 * or threw once.
 */
import { EventEmitter } from 'node:events';
import { Subject } from 'rxjs';
import { afterEach, expect, test, vi } from 'vitest';
import { consoleLogger, jsonLines, progressBar } from 'xstate-pipeline';
import type { PipelineEvent } from '../../src/observers/events.js';
import { FakeStream, HandClock, SESSION } from './fixtures.js';

/** Like a pipe of Node: an `error` event without a listener is thrown. */
class Pipe extends EventEmitter {
  readonly written: string[] = [];
  write(text: string): boolean {
    this.written.push(text);
    return true;
  }
}

const notice = (message: string): PipelineEvent => ({ type: 'notice', message, sessionId: SESSION, at: 0 });

afterEach(() => vi.restoreAllMocks());

test('jsonLines survives a reader that has closed its end, and writes no more', () => {
  const pipe = new Pipe();
  const lines = jsonLines(pipe);
  lines.next?.(notice('a'));
  pipe.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  lines.next?.(notice('b'));
  expect(pipe.written).toHaveLength(1);
});

test('many observers of one stream share a listener of each kind', () => {
  const pipe = Object.assign(new Pipe(), { isTTY: true, columns: 80, rows: 24 });
  const clock = new HandClock();
  const subscriptions = Array.from({ length: 20 }, () => {
    jsonLines(pipe);
    return progressBar({ stream: pipe, clock })(new Subject<PipelineEvent>());
  });
  expect(pipe.listenerCount('error')).toBe(1);
  expect(pipe.listenerCount('resize')).toBe(1);
  for (const subscription of subscriptions) subscription.unsubscribe();
  expect(pipe.listenerCount('resize')).toBe(0);
});

test('progressBar needs no options', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  progressBar().log('hello');
  expect(write).toHaveBeenCalledWith('hello\n');
});

test('a stage that does not answer is named, with batch and age', () => {
  const stream = new FakeStream();
  const events = new Subject<PipelineEvent>();
  progressBar({ stream, clock: new HandClock(), color: false })(events);
  const stall = { stage: 'classify', batch: 7, attempt: 1, ageMs: 60_000 };
  events.next({ type: 'stage.stalled', ...stall, sessionId: SESSION, at: 0 });
  expect(stream.writes.join('')).toContain(
    'Stage "classify" has worked on batch 7 without an answer for 1m 00s.',
  );
});

test('what a stage logs is shown, and not on standard output', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => {});
  const stdout = vi.spyOn(console, 'info').mockImplementation(() => {});
  consoleLogger.info('a message of a stage', { n: 1 });
  expect(shown).toHaveBeenCalledWith('a message of a stage', { n: 1 });
  expect(stdout).not.toHaveBeenCalled();
});
