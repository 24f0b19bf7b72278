/**
 * Pins the messages of a real run for Stately's inspector (src/inspector/stately):
 *
 * 1. Every actor comes before its events, with its parent and machine, for late viewers too.
 * 2. The messages equal those of `@statelyai/inspect` for the same run.
 * 3. The `inspect` of that package works with an executor's actor.
 */
import { once } from 'node:events';
import { createInspector, type StatelyInspectionEvent } from '@statelyai/inspect';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type ActorRefFrom, createActor, createMachine, setup, spawnChild } from 'xstate';
import { collect, map, memoryStorage, pipeline, pipelineMachine, rows, StateManager } from 'xstate-pipeline';
import { manualClock } from 'xstate-pipeline/testing';
import { type StatelyInspector, type StatelyOptions, serveStately } from '../../src/inspector/stately.js';
import { type Harness, harness, numbers, type Row } from '../support/runs.js';
import { heldRun } from './held-run.js';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function serve(run: Harness, options: StatelyOptions = {}): Promise<StatelyInspector> {
  const inspector = await serveStately(run.executor.actor, options);
  open.push(inspector);
  return inspector;
}

interface Message {
  readonly type: string;
  readonly sessionId: string;
  readonly name?: string;
  readonly parentId?: string;
  readonly definition?: string;
  readonly event?: { readonly type: string };
  readonly snapshot?: { readonly status: string; readonly value: unknown; readonly context: unknown };
}

/** A page that throws where the hosted one drops a message: for an unknown actor. */
class Page {
  readonly messages: Message[] = [];
  readonly actors = new Map<string, Message>();
  /** The last message with a snapshot, by actor. */
  readonly latest = new Map<string, Message>();
  readonly socket: WebSocket;
  #look = () => {};

  constructor({ socketUrl }: StatelyInspector) {
    this.socket = new WebSocket(socketUrl, { headers: { origin: 'https://stately.ai' } });
    this.socket.on('message', (data) => this.#receive(JSON.parse(String(data)) as Message));
    open.push(this);
  }

  /** The last that has this name. */
  named(name: string): Message | undefined {
    return [...this.actors.values()].filter((actor) => actor.name === name).slice(-1)[0];
  }

  /** State of the last that has this name. */
  state(name: string): unknown {
    return this.latest.get(this.named(name)?.sessionId ?? '')?.snapshot?.value;
  }

  until(isSo: (page: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (!isSo(this)) return;
        this.#look = () => {};
        resolve();
      };
      this.#look();
    });
  }

  async heard(): Promise<void> {
    const pong = once(this.socket, 'pong');
    this.socket.ping();
    await pong;
  }

  close(): void {
    this.socket.terminate();
  }

  #receive(message: Message): void {
    const { type, sessionId, parentId } = message;
    if (type === '@xstate.actor') {
      if (parentId !== undefined && !this.actors.has(parentId))
        throw new Error(`${sessionId} before its parent`);
      this.actors.set(sessionId, message);
    } else if (!this.actors.has(sessionId)) throw new Error(`${type} of ${sessionId}, which is not known`);
    if (message.snapshot !== undefined) this.latest.set(sessionId, message);
    this.messages.push(message);
    this.#look();
  }
}

const ENDED = ['done', 'stopped'];
/** The executor, two stages, committer and publisher. */
const ACTORS = 5;
const isAllOver = ({ latest }: Page) =>
  latest.size === ACTORS &&
  [...latest.values()].every(({ snapshot }) => ENDED.includes(snapshot?.status ?? ''));

test('every actor comes before its events, with its parent and machine', async () => {
  const { run, letGo, working } = heldRun();
  const page = new Page(await serve(run, { everyMs: 1 }));
  await page.until(({ actors }) => actors.size === 1);
  const done = run.start();
  await working;
  await page.until((page) => page.state('stage:wait') === 'running');
  const executor = page.named('executor');
  expect(page.named('stage:same')?.parentId).toBe(executor?.sessionId);
  expect(page.named('stage:wait')?.parentId).toBe(executor?.sessionId);
  const { states } = JSON.parse(executor?.definition ?? '') as { states: object };
  expect(Object.keys(states)).toEqual(['IDLE', 'INITIALIZING', 'EXECUTING', 'PAUSED', 'COMPLETED', 'FAILED']);
  letGo();
  await done;
  await page.until(isAllOver);
  expect(page.state('executor')).toBe('COMPLETED');
  const events = page.messages.filter(({ type }) => type === '@xstate.event');
  expect(events.map(({ event }) => event?.type)).toContain('sink.published');
});

test('a late viewer gets every actor, during the run and after its end', async () => {
  const { run, letGo, working } = heldRun({}, 5);
  const inspector = await serve(run, { everyMs: 1 });
  const done = run.start();
  await working;
  const inTheMiddle = new Page(inspector);
  await inTheMiddle.until(({ actors }) => actors.size === ACTORS);
  expect(inTheMiddle.state('executor')).toBe('EXECUTING');
  expect(inTheMiddle.state('stage:wait')).toBe('running');
  letGo();
  await done;
  const afterTheEnd = new Page(inspector);
  await Promise.all([inTheMiddle.until(isAllOver), afterTheEnd.until(isAllOver)]);
  expect(afterTheEnd.state('executor')).toBe('COMPLETED');
  expect([...afterTheEnd.actors.keys()]).toEqual([...inTheMiddle.actors.keys()]);
});

