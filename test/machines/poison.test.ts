/**
 * Poison isolation: which batch crashes the process.
 *
 * Pinned: only batches that were in flight at every crash are suspects. A crash with nothing in flight adds no suspect, and
 * progress past the suspects clears them. A batch is quarantined only as the single suspect, and runs alone until then.
 */
import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import { restoreSnapshot, updateSuspects } from '../../machines/index.js';
import { drivenMachine, STAGES } from '../support/driven-machine.js';

test('the first crash makes suspects of the batches in flight', () => {
  expect(updateSuspects(null, 5, 8)).toEqual({ crashes: 1, from: 5, to: 8 });
});

test('a further crash keeps those that were in flight both times', () => {
  expect(updateSuspects({ crashes: 1, from: 5, to: 8 }, 7, 12)).toEqual({ crashes: 2, from: 7, to: 8 });
});

test('a crash with nothing in flight changes no suspect', () => {
  const before = { crashes: 2, from: 7, to: 8 };
  expect(updateSuspects(before, 7, undefined)).toEqual(before);
  expect(updateSuspects(before, 7, 6)).toEqual(before);
  expect(updateSuspects(null, 7, undefined)).toBeNull();
});

test('progress past the suspects clears them', () => {
  expect(updateSuspects({ crashes: 2, from: 5, to: 8 }, 9, 12)).toEqual({ crashes: 1, from: 9, to: 12 });
  expect(updateSuspects({ crashes: 2, from: 5, to: 8 }, 9, undefined)).toBeNull();
});

test('one at a time, the third crash leaves one suspect', () => {
  expect(updateSuspects({ crashes: 2, from: 5, to: 8 }, 7, 7)).toEqual({ crashes: 3, from: 7, to: 7 });
});

test('no batch is read beside a suspect, the last one included, before it is committed', () => {
  const before = drivenMachine({ batches: 5, manual: true });
  before.actor.send({ type: 'execute' });
  const snapshot = restoreSnapshot(before.actor.getPersistedSnapshot(), STAGES);
  const context = { ...snapshot.context, suspects: { crashes: 2, from: 0, to: 1 } };
  const { machine, log, savedBy } = drivenMachine({ batches: 5, manualSave: true, maxInFlight: 2 });
  const actor = createActor(machine, { snapshot: { ...snapshot, context } as never, input: {} }).start();
  const read = () => log.filter((line) => line.startsWith('read'));
  actor.send({ type: 'resume' });
  actor.send({ type: 'opened' });
  expect(read()).toEqual(['read 0']);
  savedBy(actor);
  expect(read()).toEqual(['read 0', 'read 1']);
  savedBy(actor);
  expect(read()).toContain('read 3');
});
