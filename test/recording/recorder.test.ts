/**
 * Pinned: what a recording shows at a step is what the machine was at that step, context and all, for every actor and
 * every step; the very transition is named; a recorder that fails, or ends, leaves the run alone (I11); no row (I3).
 */
import { expect, test } from 'vitest';
import { defineStage, map } from 'xstate-pipeline';
import { seededRandom } from '../../src/platform/clock.js';
import type { StepRecord } from '../../src/recording/format.js';
import { harness, type Row } from '../support/runs.js';
import { observeSteps, readerOf, recordOf, textSink } from './live-run.js';

const pass = (name: string) => map(name, (row: Row) => row);

function shaky(name: string, random: () => number) {
  return defineStage<Row, Row>({
    name,
    concurrency: 3,
    retry: { attempts: 3, initialDelayMs: 1, maxDelayMs: 1 },
    onError: 'skip',
    async process(rows) {
      await new Promise((resolve) => setImmediate(resolve));
      if (random() < 0.2) throw new Error('not now');
      return rows;
    },
  });
}

for (const seed of [1, 2, 3, 4]) {
  test(`frames are what the machines were, step by step (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const stages = [pass('first'), shaky('second', random), pass('third')];
    const h = harness(stages, { count: 50 + Math.floor(random() * 150), pipeline: { maxInFlight: 6 } });
    const sink = textSink();
    const recorder = recordOf(h.executor, stages, sink, {
      keyframeEvery: 1 + Math.floor(random() * 60),
      segmentLength: 20_000,
    });
    h.executor.addObserver({ next: (event) => recorder.event(event) });
    const seen = observeSteps(h.executor);
    const run = h.start();
    await h.event('batches.committed');
    await h.executor.pause();
    await h.executor.resume();
    await run;
    recorder.end('done');

    const reader = readerOf(sink.text);
    let at = 0;
    for (let i = 0; i < reader.length; i++) {
      const { record, actors, isUncertain } = reader.frameAt(i);
      expect(isUncertain, `record ${i}, ${JSON.stringify(record)}`).toBe(false);
      if (record.type !== 'step') continue;
      const real = seen[at++];
      expect(record.actor).toBe(real?.actor);
      expect(actors[record.actor]?.state).toEqual(real?.value);
      expect(actors[record.actor]?.context).toEqual(real?.context);
    }
    expect(at).toBe(seen.length);
    // And from anywhere, without what was read before.
    for (let k = 0; k < 8; k++) {
      const i = Math.floor(random() * reader.length);
      expect(readerOf(sink.text).frameAt(i)).toEqual(reader.frameAt(i));
    }
  });
}

test('a step names the very transition that was taken', async () => {
  const stages = [pass('only')];
  const h = harness(stages, { count: 20 });
  const sink = textSink();
  recordOf(h.executor, stages, sink);
  await h.start();
  const reader = readerOf(sink.text);
  const { definitions, stages: names, marks } = reader.summary();
  expect(names).toEqual(['only']);
  expect(marks.map(({ kind }) => kind)).toContain('completed');
  const steps = reader.find({ types: ['step'] }, 0, 10_000).map(({ record }) => record as StepRecord);
  const executor = steps.filter(({ actor }) => actor === 'executor');
  for (const step of executor) {
    const taken = definitions.executor?.transitions[step.transition ?? -1];
    expect(taken?.source).toBe(step.from);
    expect(taken?.event).toBe(step.event?.type ?? '');
    if (step.to !== step.from) expect(taken?.targets).toEqual([step.to]);
  }
  const taken = executor.map((step) => definitions.executor?.transitions[step.transition ?? -1]);
  expect(executor[0]).toMatchObject({ from: 'IDLE', to: 'INITIALIZING', event: { type: 'execute' } });
  expect(taken.at(-1)).toMatchObject({ guard: 'isFinished', targets: ['COMPLETED'] });
  expect(taken.find((one) => one?.event === 'source.batches')).toMatchObject({ guard: 'startsAtStage' });
  const stage = steps.find(({ actor, event }) => actor === 'stage:only' && event?.type === 'process');
  expect(definitions.stage?.transitions[stage?.transition ?? -1]?.event).toBe('process');
});

test('I11: a sink that throws ends the recording, once, and not the run', async () => {
  const stages = [pass('only')];
  const h = harness(stages, { count: 200 });
  const failures: unknown[] = [];
  let writes = 0;
  const sink = {
    write() {
      if (++writes > 50) throw new Error('disk full');
    },
  };
  const recorder = recordOf(h.executor, stages, sink, { onFailure: (error) => failures.push(error) });
  const result = await h.start();
  expect(result.metrics.rowsOut).toBe(200);
  expect(recorder.isEnded).toBe(true);
  expect(failures).toEqual([new Error('disk full')]);
  expect(writes).toBe(51);
});

test('stages that are spawned anew replace the earlier ones, whose end is ignored', async () => {
  let isBroken = true;
  const breakable = defineStage<Row, Row>({
    name: 'only',
    process(rows) {
      if (isBroken) throw new Error('not yet');
      return rows;
    },
  });
  const h = harness([breakable], { count: 50 });
  const sink = textSink();
  recordOf(h.executor, [breakable], sink);
  await h.start().catch(() => {});
  isBroken = false;
  await h.executor.resume();
  const reader = readerOf(sink.text);
  expect(reader.summary().marks.map(({ kind }) => kind)).toContain('failed');
  const spawned = reader.find({ types: ['actor'], actor: 'stage:only' });
  expect(spawned).toHaveLength(2);
  const work = reader.find({ actor: 'stage:only', text: 'process' }, spawned[1]?.index);
  expect(work.flatMap(({ record }) => (record as StepRecord).event?.batches)).toHaveLength(5);
  for (const { index } of work) expect(reader.frameAt(index).actors['stage:only']?.status).toBe('active');
});

test('begun late and ended early, it shows what was between', async () => {
  const stages = [pass('only')];
  const h = harness(stages, { count: 400 });
  const sink = textSink();
  const run = h.start();
  await h.event('batches.committed');
  const recorder = recordOf(h.executor, stages, sink);
  await h.event('batches.committed');
  recorder.end('enough');
  const { length } = sink.text;
  await run;
  expect(sink.text).toHaveLength(length);
  const reader = readerOf(sink.text);
  expect(reader.frameAt(0).actors.executor?.state).toBe('EXECUTING');
  expect(reader.record(reader.length - 1)).toMatchObject({ type: 'end', reason: 'enough' });
});

test('I3: an event that the runtime did not send is not recorded', async () => {
  const stages = [pass('only')];
  const h = harness(stages, { count: 20 });
  const sink = textSink();
  recordOf(h.executor, stages, sink);
  (h.executor.actor as { send(event: object): void }).send({ type: 'stray', row: { iban: 'DE89' } });
  await h.start();
  expect(sink.text).not.toContain('stray');
  expect(sink.text).not.toContain('DE89');
});
