/**
 * As XState users expect of an actor, beside what `actor-is-the-run.test.ts` pins.
 *
 * 1. `actor.on(type, handler)` receives the run's events, for a root actor, a child and the executor's actor; a handler that
 *    throws harms neither the run nor another handler (I11).
 * 2. `createActor`'s `clock`, `logger` and `systemId` are honoured, also for a child.
 * 3. The executor's streams complete at the end of the run, after its last value.
 */
import type { Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { createActor, SimulatedClock, sendTo, setup, toPromise } from 'xstate';
import {
  type AnyStage,
  collect,
  defineStage,
  map,
  memoryStorage,
  type PipelineMachineOptions,
  pipeline,
  pipelineMachine,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const same = map('same', (row: Row) => row);

function machineOf(
  stage: typeof same | ReturnType<typeof defineStage<Row, Row>> = same,
  options: PipelineMachineOptions = {},
) {
  const job = pipeline('job', { batchSize: 10 })
    .from(rows(numbers(30)))
    .pipe(stage)
    .to(collect<Row>());
  const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 10 });
  return pipelineMachine(job, { stateManager, ...options });
}

describe('actor.on', () => {
  test('receives the events of the run, to the last one', async () => {
    const actor = createActor(machineOf(), { input: {} });
    const batches: number[] = [];
    const types: string[] = [];
    let committed = -1;
    let isComplete: boolean | undefined;
    actor.on('batch.completed', ({ batch, stage }) => batches.push(stage === 'same' ? batch : -1));
    actor.on('batches.committed', ({ upTo }) => {
      committed = upTo;
    });
    actor.on('pipeline.completed', (event) => {
      isComplete = event.isComplete;
    });
    actor.on('*', ({ type, sessionId }) => types.push(sessionId === '' ? 'no session' : type));
    const outcome = toPromise(actor.start());
    actor.send({ type: 'execute' });
    await outcome;
    await expect.poll(() => isComplete, { timeout: 10_000 }).toBe(true);
    expect(batches).toEqual([0, 1, 2]);
    expect(committed).toBe(2);
    expect([types[0], types.at(-1)]).toEqual(['pipeline.started', 'pipeline.completed']);
  });

  test('receives those of a child and of an executor; an ended subscription receives none', async () => {
    const parent = setup({ actors: { job: machineOf() } }).createMachine({
      invoke: { id: 'job', src: 'job', input: {} },
      entry: sendTo('job', { type: 'execute' }),
    });
    const actor = createActor(parent);
    const ofChild = new Promise<number>((resolve) => {
      actor.start();
      actor.getSnapshot().children.job?.on('batches.committed', ({ upTo }) => upTo === 2 && resolve(upTo));
    });
    expect(await ofChild).toBe(2);

    const h = harness([same], { count: 30 });
    const received: number[] = [];
    h.executor.actor.on('batch.completed', () => received.push(-1)).unsubscribe();
    h.executor.actor.on('batch.completed', ({ batch }) => received.push(batch));
    await h.start();
    expect(received).toEqual([0, 1, 2]);
  });

  test('a handler that throws is detached and logged; the others and the run continue', async () => {
    const said: unknown[][] = [];
    const actor = createActor(machineOf(), { input: {}, logger: (...words: unknown[]) => said.push(words) });
    let thrown = 0;
    const batches: number[] = [];
    actor.on('batch.completed', () => {
      thrown++;
      throw new Error('a handler');
    });
    actor.on('batch.completed', ({ batch }) => batches.push(batch));
    const outcome = toPromise(actor.start());
    actor.send({ type: 'execute' });
    expect((await outcome).isComplete).toBe(true);
    expect(batches).toEqual([0, 1, 2]);
    expect(thrown).toBe(1);
    expect(said).toHaveLength(1);
    expect(said[0]?.[0]).toMatch(/^An observer failed and was detached/);
  });

  test('events arrive in the order of events$, also when a subscriber gives a command', async () => {
    const h = harness([same], { count: 30 });
    const received: string[] = [];
    h.executor.addObserver({
      next: ({ type }) => type === 'pipeline.started' && h.executor.actor.send({ type: 'pause' }),
    });
    h.executor.actor.on('*', ({ type }) => received.push(type));
    void h.start();
    await h.event('pipeline.paused');
    expect(received).toEqual(h.events.map(({ type }) => type));
  });
});

