/** Pins: a change of what the executor sends its stages is caught by the corpus, though its own states and contexts stay as they
 * were. Here every batch is sent as if its first attempt had been made. */
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { replay } from 'xstate-pipeline/testing';
import { openRecording } from '../../src/executor/replay/open-recording.js';
import { home } from './corpus.js';
import { whole } from './runs.mjs';

vi.mock('../../machines/suspicion.js', async (original) => ({
  ...(await original<typeof import('../../machines/suspicion.js')>()),
  firstAttempt: () => 2,
}));

test('another attempt', async () => {
  const recording = join(home, '0.1.0/completed/session/recording');
  const { ok, divergence } = await replay(whole, recording);
  expect(ok).toBe(false);
  const reader = await openRecording(recording);
  const [first] = reader.find({ text: 'source.batch', types: ['step'], actor: 'executor' });
  expect(divergence).toMatchObject({
    ...{ event: first?.record.n, actor: 'executor', eventType: 'source.batch' },
    differences: [{ expected: { attempt: 1 }, got: { attempt: 2 } }],
  });
});
