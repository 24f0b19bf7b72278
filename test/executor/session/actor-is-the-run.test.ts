/**
 * I28, the actor is the run: however an actor is stopped, its attempts are aborted, lock and files are free, `execute` is
 * settled, and the same process can resume the session at once.
 *
 * Pinned beside it: streams complete at the end; a pause while the run opens is kept. `actor-options.test.ts` pins what an actor
 * takes from XState.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { createActor, sendTo, setup, waitFor } from 'xstate';
import {
  collect,
  map,
  PipelineCancelledError,
  PipelineExecutor,
  pipeline,
  pipelineMachine,
  rows,
} from 'xstate-pipeline';
import { freshFolder } from '../../support/folders.js';
import { harness, numbers, type Row } from '../../support/runs.js';
import { stuckJobs, stuckStage } from '../../support/stuck-stage.js';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
});
const { managerOf, jobOf } = stuckJobs(() => folder);

async function resumeAtOnce(sessionId: string, stage: ReturnType<typeof stuckStage>['stage']) {
  const executor = new PipelineExecutor([stage], managerOf());
  const result = await executor.resume(sessionId, jobOf(stage));
  expect(result.metrics.rowsOut).toBe(100);
}

describe('stopped', () => {
  test('by actor.stop() of an executor', async () => {
    const { stage, aborted, free } = stuckStage();
    const executor = new PipelineExecutor([stage], managerOf());
    const committed = new Promise<void>((resolve) => {
      executor.addObserver({ next: ({ type }) => type === 'batches.committed' && resolve() });
    });
    const ended: string[] = [];
    executor.events$.subscribe({ complete: () => ended.push('events$') });
    executor.state$.subscribe({ complete: () => ended.push('state$') });
    executor.progress$.subscribe({ complete: () => ended.push('progress$') });
    const run = executor.execute(jobOf(stage));
    run.catch(() => {});
    await committed;
    const sessionId = executor.sessionId as string;
    executor.actor.stop();
    free();
    await resumeAtOnce(sessionId, stage);
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
    expect(aborted.length).toBeGreaterThan(0);
    expect(ended.toSorted()).toEqual(['events$', 'progress$', 'state$']);
  });

  test.each(['leaves the invoking state', 'ends', 'is stopped'])('by a parent that %s', async (how) => {
    const { stage, aborted, free } = stuckStage();
    let sessionId = '';
    let tellCommitted = () => {};
    const committed = new Promise<void>((resolve) => {
      tellCommitted = resolve;
    });
    const machine = pipelineMachine(jobOf(stage), {
      stateManager: managerOf(),
      observers: [
        {
          next(event) {
            sessionId = event.sessionId;
            if (event.type === 'batches.committed') tellCommitted();
          },
        },
      ],
    });
    const parent = setup({ actors: { machine } }).createMachine({
      initial: 'working',
      states: {
        working: {
          invoke: { id: 'child', src: 'machine', input: {} },
          entry: sendTo('child', { type: 'execute' }),
          on: { leave: 'idle', end: 'done' },
        },
        idle: {},
        done: { type: 'final' },
      },
    });
    const actor = createActor(parent).start();
    await committed;
    if (how === 'is stopped') actor.stop();
    else actor.send({ type: how === 'ends' ? 'end' : 'leave' });
    free();
    await resumeAtOnce(sessionId, stage);
    expect(aborted.length).toBeGreaterThan(0);
  });

  test('while it opens: nothing stays locked', async () => {
    const { stage, free } = stuckStage();
    const executor = new PipelineExecutor([stage], managerOf());
    const run = executor.execute(jobOf(stage));
    const sessionId = executor.sessionId as string;
    executor.actor.stop();
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
    free();
    await (await managerOf().lock(sessionId, {})).release();
  });

  test('and started again in the same task, as React does in its strict mode: the run continues', async () => {
    const { stage, free } = stuckStage();
    free();
    const machine = pipelineMachine(jobOf(stage), { stateManager: managerOf() });
    const actor = createActor(machine, { input: {} }).start();
    actor.send({ type: 'execute' });
    stopAndKeep(actor);
    actor.start();
    const done = await waitFor(actor, ({ status }) => status === 'done', { timeout: 20_000 });
    expect(done.output?.metrics.rowsOut).toBe(100);
  });
});

/** As `@xstate/react` does: the actor is stopped, and looks as if it had never been started. */
function stopAndKeep(root: object): void {
  interface Inside {
    _processingStatus: number;
    _snapshot: { readonly children: Readonly<Record<string, object>> };
    observers: Set<unknown>;
    stop(): void;
  }
  const kept: [Inside, Inside['_snapshot']][] = [];
  const keep = (actor: Inside) => {
    kept.push([actor, actor._snapshot]);
    actor.observers = new Set();
    for (const child of Object.values(actor._snapshot.children)) keep(child as Inside);
  };
  keep(root as Inside);
  (root as Inside).stop();
  for (const [actor, snapshot] of kept) {
    actor._processingStatus = 0;
    actor._snapshot = snapshot;
  }
}

test('the streams of an executor complete with its run', async () => {
  const h = harness([map('pass', (row: Row) => row)]);
  const ended: string[] = [];
  h.executor.events$.subscribe({ complete: () => ended.push('events$') });
  h.executor.state$.subscribe({ complete: () => ended.push('state$') });
  h.executor.progress$.subscribe({ complete: () => ended.push('progress$') });
  await h.start();
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended.toSorted()).toEqual(['events$', 'progress$', 'state$']);
});

test('a pause that a parent sends while the run opens is kept: it opens, pauses, and resumes', async () => {
  const out = collect<Row>();
  const job = pipeline('job', { batchSize: 10 })
    .from(rows(numbers(100)))
    .pipe(map('same', (row: Row) => row))
    .to(out);
  const parent = createActor(
    setup({ actors: { job: pipelineMachine(job, { stateManager: managerOf() }) } }).createMachine({
      invoke: { id: 'job', src: 'job', onDone: '.done' },
      initial: 'working',
      states: {
        working: {
          entry: [sendTo('job', { type: 'execute' }), sendTo('job', { type: 'pause' })],
          on: { continue: { actions: sendTo('job', { type: 'resume' }) } },
        },
        done: { type: 'final' },
      },
    }),
  ).start();
  const child = parent.getSnapshot().children.job;
  if (child === undefined) throw new Error('no child');
  expect(child.getSnapshot().value).toBe('INITIALIZING');
  await waitFor(child, ({ value }) => value === 'PAUSED');
  expect(out.rows).toEqual([]);
  parent.send({ type: 'continue' });
  await waitFor(parent, ({ status }) => status === 'done');
  expect(out.rows.length).toBe(100);
});
