/** Pins: each event is one structured record, at the level that its meaning asks for; JSON Lines hold one event a line. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { PipelineEvent } from '../../src/observers/events.js';
import { jsonLines } from '../../src/observers/json-lines.js';
import { type EventLogger, logEvents } from '../../src/observers/logger.js';
import { batchDone, committed, completed, event, FAILURE, SESSION, started } from './fixtures.js';

const counters = {
  stage: 's',
  batches: 1,
  rowsIn: 9,
  rowsOut: 8,
  skipped: 0,
  deadLettered: 0,
  retries: 0,
  busyMs: 1,
};
const EVERY: readonly PipelineEvent[] = [
  started(1),
  event('stage.started', 2, { stage: 's' }),
  ...batchDone(3, 's', 0, 10),
  event('batch.retried', 4, { stage: 's', batch: 1, attempt: 1, delayMs: 200, error: FAILURE }),
  event('batch.skipped', 5, { stage: 's', batch: 1, rows: 10, deadLettered: true, error: FAILURE }),
  event('row.failed', 6, { stage: 's', batch: 2, row: 4, deadLettered: false, error: FAILURE }),
  event('checkpoint.saved', 7, { state: 'EXECUTING', batches: 1, bytes: 900, durationMs: 3 }),
  committed(8, 0, 10),
  event('pipeline.paused', 9, { batches: 1, rowsIn: 10, rowsOut: 10 }),
  event('pipeline.resumed', 10, { fromBatch: 1 }),
  event('notice', 11, { message: 'the input has grown' }),
  event('stage.failed', 12, { stage: 's', batch: 2, error: FAILURE }),
  event('stage.completed', 13, { stage: 's', counters }),
  event('pipeline.cancelled', 14, { batches: 1 }),
  event('pipeline.failed', 15, { error: FAILURE, batches: 1 }),
  completed(16),
];

function logged(level: 'debug' | 'info' | 'warn'): Record<string, unknown>[] {
  const lines: string[] = [];
  const observer = logEvents({ level, destination: { write: (line: string) => lines.push(line) } });
  for (const each of EVERY) observer.next(each);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('levels and messages', () => {
  const labels = pino.levels.labels;
  const shown = logged('debug').map(
    ({ level, event: type, msg }) => `${labels[Number(level)]} ${type}: ${msg}`,
  );
  expect(shown.join('\n')).toMatchInlineSnapshot(`
    "info pipeline.started: reviews started
    info stage.started: stage s started
    debug batch.started: stage s, batch 0: attempt 1
    debug batch.completed: stage s, batch 0: completed
    warn batch.retried: stage s, batch 1: attempt 1 failed, next in 200 ms: the service is away
    warn batch.skipped: stage s, batch 1: 10 rows dead-lettered: the service is away
    warn row.failed: stage s, batch 2, row 4: the service is away
    info checkpoint.saved: checkpoint saved after 1 batch, 900 bytes
    debug batches.committed: committed up to batch 0
    info pipeline.paused: paused after 1 batch
    info pipeline.resumed: resumed from batch 1
    warn notice: the input has grown
    error stage.failed: stage s failed at batch 2: the service is away
    info stage.completed: stage s completed: 9 rows in, 8 out
    info pipeline.cancelled: cancelled after 1 batch
    error pipeline.failed: failed: the service is away
    info pipeline.completed: completed: 1000 rows in, 990 out"
  `);
});

test('a record has the session, the fields of the event and its time', () => {
  expect(logged('info').find((each) => each.event === 'checkpoint.saved')).toMatchObject({
    name: 'xstate-pipeline',
    sessionId: SESSION,
    eventTime: 7,
    state: 'EXECUTING',
    batches: 1,
    bytes: 900,
  });
});

test('batches are left out at info, which is the default level', () => {
  const types = logged('info').map((each) => each.event);
  expect(types).not.toContain('batch.completed');
  expect(types).toContain('batch.retried');
  expect(types).toHaveLength(EVERY.length - 3);
});

test('a pino logger of the application is used as it is', () => {
  const lines: string[] = [];
  const own: EventLogger = pino(
    { name: 'app', level: 'error' },
    { write: (line: string) => lines.push(line) },
  );
  const observer = logEvents(own);
  for (const each of EVERY) observer.next(each);
  expect(lines.map((line) => (JSON.parse(line) as { name: string; event: string }).event)).toEqual([
    'stage.failed',
    'pipeline.failed',
  ]);
});

test('JSON Lines: one event a line, each in one write, the same after reading', () => {
  const writes: string[] = [];
  const observer = jsonLines({ write: (line) => writes.push(line) });
  for (const each of EVERY) observer.next(each);
  observer.next(event('notice', 17, { message: 'two\nlines' }));
  expect(writes.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
  expect(writes.slice(0, -1).map((line) => JSON.parse(line) as unknown)).toEqual(EVERY);
});