describe('createActor', () => {
  const failing = (tries: { count: number }) =>
    defineStage({
      name: 'flaky',
      retry: { attempts: 2, initialDelayMs: 60_000, jitter: false },
      process: (batch: Row[], { batch: { index } }): Row[] => {
        if (index === 0 && tries.count++ === 0) throw new Error('busy');
        return batch;
      },
    });

  test.each(['a root', 'a child'])('the clock drives the waits of %s', async (which) => {
    const clock = new SimulatedClock();
    const tries = { count: 0 };
    const waiting = gate();
    const options = {
      observers: [{ next: ({ type }: { type: string }) => type === 'batch.retried' && waiting.open() }],
    };
    const job = machineOf(failing(tries), options);
    const parent = setup({ actors: { job } }).createMachine({
      initial: 'working',
      states: {
        working: {
          invoke: { id: 'job', src: 'job', input: {}, onDone: 'done' },
          entry: sendTo('job', { type: 'execute' }),
        },
        done: { type: 'final' },
      },
    });
    const actor =
      which === 'a root' ? createActor(job, { input: {}, clock }) : createActor(parent, { clock });
    const outcome = toPromise(actor.start() as Parameters<typeof toPromise>[0]);
    actor.send({ type: 'execute' });
    await waiting.opened;
    expect(tries.count).toBe(1);
    clock.increment(60_000);
    await outcome;
    expect(tries.count).toBe(2);
  });

  test('systemId names the actor in its system, the logger of a parent is that of its child', async () => {
    const said: unknown[] = [];
    const talking = defineStage({
      name: 'talking',
      process: (batch: Row[], { logger, batch: { index } }) => {
        if (index === 0) logger.warn('slow service');
        return batch;
      },
    });
    const parent = setup({ actors: { job: machineOf(talking) } }).createMachine({
      initial: 'working',
      states: {
        working: {
          invoke: { id: 'child', systemId: 'job', src: 'job', input: {}, onDone: 'done' },
          entry: ({ system }) => system.get('job').send({ type: 'execute' }),
        },
        done: { type: 'final' },
      },
    });
    const actor = createActor(parent, {
      systemId: 'office',
      logger: (message: unknown) => said.push(message),
    });
    const outcome = toPromise(actor.start());
    expect(actor.system.get('office')).toBe(actor);
    expect(actor.system.get('job')).toBe(actor.getSnapshot().children.child);
    await outcome;
    expect(said).toEqual(['slow service']);
  });
});

describe('streams', () => {
  test.each([
    ['COMPLETED', [same] as readonly AnyStage[]],
    ['FAILED', [map('broken', (_: Row): Row => JSON.parse('{'))] as readonly AnyStage[]],
  ])('complete at %s only if no command can follow', async (end, stages) => {
    const { executor, start } = harness(stages, { count: 30 });
    const completed: string[] = [];
    const last: Record<string, unknown> = {};
    const { events$, state$, progress$, metrics$ } = executor;
    const streams: Record<string, Observable<unknown>> = { events$, state$, progress$, metrics$ };
    for (const [name, stream] of Object.entries(streams))
      stream.subscribe({
        next: (value) => {
          last[name] = value;
        },
        complete: () => completed.push(name),
      });
    await start().catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(last.state$).toBe(end);
    expect(last.events$).toMatchObject({ type: `pipeline.${end.toLowerCase()}` });
    expect(completed.toSorted()).toEqual(end === 'COMPLETED' ? Object.keys(streams).toSorted() : []);
    if (end === 'COMPLETED') expect(last.metrics$).toMatchObject({ rowsOut: 30 });
  });
});
