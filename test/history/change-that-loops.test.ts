/** Pins: a change after which a machine takes steps without end is named, at the very event; the replay does not hang. */
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { replay } from 'xstate-pipeline/testing';
import { home } from './corpus.js';
import { whole } from './runs.mjs';

vi.mock('../../machines/guards.js', async (original) => {
  const guards = await original<typeof import('../../machines/guards.js')>();
  const mayRead = () => true;
  return { ...guards, executorGuards: (end: number) => ({ ...guards.executorGuards(end), mayRead }) };
});

test('a guard of an eventless transition that always holds', async () => {
  const { ok, divergence, text } = await replay(whole, join(home, '0.1.0/retried/session/recording'));
  expect(ok).toBe(false);
  expect(divergence).toMatchObject({ actor: 'executor', got: { state: undefined } });
  expect(text).toContain(
    'the machine throws: it takes more than 1000 steps for one event, and comes to no rest',
  );
});
