/**
 * `killed-while-executing.json` is the snapshot in the last checkpoint of a run that was killed (kill -9) in EXECUTING. These
 * tests restore it, without a file, a clock or a wait, and check its state and its next steps.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import { createExecutorMachine, InvalidSnapshotError, restoreSnapshot } from 'xstate-pipeline/machines';

const stages = [{ name: 'slow', concurrency: 2, attempts: 1 }];
const persisted = () =>
  JSON.parse(readFileSync(new URL('killed-while-executing.json', import.meta.url), 'utf8'));

/** The machine, with actions that only record their calls. */
function replay(snapshot: ReturnType<typeof restoreSnapshot>) {
  const asked: string[] = [];
  const machine = createExecutorMachine(stages).provide({
    actions: {
      open: () => asked.push('open'),
      readBatches: (_, { batch }) => asked.push(`read ${batch}`),
      writeBatches: (_, { upTo }) => asked.push(`write up to ${upTo}`),
    },
  });
  const actor = createActor(machine, { snapshot: snapshot as never, input: {} }).start();
  return { actor, asked };
}

test('a killed run is restored as PAUSED, at the last durable batch', () => {
  expect(persisted()).toMatchObject({ value: 'EXECUTING', context: { next: 25, committed: 19 } });

  const { actor } = replay(restoreSnapshot(persisted(), stages));
  const { value, context } = actor.getSnapshot();
  expect(value).toBe('PAUSED');
  expect(context.window, 'the four batches in flight are discarded').toEqual([]);
  expect(context.next, 'the first batch that is not in the sink').toBe(21);
  expect(context.flushed).toMatchObject({
    rowsIn: 10_500,
    source: { bytes: 517_550 },
    sink: { bytes: 422_068 },
  });
});

test('resume continues from there, and routes the batch through the stage to the sink', () => {
  const { actor, asked } = replay(restoreSnapshot(persisted(), stages));
  actor.send({ type: 'resume' });
  actor.send({ type: 'opened' });
  expect(actor.getSnapshot().value).toBe('EXECUTING');
  expect(asked).toEqual(['open', 'read 21']);

  actor.send({ type: 'source.batches', batch: 21, rows: [500], at: 0 });
  actor.send({ type: 'stage.done', stage: 0, batches: [21] });
  expect(asked).toEqual(['open', 'read 21', 'read 22', 'write up to 21']);
});

test('a snapshot of other stages is refused', () => {
  expect(() => restoreSnapshot(persisted(), [{ name: 'fast', concurrency: 2, attempts: 1 }])).toThrow(
    InvalidSnapshotError,
  );
});
