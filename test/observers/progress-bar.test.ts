/**
 * Pins: the block repaints in place with one write a time, other output stays whole, one line is left at the end, the
 * cursor is left visible, a stream that is closed, broken or slow is harmless (I11), and a plain stream gets lines.
 */
import { Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { PipelineEvent } from '../../src/observers/events.js';
import { type ProgressBarOptions, progressBar } from '../../src/observers/progress/progress-bar.js';
import {
  batchDone,
  committed,
  completed,
  event,
  FAILURE,
  FakeStream,
  HandClock,
  SESSION,
  screenAfter,
  started,
} from './fixtures.js';

function setUp(stream = new FakeStream(), options: Partial<ProgressBarOptions> = {}) {
  const clock = new HandClock();
  const events$ = new Subject<PipelineEvent>();
  const bar = progressBar({ stream, clock, color: false, ...options });
  const subscription = bar(events$);
  const publish = (...events: (PipelineEvent | PipelineEvent[])[]) => {
    for (const each of events.flat()) events$.next(each);
  };
  const screen = () => screenAfter(stream.writes);
  return { clock, events$, bar, subscription, publish, screen, stream };
}

describe('on a terminal', () => {
  test('a run from start to end', () => {
    const { clock, events$, publish, screen, stream } = setUp();
    publish(started(clock.time));
    clock.advance(1_000);
    publish(batchDone(clock.time, 'normalise', 0, 250), batchDone(clock.time, 'classify', 0, 250, 240));
    publish(event('batch.started', clock.time, { stage: 'classify', batch: 1, attempt: 1 }));
    publish(
      event('checkpoint.saved', clock.time, { state: 'EXECUTING', batches: 1, bytes: 9, durationMs: 1 }),
    );
    publish(committed(clock.time, 0, 250, 240));
    clock.advance(2_000);
    expect(`\n${screen().join('\n')}`).toMatchInlineSnapshot(`
      "
      ⠋ reviews  ━━━━━━━━━━━━╸──────────────────────────────────────  25%  ETA 9s
        250 → 240 rows · 83/s · 3s · saved 2s ago
        ├ normalise   250 → 250
        └ classify    250 → 240   ●1
      "
    `);
    clock.advance(7_000);
    publish(completed(clock.time));
    events$.complete();
    expect(screen()).toEqual(['✔ reviews completed: 1,000 → 990 rows, in 10s, 100 rows/s', '']);
    expect(clock.pending).toBe(0);
    expect(stream.listeners.filter((each) => each.event === 'resize')).toEqual([]);
  });

  test('each repaint is one write that leaves the cursor visible and below the block', () => {
    const { clock, publish, stream } = setUp();
    publish(started(clock.time));
    const before = stream.writes.length;
    clock.advance(1_000);
    expect(stream.writes.length - before).toBe(10);
    for (const write of stream.writes) {
      expect(write.lastIndexOf('\x1b[?25h')).toBeGreaterThan(write.lastIndexOf('\x1b[?25l'));
      expect(write.endsWith('\n\x1b[J\x1b[?25h')).toBe(true);
    }
  });

  test('a narrower and a wider terminal', () => {
    const { clock, publish, screen, stream } = setUp();
    publish(started(clock.time), batchDone(clock.time, 'normalise', 0, 250));
    stream.columns = 200;
    stream.emit('resize');
    expect(Math.max(...screen().map((line) => line.length))).toBe(199);
    const writes = stream.writes.length;
    // The terminal wraps the 199 columns of the first line: two rows of it to go over, and one for each short line.
    stream.columns = 100;
    stream.emit('resize');
    expect(stream.writes[writes]).toContain('\x1b[5A');
    clock.advance(100);
    expect(stream.writes.at(-1)).toContain('\x1b[4A');
  });

  test('lines of others go above the block, and stay', () => {
    const { clock, bar, events$, publish, screen } = setUp();
    bar.log('before');
    publish(started(clock.time));
    bar.log('during');
    publish(event('notice', clock.time, { message: 'the input has\ngrown' }));
    clock.advance(500);
    const [...lines] = screen();
    expect(lines.slice(0, 3)).toEqual(['before', 'during', 'the input has grown']);
    expect(lines[3]).toContain('reviews');
    publish(completed(clock.time));
    events$.complete();
    bar.log('after');
    expect(screen()).toEqual([
      'before',
      'during',
      'the input has grown',
      expect.stringMatching(/^✔/),
      'after',
      '',
    ]);
  });

  test('a pause leaves a line, a resume begins a new block', () => {
    const { clock, publish, screen } = setUp();
    publish(started(clock.time));
    clock.advance(1_000);
    publish(event('pipeline.paused', clock.time, { batches: 2, rowsIn: 200, rowsOut: 190 }));
    expect(screen()).toEqual(['‖ reviews paused: 2 batches committed, 200 → 190 rows, in 1s', '']);
    expect(clock.pending).toBe(0);
    publish(event('pipeline.resumed', clock.time, { fromBatch: 2 }));
    expect(screen().slice(0, 2)).toEqual([
      expect.stringContaining('paused'),
      expect.stringContaining('reviews'),
    ]);
    expect(clock.pending).toBe(1);
  });

  test.each([
    [
      'failed',
      event('pipeline.failed', 0, { error: { ...FAILURE, message: 'a\x1b[2Jb' }, batches: 3 }),
      /^✖ reviews failed: a \[2Jb \(BOOM;/,
    ],
    ['cancelled', event('pipeline.cancelled', 0, { batches: 1 }), /^■ reviews cancelled: 1 batch committed/],
    [
      'without success',
      completed(0, { success: false, isComplete: false }),
      /^✖ reviews ended without success/,
    ],
    ['not whole', completed(0, { isComplete: false }), /^▲ reviews completed, not whole/],
  ] as const)('the end: %s', (_, last, line) => {
    const { clock, publish, screen } = setUp();
    publish(started(clock.time), { ...last, at: clock.time } as PipelineEvent);
    expect(screen()).toEqual([expect.stringMatching(line), '']);
  });

  test('a failure before the start has a line, too', () => {
    const { publish, screen } = setUp();
    publish(event('pipeline.failed', 0, { error: FAILURE, batches: 0 }));
    expect(screen()[0]).toMatch(/^✖ pipeline failed: the service is away/);
  });

  test('being detached clears the block and stops the timer', () => {
    const { clock, publish, screen, subscription } = setUp();
    publish(started(clock.time));
    subscription.unsubscribe();
    expect(screen()).toEqual(['']);
    expect(clock.pending).toBe(0);
  });

  test('a size of 0 is taken for 80 by 24', () => {
    const { clock, publish, screen } = setUp(new FakeStream({ columns: 0, rows: 0 }));
    publish(started(clock.time));
    expect(screen()).toHaveLength(5);
  });
});

describe('a stream that goes wrong', () => {
  test('a write that throws silences the bar, and the run continues', () => {
    const stream = new FakeStream();
    const { clock, publish } = setUp(stream);
    publish(started(clock.time));
    let calls = 0;
    stream.write = () => {
      calls++;
      throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    };
    clock.advance(1_000);
    publish(completed(clock.time));
    expect(calls).toBe(1);
  });

  test('an error event: silence; and it is listened to after the end, once per stream', () => {
    const stream = new FakeStream();
    const { clock, events$, publish } = setUp(stream);
    publish(started(clock.time));
    stream.emit('error');
    const writes = stream.writes.length;
    clock.advance(1_000);
    publish(completed(clock.time));
    events$.complete();
    expect(stream.writes.length).toBe(writes);
    setUp(stream);
    expect(stream.listeners.filter((each) => each.event === 'error')).toHaveLength(1);
  });

  test('a stream that is full is left alone until it has drained; the last line is written', () => {
    const stream = new FakeStream();
    const { clock, publish, screen } = setUp(stream);
    publish(started(clock.time));
    const writes = stream.writes.length;
    stream.writableNeedDrain = true;
    clock.advance(1_000);
    expect(stream.writes.length).toBe(writes);
    publish(completed(clock.time));
    expect(screen()[0]).toMatch(/^✔/);
  });
});

describe('where the output is no terminal', () => {
  test('plain lines at the start, every ten seconds, at the end', () => {
    const { clock, publish, screen, stream } = setUp(new FakeStream({ isTTY: false }));
    publish(started(clock.time));
    clock.advance(9_999);
    publish(batchDone(clock.time, 'normalise', 0, 500), committed(clock.time, 0, 500, 480));
    clock.advance(1);
    clock.advance(9_000);
    publish(completed(clock.time));
    expect(screen()).toEqual([
      `reviews started, session ${SESSION}, 2 stages: normalise, classify`,
      'reviews 50%, 500 → 480 rows, 50 rows/s, ETA 10s',
      '✔ reviews completed: 1,000 → 990 rows, in 19s, 53 rows/s',
      '',
    ]);
    expect(stream.writes.join('')).not.toContain('\x1b');
  });

  test('a resumed run says from where', () => {
    const { publish, screen } = setUp(new FakeStream({ isTTY: false }), { ascii: true });
    publish(started(0, { resumed: true, fromBatch: 7 }));
    expect(screen()[0]).toMatch(/^reviews resumes after 7 batches, session /);
  });
});
