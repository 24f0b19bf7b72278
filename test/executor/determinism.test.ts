/** I14: clock, chance and ids are injected: the same ones give the same events and the same checkpoints, to the letter. */
import { expect, test } from 'vitest';
import { defineStage, memoryStorage, StateManager, seededRandom } from 'xstate-pipeline';
import { manualClock } from '../../src/testing/manual-clock.js';
import { harness, type Row } from '../support/runs.js';

const ID = '0f8fad5b-d9cb-469f-a165-70867728950e';

async function run() {
  const clock = manualClock(1_000_000);
  const storage = memoryStorage();
  const h = harness(
    [
      defineStage({
        name: 'busy',
        retry: { attempts: 3, initialDelayMs: 100 },
        process: async (batch: Row[], { attempt, batch: { index } }) => {
          if (attempt <= index % 3) throw new Error('busy');
          return batch;
        },
      }),
    ],
    {
      stateManager: new StateManager(storage, { checkpointInterval: 20, clock }),
      environment: { clock, random: seededRandom(7), newSessionId: () => ID },
    },
  );
  h.executor.addObserver({
    next: (event) => event.type === 'batch.retried' && queueMicrotask(() => clock.advance(event.delayMs)),
  });
  await h.start();
  return { events: h.events, stored: await storage.read(ID), now: Math.round(clock.now()) };
}

test('twice the same', async () => {
  const { events, stored, now } = await run();
  expect(now).toBeGreaterThan(1_000_000);
  expect(events.every(({ at, sessionId }) => at >= 1_000_000 && at <= now && sessionId === ID)).toBe(true);
  expect(await run()).toEqual({ events, stored, now });
  const { savedAt, startedAt } = JSON.parse(stored?.generations[0]?.text ?? '');
  expect({ savedAt, startedAt }).toEqual({ savedAt: now, startedAt: 1_000_000 });
});
