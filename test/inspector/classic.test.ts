/**
 * Pins what the viewer of `@xstate/inspect` sees of a real run (src/inspector/classic), by the package's own receiver:
 *
 * 1. Every actor with its parent, chart and state: for late viewers too, for restored runs, to the end.
 * 2. A viewer's `pause`, `resume` and `cancel` reach the run; other events do not.
 * 3. Each actor's state is sent at most every half second.
 * 4. The viewers of a run see that run only; the package's global is restored.
 */
import { afterEach, expect, test } from 'vitest';
import { collect, map, memoryStorage, rows, StateManager } from 'xstate-pipeline';
import { createExecutorMachine } from 'xstate-pipeline/machines';
import { manualClock } from 'xstate-pipeline/testing';
import { type ClassicInspector, type ClassicOptions, serveClassic } from '../../src/inspector/classic.js';
import { type Harness, harness, numbers, type Row } from '../support/runs.js';
import { ClassicViewer } from './classic-viewer.js';
import { heldRun as held } from './held-run.js';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function serve(run: Harness, options: ClassicOptions = {}): Promise<ClassicInspector> {
  const inspector = await serveClassic(run.executor.actor, options);
  open.push(inspector);
  return inspector;
}

function viewerOf({ url }: ClassicInspector): ClassicViewer {
  const viewer = new ClassicViewer(url);
  open.push(viewer);
  return viewer;
}

/** The executor, two stages, committer and publisher. */
const ACTORS = 5;

test('a viewer sees every actor with its parent, chart and state, to the end', async () => {
  const { run, letGo, working } = held();
  const viewer = viewerOf(await serve(run, { everyMs: 1 }));
  await viewer.until((all) => all.has('executor'));
  expect(viewer.service('executor').state.value).toBe('IDLE');
  const done = run.start();
  await working;
  await viewer.until((all) => all.has('stage:wait', ({ state }) => state.value === 'running'));
  const executor = viewer.service('executor');
  expect(viewer.service('stage:same').parent).toBe(executor.sessionId);
  expect(viewer.service('stage:wait').parent).toBe(executor.sessionId);
  letGo();
  expect((await done).success).toBe(true);
  await viewer.until(({ services }) => [...services.values()].every(({ isStopped }) => isStopped));
  expect(executor.state.value).toBe('COMPLETED');
  expect(executor.state.done).toBe(true);
  expect(executor.state.context).toMatchObject({ committed: 10 });
  expect(viewer.messages.map(({ type }) => type)).toContain('service.event');
});

test('the charts work in XState 4, guards included', async () => {
  const { run, letGo, working } = held();
  const viewer = viewerOf(await serve(run));
  const done = run.start();
  await working;
  await viewer.until((all) => all.has('stage:wait'));
  const { machine } = viewer.service('executor');
  const drawn = createExecutorMachine([]);
  expect(machine.initialState.value).toBe('IDLE');
  expect(Object.keys(machine.states)).toEqual(Object.keys(drawn.states));
  const always = machine.states.EXECUTING?.transitions.filter(({ eventType }) => eventType === '');
  expect(always?.map(({ cond }) => cond?.name)).toEqual(
    drawn.states.EXECUTING?.always?.map(({ guard }) => guard),
  );
  expect(always?.length).toBeGreaterThan(4);
  const begun = machine.transition('IDLE', 'execute');
  expect(begun.value).toBe('INITIALIZING');
  expect(machine.transition(begun, 'cancel').value).toBe('IDLE');
  expect(viewer.service('stage:wait').machine.initialState.value).toBe('idle');
  letGo();
  await done;
});

test('a late viewer sees every actor, during the run and after its end', async () => {
  const { run, letGo, working } = held();
  const inspector = await serve(run, { everyMs: 1 });
  const done = run.start();
  await working;
  const inTheMiddle = viewerOf(inspector);
  await inTheMiddle.until(({ services }) => services.size === ACTORS);
  expect(inTheMiddle.service('executor').state.value).toBe('EXECUTING');
  expect(inTheMiddle.service('stage:wait').state.value).toBe('running');
  const [first] = inTheMiddle.services.values();
  expect(first?.id).toBe('executor');
  letGo();
  await done;
  const afterTheEnd = viewerOf(inspector);
  const isAllOver = ({ services }: ClassicViewer) =>
    services.size === ACTORS && [...services.values()].every(({ isStopped }) => isStopped);
  await Promise.all([inTheMiddle.until(isAllOver), afterTheEnd.until(isAllOver)]);
  expect(inspector.viewers).toBe(2);
  for (const viewer of [inTheMiddle, afterTheEnd]) {
    expect(viewer.service('executor').state.value).toBe('COMPLETED');
    expect(viewer.service('stage:wait').parent).toBe(viewer.service('executor').sessionId);
  }
  expect(inTheMiddle.messages.filter(({ type }) => type === 'service.register')).toHaveLength(ACTORS);
});

