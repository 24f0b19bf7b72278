/** Pins which commands the page offers, and what it says of the others. */
import { beforeAll, expect, test } from 'vitest';
import { commandButtons, legalCommands } from '../../../src/inspector/page/view/commands.js';
import { type Recorded, recorded } from './recording.js';

let run: Recorded;
beforeAll(async () => {
  run = await recorded();
});

test('legal commands come from the statechart; the others say why they are disabled', () => {
  const chart = run.exported.charts.executor;
  expect([...legalCommands(chart, 'EXECUTING')].sort()).toEqual(['cancel', 'pause']);
  expect([...legalCommands(chart, 'FAILED')].sort()).toEqual(['cancel', 'execute', 'resume']);
  expect(legalCommands(chart, 'COMPLETED')).toEqual([]);
  const buttons = (state: string, rest: object = {}) =>
    Object.fromEntries(
      commandButtons(chart, { metrics: { state, doing: [] }, live: true, commandable: true, ...rest }).map(
        ({ command, enabled, title }) => [command, enabled ? true : title],
      ),
    );
  expect(buttons('EXECUTING')).toEqual({
    pause: true,
    cancel: true,
    resume: expect.stringContaining('legal now: '),
  });
  expect(buttons('PAUSED')).toEqual({
    resume: true,
    cancel: true,
    pause: expect.stringContaining('Cannot pause while PAUSED'),
  });
  expect(buttons('EXECUTING', { metrics: { state: 'EXECUTING', doing: ['pausing'] } }).pause).toMatch(
    /^Pausing/,
  );
  expect(buttons('EXECUTING', { live: false })).toMatchObject({
    resume: true,
    pause: expect.stringContaining('no process'),
  });
  expect(buttons('COMPLETED', { live: false }).resume).toMatch(/complete/);
  // The host knows what it can grant.
  expect(buttons('PAUSED', { live: false, canResume: false }).resume).toMatch(
    /nothing says how the pipeline/,
  );
  expect(buttons('PAUSED', { live: true, canResume: false }).resume).toMatch(/another process holds/);
  expect(buttons('PAUSED', { live: true, canResume: true }).resume).toBe(true);
  expect(buttons('PAUSED', { commandable: false })).toMatchObject({
    resume: expect.stringContaining('exported recording'),
  });
});
