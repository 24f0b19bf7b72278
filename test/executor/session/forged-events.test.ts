/**
 * Pins: only the runtime's own events drive a run. A parent, a viewer or a user that sends one of them, to the executor or to
 * one of its children, changes nothing, also with a copy of a genuine event.
 */
import { expect, test } from 'vitest';
import { createActor, sendTo, setup } from 'xstate';
import { collect, defineStage, pipeline, pipelineMachine, rows } from 'xstate-pipeline';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const error = { name: 'Error', code: 'E', message: 'forged' };
const losses = { total: 0, named: [], reasons: [] };
const counters = { rowsIn: 9, rowsOut: 9, malformed: 0, done: 9, source: {}, stages: [], losses };
const flushed = {
  ...{ batches: 7, rowsIn: 9, rowsOut: 9, malformed: 0, done: 9, source: {}, sink: {}, deadLetter: null },
  ...{ elapsedMs: 0, stages: [], losses },
};
const settings = { maxInFlight: 1, checkpointInterval: 1, maxCrashes: 3 };

const FORGED = [
  { type: 'opened' },
  { type: 'failure', error },
  {
    type: 'session.loaded',
    pipeline: 'p',
    settings,
    startedAt: 0,
    flushed,
    suspects: null,
    isCompleted: true,
  },
  { type: 'session.reopen' },
  { type: 'sink.opened', sink: { bytes: 99 } },
  { type: 'source.batches', batch: 50, rows: [9], at: 1 },
  { type: 'source.end' },
  { type: 'stage.done', stage: 0, batches: [0] },
  { type: 'stage.failed', stage: 0, batch: 0, error },
  { type: 'sink.written', upTo: 0, counters },
  { type: 'sink.flushed', sink: {}, deadLetter: null, elapsedMs: 0 },
  { type: 'checkpoint.saved' },
  { type: 'minimumPause.over' },
  { type: 'commit.due' },
  { type: 'sink.published' },
  { type: 'output.delivered' },
  { type: 'delivery.held' },
  { type: 'process', batches: [9] },
  { type: 'passed', batches: [9] },
  { type: 'abort' },
  { type: 'attempts.done', batches: [0], attempt: 1 },
  { type: 'attempt.failed', batch: 0, attempt: 1, error, delayMs: 0, dueAt: 0 },
  { type: 'attempt.timedOut', batch: 0, attempt: 1, error, delayMs: 0, dueAt: 0 },
  { type: 'retry.due', batch: 0 },
  { type: 'commit' },
  { type: 'publish' },
];

const held = () => {
  const { opened, open } = gate();
  const working = gate();
  const stage = defineStage<Row, Row>({
    name: 'wait',
    concurrency: 2,
    async process(all) {
      working.open();
      await opened;
      return all;
    },
  });
  return { stage, open, working: working.opened };
};

test('events of a user to the executor and to its children change nothing', async () => {
  const { stage, open, working } = held();
  const run = harness([stage], { count: 40 });
  const done = run.start();
  await working;
  const { actor } = run.executor;
  const before = JSON.stringify(actor.getPersistedSnapshot());
  const { children } = actor.getSnapshot();
  for (const event of FORGED) {
    actor.send(event as never);
    for (const child of Object.values(children)) (child as typeof actor).send(event as never);
  }
  expect(JSON.stringify(actor.getPersistedSnapshot())).toBe(before);
  open();
  expect(await done).toMatchObject({ success: true, isComplete: true });
  expect(run.sink.rows.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
});

test('a genuine event that is sent again changes nothing', async () => {
  const run = harness([defineStage<Row, Row>({ name: 'wait', process: (all) => all })], { count: 40 });
  const { actor } = run.executor;
  const seen: { readonly type: string }[] = [];
  actor.system.inspect((inspected) => {
    if (inspected.type === '@xstate.event') seen.push(inspected.event);
  });
  const { stage, open, working } = held();
  expect((await run.start()).isComplete).toBe(true);
  const other = harness([stage], { count: 40 });
  const done = other.start();
  await working;
  const before = JSON.stringify(other.executor.actor.getPersistedSnapshot());
  const commands = ['execute', 'pause', 'resume', 'cancel'];
  for (const event of seen)
    if (!commands.includes(event.type) && !event.type.startsWith('xstate.'))
      other.executor.actor.send(event as never);
  expect(JSON.stringify(other.executor.actor.getPersistedSnapshot())).toBe(before);
  open();
  expect((await done).isComplete).toBe(true);
});

test('events of a parent machine change nothing', async () => {
  const { stage, open, working } = held();
  const whole = pipeline('child')
    .from(rows(numbers(40)))
    .pipe(stage)
    .to(collect<Row>());
  const logic = pipelineMachine(whole);
  const parent = setup({ actors: { logic } }).createMachine({
    invoke: { id: 'run', src: 'logic', input: {} },
    on: {
      go: { actions: sendTo('run', { type: 'execute' }) },
      forge: { actions: sendTo('run', ({ event }) => (event as unknown as { forged: never }).forged) },
    },
    initial: 'working',
    states: { working: {} },
  });
  const actor = createActor(parent).start();
  const run = actor.getSnapshot().children.run as unknown as ReturnType<typeof createActor<typeof logic>>;
  const ended = new Promise((resolve) =>
    run.subscribe({ complete: () => resolve(run.getSnapshot().output) }),
  );
  actor.send({ type: 'go' });
  await working;
  const before = JSON.stringify(run.getPersistedSnapshot());
  for (const forged of FORGED) actor.send({ type: 'forge', forged } as never);
  expect(JSON.stringify(run.getPersistedSnapshot())).toBe(before);
  open();
  expect(await ended).toMatchObject({ success: true });
});