test('a viewer pauses the run and resumes it', async () => {
  const { run, letGo, working } = held();
  const viewer = viewerOf(await serve(run, { everyMs: 1 }));
  const done = run.start();
  await working;
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'EXECUTING'));
  const { sessionId } = viewer.service('executor');
  viewer.send(sessionId, 'pause');
  await viewer.until((all) => all.messages.some(({ event }) => event?.name === 'pause'));
  letGo();
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'PAUSED'));
  expect(run.events.map(({ type }) => type)).toContain('pipeline.paused');
  viewer.send(sessionId, 'resume');
  expect((await done).success).toBe(true);
});

test('a viewer cancels the run', async () => {
  const { run, working } = held();
  const viewer = viewerOf(await serve(run, { everyMs: 1 }));
  const outcome = expect(run.start()).rejects.toThrow('cancelled');
  await working;
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'EXECUTING'));
  viewer.send(viewer.service('executor').sessionId, 'cancel');
  await outcome;
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'IDLE'));
});

test('other events of a viewer change nothing', async () => {
  const { run, letGo, working } = held();
  const inspector = await serve(run, { everyMs: 1 });
  const viewer = viewerOf(inspector);
  const done = run.start();
  await working;
  await viewer.until((all) => all.has('stage:wait'));
  const executor = viewer.service('executor').sessionId;
  const stage = viewer.service('stage:wait').sessionId;
  const before = run.executor.actor.getSnapshot();
  for (const type of [
    'failure',
    'sink.published',
    'source.end',
    'execute',
    'resume',
    'xstate.stop',
    'constructor',
  ])
    viewer.send(executor, type);
  for (const type of ['abort', 'attempts.done', 'pause', 'cancel']) viewer.send(stage, type);
  viewer.send('x:no-such', 'cancel');
  // Messages of a viewer arrive in order: the answer to this one proves that the others were handled.
  viewer.send(executor, 'pause');
  await viewer.until((all) => all.messages.some(({ event }) => event?.name === 'pause'));
  expect(before.context.activity.goal).toBe('run');
  letGo();
  await run.event('pipeline.paused');
  expect(run.sink.rows.length).toBeGreaterThan(0);
  const going = run.executor.resume();
  going.catch(() => {});
  const result = await done;
  expect(result.success).toBe(true);
  expect(result.metrics.rowsOut).toBe(100);
});

test('with commands: false, no command reaches the run', async () => {
  const { run, letGo, working } = held();
  const viewer = viewerOf(await serve(run, { everyMs: 1, commands: false }));
  const done = run.start();
  await working;
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'EXECUTING'));
  viewer.send(viewer.service('executor').sessionId, 'cancel');
  await viewer.heard();
  expect(run.executor.state).toBe('EXECUTING');
  letGo();
  expect((await done).success).toBe(true);
});

test('execute in IDLE calls the handler of the app', async () => {
  const run = harness([map('same', (row: Row) => row, { version: '1' })]);
  const executed = new Promise<void>((resolve, reject) => {
    void serve(run, { everyMs: 1, execute: () => run.start().then(() => resolve(), reject) }).then(
      async (inspector) => {
        const viewer = viewerOf(inspector);
        await viewer.until((all) => all.has('executor'));
        viewer.send(viewer.service('executor').sessionId, 'execute');
      },
    );
  });
  await executed;
  expect(run.executor.state).toBe('COMPLETED');
});

