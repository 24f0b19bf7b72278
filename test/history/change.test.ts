/** Pins: the corpus detects a change of behaviour in a machine, and names the event. Here a wrong `isPauseDone` lets the
 * executor pause without waiting for the batches in flight. */
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { replay } from 'xstate-pipeline/testing';
import { openRecording } from '../../src/history/open-recording.js';
import { home } from './corpus.js';
import { whole } from './runs.mjs';

vi.mock('../../machines/guards.js', async (original) => {
  const guards = await original<typeof import('../../machines/guards.js')>();
  const isPauseDone: ReturnType<typeof guards.executorGuards>['isPauseDone'] = ({ context: { activity } }) =>
    activity.goal === 'pause' && activity.committer === 'idle';
  return { ...guards, executorGuards: (end: number) => ({ ...guards.executorGuards(end), isPauseDone }) };
});

test('pausing without draining', async () => {
  const recording = join(home, '0.1.0/paused/session/recording');
  const { ok, divergence, text } = await replay(whole, recording);
  expect(ok).toBe(false);
  const reader = await openRecording(recording);
  const [paused] = reader.find({ text: 'pause', types: ['step'], actor: 'executor' });
  expect(paused?.record).toMatchObject({ event: { type: 'pause' } });
  expect(divergence).toMatchObject({
    ...{ event: paused?.record.n, at: paused?.record.at, actor: 'executor', state: 'EXECUTING' },
    expected: { transition: 'no step' },
    got: { state: 'PAUSED', transition: 'EXECUTING: always [isPauseDone], to PAUSED', actions: ['settled'] },
  });
  expect(text).toContain('executor continues without an event in EXECUTING');
});

test('runs that never pause are as they were', async () => {
  expect(await replay(whole, join(home, '0.1.0/retried/session/recording'))).toMatchObject({ ok: true });
});
