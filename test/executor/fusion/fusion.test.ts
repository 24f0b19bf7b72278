/**
 * Pins: neighbouring synchronous row stages share one pass, and each is still a stage of its own: its actor counts the
 * batch, its events and figures are those it would have alone, and its error is its own.
 */
import { expect, test } from 'vitest';
import { filter, map, type PipelineEvent } from 'xstate-pipeline';
import type { StageActorContext } from '../../../machines/index.js';
import { harness, type Row } from '../../support/runs.js';

const three = () => [
  map('double', ({ n }: Row) => ({ n: n * 2 })),
  filter('not six', ({ n }: Row) => n !== 6),
  map('less one', ({ n }: Row) => ({ n: n - 1 })),
];

const ofStages = (events: readonly PipelineEvent[], type: PipelineEvent['type']) =>
  events.flatMap((event) => (event.type === type && 'stage' in event ? [event.stage] : []));

test('every fused stage has its events, in the order of the stages, and its counters', async () => {
  const run = harness(three(), { count: 8, pipeline: { batchSize: 4 } });
  const { metrics } = await run.start();
  const each = ['double', 'not six', 'less one'];
  expect(ofStages(run.events, 'stage.started')).toEqual(each);
  expect(ofStages(run.events, 'batch.started')).toEqual([...each, ...each]);
  expect(ofStages(run.events, 'batch.completed')).toEqual([...each, ...each]);
  expect(metrics.stages.map(({ rowsIn, rowsOut }) => [rowsIn, rowsOut])).toEqual([
    [8, 8],
    [8, 7],
    [7, 7],
  ]);
});

test('the actor of every fused stage counts every batch', async () => {
  const run = harness(three(), { count: 12, pipeline: { batchSize: 4 } });
  const done = new Map<string, number>();
  run.executor.actor.system.inspect((inspected) => {
    if (inspected.type !== '@xstate.snapshot') return;
    const { context } = inspected.snapshot as unknown as { context: Partial<StageActorContext> };
    if (context.name !== undefined && context.done !== undefined) done.set(context.name, context.done);
  });
  await run.start();
  expect(Object.fromEntries(done)).toEqual({ double: 3, 'not six': 3, 'less one': 3 });
});

test('an error of a fused stage names that stage; the stages before it have completed', async () => {
  const [first, second] = three();
  const broken = map('broken', () => {
    throw new Error('no');
  });
  const run = harness([first, second, broken] as never, { count: 4, pipeline: { batchSize: 4 } });
  await expect(run.start()).rejects.toMatchObject({ message: expect.stringContaining('"broken"') });
  expect(ofStages(run.events, 'batch.completed')).toEqual(['double', 'not six']);
  expect(ofStages(run.events, 'batch.started')).toEqual(['double', 'not six', 'broken']);
  expect(ofStages(run.events, 'stage.failed')).toEqual(['broken']);
});