test('a resumed session of another process is shown from its resume on', async () => {
  const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 20 });
  const sink = collect<Row>();
  const source = numbers(100);
  const first = held({ stateManager, sink, source });
  first.run.start();
  await first.working;
  const pausing = first.run.executor.pause();
  first.letGo();
  const { sessionId } = await pausing;
  await first.run.executor.cancel();
  const second = held({ stateManager });
  const inspector = await serve(second.run, { everyMs: 1 });
  const viewer = viewerOf(inspector);
  const { executor } = second.run;
  const following = executor.state$.subscribe(() => inspector.follow(executor.actor));
  const done = executor.resume(sessionId, { source: rows(source), sink });
  await second.working;
  await viewer.until((all) => all.has('stage:wait', ({ state }) => state.value === 'running'));
  const late = viewerOf(inspector);
  await late.until((all) => all.has('stage:wait', ({ state }) => state.value === 'running'));
  const restored = late.service('executor');
  expect(restored.state.value).toBe('EXECUTING');
  expect(restored.state.context).toMatchObject({ sessionId });
  expect(late.service('stage:wait').parent).toBe(restored.sessionId);
  second.letGo();
  await done;
  following.unsubscribe();
  await viewer.until((all) => all.has('executor', ({ state }) => state.value === 'COMPLETED'));
});

test("each actor's state is sent at most every half second, and always the latest", async () => {
  const timers = manualClock();
  const { run, letGo, working } = held({ count: 2000 }, 150);
  const viewer = viewerOf(await serve(run, { timers }));
  await viewer.until((all) => all.has('executor'));
  const done = run.start();
  await working;
  const states = (id: string) => {
    const { sessionId } = viewer.service(id);
    return viewer.messages.filter(
      (message) => message.type === 'service.state' && message.sessionId === sessionId,
    );
  };
  timers.advance(499);
  await viewer.heard();
  expect(states('executor').length).toBe(1);
  expect(states('stage:wait').length).toBe(0);
  expect(viewer.service('stage:wait').state.value).toBe('idle');
  timers.advance(1);
  await viewer.heard();
  expect(states('executor').length).toBe(2);
  expect(states('stage:wait').length).toBe(1);
  expect(viewer.service('executor').state.value).toBe('EXECUTING');
  expect(viewer.service('stage:wait').state.value).toBe('running');
  timers.advance(60_000);
  expect(timers.pending).toBe(0);
  await viewer.heard();
  // One more if a checkpoint was saved meanwhile.
  const before = states('executor').length;
  expect(before).toBeLessThanOrEqual(3);
  letGo();
  await done;
  await viewer.until(({ services }) => [...services.values()].every(({ isStopped }) => isStopped));
  expect(viewer.service('executor').state.context).toMatchObject({ committed: 200 });
  // The end of the actor.
  expect(states('executor').length).toBe(before + 1);
});

test('two runs in a process: the viewers of each see and command that run only', async () => {
  const [one, other] = [held(), held()];
  const [viewer, stranger] = [
    viewerOf(await serve(one.run, { everyMs: 1 })),
    viewerOf(await serve(other.run, { everyMs: 1 })),
  ];
  const [done, otherDone] = [one.run.start(), other.run.start()];
  await Promise.all([one.working, other.working]);
  const isThere = (all: ClassicViewer) => all.has('stage:wait', ({ state }) => state.value === 'running');
  await Promise.all([viewer.until(isThere), stranger.until(isThere)]);
  const ids = [...viewer.services.keys()];
  expect(ids).toHaveLength(ACTORS);
  expect([...stranger.services.keys()].filter((id) => ids.includes(id))).toEqual([]);
  stranger.send(viewer.service('executor').sessionId, 'cancel');
  stranger.send(stranger.service('executor').sessionId, 'pause');
  await stranger.until((all) => all.messages.some(({ event }) => event?.name === 'pause'));
  expect(viewer.messages.filter(({ event }) => event?.name === 'pause')).toEqual([]);
  other.letGo();
  await other.run.event('pipeline.paused');
  one.letGo();
  expect((await done).success).toBe(true);
  other.run.executor.resume().catch(() => {});
  expect((await otherDone).success).toBe(true);
});

test('the global of the package is restored', async () => {
  const holder = globalThis as { __xstate__?: unknown };
  const mine = {};
  holder.__xstate__ = mine;
  await serve(harness([map('same', (row: Row) => row, { version: '1' })]));
  expect(holder.__xstate__).toBe(mine);
  delete holder.__xstate__;
});
