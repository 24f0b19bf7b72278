/**
 * What an actor takes from XState (I28): `toPromise` settles at a failure and at a cancel; `createActor`'s logger and clock are
 * used; the actor's input chooses its pipeline and its session.
 */
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createActor, toPromise, waitFor } from 'xstate';
import {
  collect,
  defineStage,
  map,
  PipelineCancelledError,
  type PipelineMachineOptions,
  pipeline,
  pipelineMachine,
  rows,
} from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { freshFolder } from '../../support/folders.js';
import { numbers, type Row } from '../../support/runs.js';
import { stuckJobs, stuckStage } from '../../support/stuck-stage.js';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
});
const { managerOf, jobOf } = stuckJobs(() => folder);

describe('as XState users expect', () => {
  const failing = map('failing', (row: Row) => {
    if (row.n === 50) throw new RangeError('no');
    return row;
  });
  const machineOf = () =>
    pipelineMachine(
      pipeline('failing', { batchSize: 10 })
        .from(rows(numbers(100)))
        .pipe(failing)
        .to(collect()),
      { stateManager: managerOf() },
    );

  test('toPromise rejects with the original error when the run fails, and the actor takes resume', async () => {
    const actor = createActor(machineOf(), { input: {} }).start();
    const outcome = toPromise(actor);
    actor.send({ type: 'execute' });
    await expect(outcome).rejects.toMatchObject({ cause: new RangeError('no') });
    expect(actor.getSnapshot().value).toBe('FAILED');
    expect(actor.getSnapshot().can({ type: 'resume' })).toBe(true);
  });

  test('toPromise rejects when the run is cancelled', async () => {
    const { stage } = stuckStage();
    const actor = createActor(pipelineMachine(jobOf(stage), { stateManager: managerOf() }), {
      input: {},
    }).start();
    const outcome = toPromise(actor);
    actor.send({ type: 'execute' });
    actor.send({ type: 'cancel' });
    await expect(outcome).rejects.toBeInstanceOf(PipelineCancelledError);
  });

  test('the logger of createActor receives warnings', async () => {
    const said: unknown[] = [];
    const machine = pipelineMachine(jobOf(freed()), {
      stateManager: managerOf(),
      observers: [
        () => {
          throw new Error('an observer');
        },
      ],
    });
    const actor = createActor(machine, { input: {}, logger: (message: unknown) => said.push(message) });
    const outcome = toPromise(actor.start());
    actor.send({ type: 'execute' });
    await outcome;
    expect(said).toEqual(['An observer failed and was detached. The run continues.']);
  });

  test('the clock of createActor stamps the events', async () => {
    const times = new Set<number>();
    const clock = {
      now: () => 1_234,
      setTimeout: (fn: () => void, ms: number) => setTimeout(fn, ms) as never,
      clearTimeout: (timer: never) => clearTimeout(timer),
    };
    const machine = pipelineMachine(jobOf(freed()), {
      stateManager: managerOf(),
      observers: [{ next: ({ at }) => times.add(at) }],
    });
    const actor = createActor(machine, { input: {}, clock }).start();
    const outcome = toPromise(actor);
    actor.send({ type: 'execute' });
    await outcome;
    expect([...times]).toEqual([1_234]);
  });
});

function freed() {
  const { stage, free } = stuckStage();
  free();
  return stage;
}

describe('input', () => {
  const copies = () =>
    pipelineMachine(
      (input: { readonly to: string }) =>
        pipeline('copies', { batchSize: 10 })
          .from(rows(numbers(30)))
          .pipe(freed())
          .to(jsonl<Row>(input.to)),
      { stateManager: managerOf() },
    );

  test('chooses source and sink', async () => {
    const machine = copies();
    const run = async (name: string) => {
      const actor = createActor(machine, { input: { to: join(folder, name) } }).start();
      const outcome = toPromise(actor);
      actor.send({ type: 'execute' });
      return (await outcome).data.toArray();
    };
    const [a, b] = await Promise.all([run('a.jsonl'), run('b.jsonl')]);
    expect([a, b]).toEqual([numbers(30), numbers(30)]);
  });

  test('input.sessionId begins a session, and resumes it afterwards', async () => {
    const sessionId = crypto.randomUUID();
    const { stage, free } = stuckStage();
    const run = (made: typeof stage) => {
      const machine = pipelineMachine(jobOf(made), { stateManager: managerOf() });
      const actor = createActor(machine, { input: { sessionId } }).start();
      const outcome = toPromise(actor);
      outcome.catch(() => {});
      actor.send({ type: 'execute' });
      return { actor, outcome };
    };
    const first = run(stage);
    await waitFor(first.actor, ({ context }) => context.committed > 0);
    first.actor.stop();
    free();
    const again = await run(stage).outcome;
    expect(again).toMatchObject({ sessionId, metrics: { rowsOut: 100 } });
    // COMPLETED: the same result, at once.
    expect(await run(stage).outcome).toMatchObject({ sessionId, metrics: { rowsOut: 100 } });
  });

  test('a known session is refused to another pipeline', async () => {
    const sessionId = crypto.randomUUID();
    const of = (name: string) =>
      pipelineMachine(
        pipeline(name)
          .from(rows(numbers(30)))
          .pipe(freed())
          .to(collect()),
        { stateManager: manager },
      );
    const manager = managerOf();
    const run = (name: string) => {
      const actor = createActor(of(name), { input: { sessionId } }).start();
      const outcome = toPromise(actor);
      actor.send({ type: 'execute' });
      return outcome;
    };
    await run('first');
    await expect(run('second')).rejects.toMatchObject({
      code: 'PIPELINE_MISMATCH',
      differences: ['the pipeline was "first" and is "second"'],
    });
  });
});

describe('limits of a run', () => {
  const paid = defineStage({
    name: 'paid',
    estimate: { calls: 1 },
    process: async (batch: Row[], { spend }) => {
      spend({ calls: 1 });
      return batch;
    },
  });
  const machineOf = (options: PipelineMachineOptions) =>
    pipelineMachine(
      pipeline('paid', { batchSize: 10 })
        .from(rows(numbers(100)))
        .pipe(paid)
        .to(collect()),
      {
        stateManager: managerOf(),
        ...options,
      },
    );

  test.each([
    [{ budget: { calls: 3 } }, 'budget'],
    [{ sample: 20 }, 'sample'],
  ] as const)('%j pauses the actor by itself', async (options, kind) => {
    const actor = createActor(machineOf(options), { input: {} }).start();
    actor.send({ type: 'execute' });
    await waitFor(actor, (snapshot) => snapshot.matches('PAUSED'));
    expect(actor.getSnapshot().context.pauseReason).toMatchObject({ kind });
    actor.stop();
  });

  test('an option of a command is refused', () => {
    expect(() => machineOf({ resume: 'last' } as never)).toThrow('unknown option "resume"');
  });
});
