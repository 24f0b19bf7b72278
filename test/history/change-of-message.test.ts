/** Pins: a change of what the executor sends its stages is caught by the corpus, though its own states and contexts stay as they
 * were. Here it routes what it has read to the second stage instead of the first. */
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { sendTo } from 'xstate';
import { replay } from 'xstate-pipeline/testing';
import { openRecording } from '../../src/history/open-recording.js';
import { home } from './corpus.js';
import { whole } from './runs.mjs';

vi.mock('../../machines/executor.machine.js', async (original) => {
  const real = await original<typeof import('../../machines/executor.machine.js')>();
  const wrong = sendTo('stage:again', ({ event }) => {
    const { batch, rows } = event as unknown as { batch: number; rows: readonly number[] };
    return { type: 'process', batches: rows.map((_, i) => batch + i) };
  });
  const createExecutorMachine = (...options: Parameters<typeof real.createExecutorMachine>) => {
    const machine = real.createExecutorMachine(...options);
    const [transition] = machine.root.states.EXECUTING?.transitions.get('source.batches') ?? [];
    if (transition === undefined) throw new Error('the executor reads in another way');
    // It takes them in, and routes them.
    (transition.actions as unknown[]).splice(1, 1, wrong);
    return machine;
  };
  return { ...real, createExecutorMachine };
});

test('another stage', async () => {
  const recording = join(home, '0.1.0/completed/session/recording');
  const { ok, divergence } = await replay(whole, recording);
  expect(ok).toBe(false);
  const reader = await openRecording(recording);
  const [first] = reader.find({ text: 'source.batches', types: ['step'], actor: 'executor' });
  expect(divergence).toMatchObject({
    ...{ event: first?.record.n, actor: 'executor', eventType: 'source.batches' },
    differences: [
      { path: 'sends to stage:double', got: undefined },
      { path: 'sends to stage:again', expected: undefined },
    ],
  });
});