test("each actor's state is sent at most every half second, and always the latest", async () => {
  const timers = manualClock();
  const { run, letGo, working } = heldRun({ count: 2000 }, 150);
  const page = new Page(await serve(run, { timers }));
  await page.until(({ actors }) => actors.size === 1);
  const done = run.start();
  await working;
  const told = (name: string) =>
    page.messages.filter((message) => {
      return message.type === '@xstate.snapshot' && message.sessionId === page.named(name)?.sessionId;
    }).length;
  await page.heard();
  const before = told('executor');
  timers.advance(499);
  await page.heard();
  expect(told('executor')).toBe(before);
  expect(told('stage:wait')).toBe(0);
  timers.advance(1);
  await page.heard();
  expect(told('executor')).toBe(before + 1);
  expect(told('stage:wait')).toBe(1);
  expect(page.state('executor')).toBe('EXECUTING');
  letGo();
  await done;
  await page.until(isAllOver);
});

test('a run can be served after its start', async () => {
  const { run, letGo, working } = heldRun();
  const done = run.start();
  await working;
  const page = new Page(await serve(run, { everyMs: 1 }));
  await page.until(({ actors }) => actors.size === ACTORS);
  expect(page.state('stage:wait')).toBe('running');
  letGo();
  await done;
  await page.until(isAllOver);
});

test('other actors of the embedding app are not shown', async () => {
  const flip = createMachine({
    initial: 'a',
    states: { a: { on: { flip: 'b' } }, b: { on: { flip: 'a' } } },
  });
  const app = setup({ actors: { flip } }).createMachine({
    entry: [spawnChild('flip', { id: 'shown' }), spawnChild('flip', { id: 'private' })],
  });
  const { children } = createActor(app).start().getSnapshot();
  const { shown, private: hidden } = children as Record<string, ActorRefFrom<typeof flip>>;
  if (shown === undefined || hidden === undefined) throw new Error('no children');
  const inspector = await serveStately(shown, { everyMs: 0 });
  open.push(inspector);
  const page = new Page(inspector);
  await page.until(({ actors }) => actors.size === 1);
  hidden.send({ type: 'flip' });
  shown.send({ type: 'flip' });
  await page.until((page) => page.state('shown') === 'b');
  expect([...page.actors.values()].map(({ name }) => name)).toEqual(['shown']);
});

test('a resumed session has actors of its own', async () => {
  const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 20 });
  const sink = collect<Row>();
  const first = heldRun({ stateManager, sink });
  first.run.start();
  await first.working;
  const pausing = first.run.executor.pause();
  first.letGo();
  const { sessionId } = await pausing;
  await first.run.executor.cancel();
  const { run, letGo, working } = heldRun({ stateManager });
  const inspector = await serve(run, { everyMs: 1 });
  const { executor } = run;
  const following = executor.state$.subscribe(() => inspector.follow(executor.actor));
  const done = executor.resume(sessionId, { source: rows(numbers(100)), sink });
  await working;
  const page = new Page(inspector);
  await page.until((page) => page.state('stage:wait') === 'running');
  expect(page.latest.get(page.named('executor')?.sessionId ?? '')?.snapshot?.context).toMatchObject({
    sessionId,
  });
  expect(page.named('stage:wait')?.parentId).toBe(page.named('executor')?.sessionId);
  letGo();
  await done;
  following.unsubscribe();
  await page.until((page) => page.state('executor') === 'COMPLETED');
});

/** `@statelyai/inspect` itself, without a transport. */
function packageInspector() {
  const messages: StatelyInspectionEvent[] = [];
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const inspector = createInspector({
    send(message) {
      messages.push(message);
      if (message.type === '@xstate.snapshot' && message.snapshot.status === 'done') finish();
    },
  });
  return { inspector, messages, finished };
}

test("the package's own inspect, on an executor's actor, makes the same messages", async () => {
  const run = harness([map('same', (row: Row) => row, { version: '1' })]);
  const { inspector, messages, finished } = packageInspector();
  const page = new Page(await serve(run, { everyMs: 0 }));
  await page.until(({ actors }) => actors.size === 1);
  const { actor } = run.executor;
  // The actor started before the inspection.
  inspector.actor(actor, actor.getSnapshot());
  actor.system.inspect(inspector.inspect);
  expect((await run.start()).success).toBe(true);
  await finished;
  await page.until((page) => page.state('executor') === 'COMPLETED');
  const [theirs, ours] = [messages, page.messages as unknown as StatelyInspectionEvent[]];
  const ids = (list: readonly StatelyInspectionEvent[]) => [
    ...new Set(list.map(({ sessionId }) => sessionId)),
  ];
  expect(ids(ours)).toEqual(ids(theirs));
  for (const type of ['@xstate.actor', '@xstate.event', '@xstate.snapshot']) {
    const [their, our] = [theirs, ours].map(
      (list) => list.filter((message) => message.type === type && !isStop(message)).slice(-1)[0],
    );
    const keys = (message: object | undefined) =>
      Object.keys(JSON.parse(JSON.stringify(message ?? {}))).sort();
    expect(keys(our), type).toEqual(keys(their));
    expect(our?._version).toBe(their?._version);
  }
});

/** Only ours reports the end of an actor. */
const isStop = (message: StatelyInspectionEvent) =>
  message.type === '@xstate.event' && message.event.type === 'xstate.stop';

test("the package's own inspect, given to a pipeline's machine", async () => {
  const { inspector, messages, finished } = packageInspector();
  const sink = collect<Row>();
  const numbered = pipeline('numbers')
    .from(numbers(10))
    .pipe(map('same', (row: Row) => row))
    .to(sink);
  const machine = pipelineMachine(numbered, { stateManager: new StateManager(memoryStorage()) });
  const actor = createActor(machine, { inspect: inspector.inspect, input: {} });
  actor.start();
  actor.send({ type: 'execute' });
  await finished;
  const named = messages.flatMap((message) => (message.type === '@xstate.actor' ? [message.name] : []));
  expect(named).toEqual(['executor', 'stage:same', 'committer', 'publisher']);
});
