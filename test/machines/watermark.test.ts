/** Pinned: I4, I5: what is written ends at the first batch that is not finished, also when later ones are. */
import { expect, test } from 'vitest';
import { drivenMachine } from '../support/driven-machine.js';

test('I5: a gap behind the head of the window is not passed', () => {
  const { actor, log, finish } = drivenMachine({ batches: 3, manual: true, maxInFlight: 3, concurrency: 3 });
  const written = () => log.filter((line) => line.startsWith('write'));
  actor.send({ type: 'execute' });
  for (const batch of [2, 0]) {
    finish(0, batch);
    finish(1, batch);
  }
  expect(written()).toEqual(['write 0']);
  finish(0, 1);
  finish(1, 1);
  expect(written()).toEqual(['write 0', 'write 2']);
});
