/** A wall clock that steps back, by NTP or a virtual machine that wakes up, harms neither checkpoint nor metrics (I27). */
import { expect, test } from 'vitest';
import { defineStage } from 'xstate-pipeline';
import { manualClock } from '../../src/testing/manual-clock.js';
import { gate, harness, numbers, type Row } from '../support/runs.js';

test('a session is paused after the clock stepped back by a minute, and another executor resumes it', async () => {
  const clock = manualClock();
  const door = gate();
  const slow = defineStage({
    name: 'slow',
    process: async (batch: Row[]) => {
      await door.opened;
      return batch;
    },
  });
  const first = harness([slow], { environment: { clock } });
  const begun = first.event('batch.started');
  const run = first.start();
  run.catch(() => {});
  await begun;
  const pausing = first.executor.pause();
  clock.stepWallClock(-60_000);
  door.open();
  const { sessionId } = await pausing;
  const { checkpoint, warnings } = await first.stateManager.loadCheckpoint(sessionId);
  expect(warnings).toEqual([]);
  expect(checkpoint.state).toBe('PAUSED');
  const result = await first.executor.resume();
  expect(first.sink.rows).toEqual(numbers(100));
  expect(result.metrics.durationMs).toBeGreaterThanOrEqual(0);
  expect(result.metrics.stages.every(({ busyMs }) => busyMs >= 0)).toBe(true);
});
