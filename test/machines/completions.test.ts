/** Pins: an answer for attempts that are not running is ignored, and so is an event that is sent twice. */
import { expect, test } from 'vitest';
import { transition } from 'xstate';
import { type StageEvent, stageMachine } from '../../machines/index.js';

const machine = stageMachine.provide({ actions: { report: () => {} } });
const input = { name: 'one', index: 0, concurrency: 2, attempts: 1 };

const context = {
  ...input,
  queue: [],
  running: [],
  waiting: [],
  held: undefined,
  done: 0,
  retried: 0,
  error: null,
};

function after(...events: readonly StageEvent[]) {
  const idle = machine.resolveState({ value: 'idle', context });
  return events.reduce((snapshot, event) => transition(machine, snapshot, event)[0], idle).context;
}

const work: StageEvent = { type: 'process', batches: [0, 1, 2, 3] };
const done = (...batches: number[]): StageEvent => ({ type: 'attempts.done', batches, attempt: 1 });

test('of others first, then of those that run', () => {
  expect(after(work, done(7), done(0))).toMatchObject({ done: 1, running: [{ batch: 1 }, { batch: 2 }] });
});

test('the same event twice counts once', () => {
  const event = done(0);
  expect(after(work, event, event)).toMatchObject({ done: 1, running: [{ batch: 1 }, { batch: 2 }] });
});
