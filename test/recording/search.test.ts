/** Pins the search in a recording: all that a record says, in any case, and none of its bookkeeping. */
import { beforeAll, expect, test } from 'vitest';
import type { RecordingReader } from '../../src/recording/reader.js';
import { readerOver, recordedSession } from '../support/recorded-session.js';

let reader: RecordingReader;
beforeAll(async () => {
  reader = readerOver(await recordedSession({ batches: 30 }));
});
const found = (text: string) => reader.find({ text }, 0, reader.length);

test('messages, names and values are searched, in any case', () => {
  const failures = found('503 FROM the Classification');
  expect(failures.length).toBeGreaterThan(0);
  for (const { record } of failures) expect(JSON.stringify(record)).toContain('503 from the classification');
  expect(found('PAUSED').some(({ record }) => record.type === 'step' && record.to === 'PAUSED')).toBe(true);
  expect(found('pid').length).toBe(0);
  expect(found('4711').map(({ record }) => record.type)).toContain('begin');
  expect(found('stage:CLASSIFY').length).toBeGreaterThan(10);
});

test('patches and contexts are not searched', () => {
  for (const { record } of found('maxInFlight')) expect(record.type).not.toBe('keyframe');
  expect(found('"in":{"activity"').length).toBe(0);
});
