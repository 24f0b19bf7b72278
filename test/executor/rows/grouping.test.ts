/**
 * Batches that arrive or end at the same moment are one event of the machines, and none waits for a later one. A pause ends
 * the read in progress (I13, I16).
 */
import { expect, test } from 'vitest';
import type { InspectionEvent } from 'xstate';
import { defineStage } from 'xstate-pipeline';
import type { ExecutorEvent, StageEvent } from '../../../machines/index.js';
import { CompletionBatcher } from '../../../src/executor/rows/completion-batcher.js';
import { gate, type Harness, harness, type Row } from '../../support/runs.js';

type Grouped = Extract<
  ExecutorEvent | StageEvent,
  { type: 'source.batches' | 'attempts.done' | 'stage.done' }
>;

/** Events that the machines get from here on, by type. */
function recordEvents(run: Harness) {
  const events: Grouped[] = [];
  run.executor.actor.system.inspect((inspected: InspectionEvent) => {
    if (inspected.type === '@xstate.event') events.push(inspected.event as Grouped);
  });
  return <T extends Grouped['type']>(type: T) =>
    events.filter((event): event is Extract<Grouped, { type: T }> => event.type === type);
}

test('batches that end together: one event to the stage, one to the executor, one to the next stage', async () => {
  const stage = (name: string) =>
    defineStage<Row, Row>({
      name,
      concurrency: 8,
      async process(rows) {
        // Each in a turn of its own, all of them when the event loop comes round.
        await new Promise((resolve) => setImmediate(resolve));
        return rows;
      },
    });
  const run = harness([stage('first'), stage('second')], { count: 80 });
  const of = recordEvents(run);
  await run.start();
  expect(of('attempts.done').map(({ batches }) => batches)).toEqual([
    [0, 1, 2, 3, 4, 5, 6, 7],
    [0, 1, 2, 3, 4, 5, 6, 7],
  ]);
  expect(of('stage.done').map(({ stage, batches }) => [stage, batches.length])).toEqual([
    [0, 8],
    [1, 8],
  ]);
  expect(run.sink.rows.map(({ n }) => n)).toEqual(Array.from({ length: 80 }, (_, n) => n));
});

test('rows that have arrived do not wait for later ones', async () => {
  const { opened, open } = gate();
  async function* source() {
    yield { n: 0 };
    yield { n: 1 };
    await opened;
    yield { n: 2 };
  }
  const run = harness(
    [defineStage<Row, Row>({ name: 'only', concurrency: 8, process: async (rows) => rows })],
    {
      source: source(),
      pipeline: { batchSize: 1 },
    },
  );
  const of = recordEvents(run);
  const both = run.event('batch.completed', (event) => 'batch' in event && event.batch === 1);
  const ended = run.start();
  await both;
  expect(of('source.batches').map(({ rows, more }) => [rows.length, more])).toEqual([[2, true]]);
  open();
  await ended;
  expect(of('source.batches').map(({ batch, rows, more }) => [batch, rows.length, more])).toEqual([
    [0, 2, true],
    [2, 1, true],
  ]);
});

test('a pause ends the read in progress after the batch that it is reading', async () => {
  const taken: number[] = [];
  const { opened, open } = gate();
  async function* source() {
    for (let n = 0; n < 10; n++) {
      if (n === 3) await opened;
      taken.push(n);
      yield { n };
    }
  }
  const run = harness(
    [defineStage<Row, Row>({ name: 'only', concurrency: 8, process: async (rows) => rows })],
    {
      source: source(),
      pipeline: { batchSize: 1 },
    },
  );
  const third = run.event('batch.completed', (event) => 'batch' in event && event.batch === 2);
  run.start();
  await third;
  const receipt = run.executor.pause();
  open();
  expect(await receipt).toMatchObject({ batches: 4 });
  expect(taken).toEqual([0, 1, 2, 3]);
});

test('completions are grouped by actor, attempt and last fused stage; after discardAll none is sent', async () => {
  const sent: unknown[] = [];
  const actor = { send: (event: unknown) => sent.push(event) };
  const completions = new CompletionBatcher();
  const soon = () => new Promise((resolve) => setImmediate(resolve));
  for (const batch of [1, 2]) completions.addCompletion({ actor, attempt: 1, through: undefined }, batch);
  completions.addCompletion({ actor, attempt: 2, through: undefined }, 3);
  completions.addCompletion({ actor, attempt: 1, through: 4 }, 5);
  await soon();
  expect(sent).toEqual([
    { type: 'attempts.done', attempt: 1, batches: [1, 2] },
    { type: 'attempts.done', attempt: 2, batches: [3] },
    { type: 'attempts.done', attempt: 1, through: 4, batches: [5] },
  ]);
  completions.addCompletion({ actor, attempt: 1, through: undefined }, 6);
  completions.discardAll();
  await soon();
  expect(sent).toHaveLength(3);
});
