/**
 * The executor's statechart, without anything behind it.
 *
 * Pinned: I1 (six flat states), I2 (which command each state takes), I3 (references only), I4 (only the head of the
 * window is written), I6 (committed moves after flushed), I13 (the window), I16 (pausing drains first).
 */
import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import { createTestModel } from 'xstate/graph';
import {
  createExecutorMachine,
  EXECUTOR_STATES,
  type ExecutorEvent,
  stageMachine,
  WORKERS,
} from '../../machines/index.js';
import { sealEvent } from '../../machines/report.js';
import { drivenMachine, STAGES } from '../support/driven-machine.js';

test('I1: the states are exactly the six, flat', () => {
  const machine = createExecutorMachine(STAGES);
  expect(Object.keys(machine.states)).toEqual([...EXECUTOR_STATES]);
  for (const state of Object.values(machine.states)) expect(Object.keys(state.states)).toEqual([]);
  expect(machine.states.COMPLETED?.type).toBe('final');
});

test('xstate/graph accepts both machines: no invoke, no after', () => {
  expect(() => createTestModel(createExecutorMachine(STAGES) as never)).not.toThrow();
  expect(() => createTestModel(stageMachine as never)).not.toThrow();
});

test('a run goes from IDLE to COMPLETED, in order, and commits everything', () => {
  const { actor, log } = drivenMachine({ batches: 5 });
  actor.send({ type: 'execute' });
  expect(actor.getSnapshot().value).toBe('COMPLETED');
  const written = log.filter((line) => line.startsWith('write'));
  expect(written).toEqual(['write 0', 'write 1', 'write 2', 'write 3', 'write 4']);
  expect(log.slice(-3)).toEqual(['save', 'publish', 'settled completed']);
  expect(actor.getSnapshot().context.committed).toBe(5);
  expect(actor.getSnapshot().output).toMatchObject({ success: true, isComplete: true });
});

test('I4: a batch that finished above a gap waits for its turn', () => {
  const { actor, log, finish } = drivenMachine({ batches: 3, manual: true, maxInFlight: 3, concurrency: 3 });
  actor.send({ type: 'execute' });
  for (const batch of [2, 1]) {
    finish(0, batch);
    finish(1, batch);
  }
  expect(log.filter((line) => line.startsWith('write'))).toEqual([]);
  finish(0, 0);
  finish(1, 0);
  expect(log.filter((line) => line.startsWith('write'))).toEqual(['write 2']);
});

test('I13: the source is read only while the window has room', () => {
  const { actor, log, finish } = drivenMachine({ batches: 9, manual: true, maxInFlight: 2, concurrency: 2 });
  actor.send({ type: 'execute' });
  expect(log.filter((line) => line.startsWith('read'))).toEqual(['read 0', 'read 1']);
  finish(0, 0);
  expect(log.filter((line) => line.startsWith('read'))).toEqual(['read 0', 'read 1']);
  finish(1, 0);
  expect(log.filter((line) => line.startsWith('read'))).toEqual(['read 0', 'read 1', 'read 2']);
});

test('a pause sent while the run opens is kept, with any outcome of the opening', () => {
  const actor = createActor(createExecutorMachine(STAGES), { input: {} }).start();
  actor.send({ type: 'execute' });
  actor.send({ type: 'pause' });
  expect(actor.getSnapshot()).toMatchObject({
    value: 'INITIALIZING',
    context: { activity: { goal: 'pause' } },
  });
  actor.send(sealEvent({ type: 'session.reopen' }));
  actor.send(sealEvent({ type: 'opened' }));
  expect(actor.getSnapshot()).toMatchObject({ value: 'PAUSED', context: { next: 0 } });
  actor.send({ type: 'resume' });
  expect(actor.getSnapshot()).toMatchObject({
    value: 'EXECUTING',
    context: { activity: { goal: 'run', reader: 'reading' } },
  });
});

test('a cancel while the run opens takes a pause back', () => {
  const actor = createActor(createExecutorMachine(STAGES), { input: {} }).start();
  for (const type of ['execute', 'pause', 'cancel', 'execute'] as const) actor.send({ type });
  actor.send(sealEvent({ type: 'opened' }));
  expect(actor.getSnapshot().value).toBe('EXECUTING');
});

test('I16: while pausing the state is EXECUTING; PAUSED only when what was in flight is committed', () => {
  const { actor, log, finish } = drivenMachine({ batches: 9, manual: true, maxInFlight: 2, concurrency: 2 });
  actor.send({ type: 'execute' });
  actor.send({ type: 'pause' });
  expect(actor.getSnapshot().value).toBe('EXECUTING');
  for (const batch of [0, 1]) finish(0, batch);
  finish(1, 0);
  expect(actor.getSnapshot().value).toBe('EXECUTING');
  finish(1, 1);
  expect(actor.getSnapshot().value).toBe('PAUSED');
  expect(actor.getSnapshot().context).toMatchObject({ committed: 2, next: 2, window: [] });
  expect(log.filter((line) => line.startsWith('read'))).toHaveLength(2);
  actor.send({ type: 'resume' });
  expect(actor.getSnapshot().value).toBe('EXECUTING');
  expect(log.filter((line) => line.startsWith('read'))).toHaveLength(4);
});

test('I6: committed moves only when the checkpoint that covers the flush is saved', () => {
  const { actor, saved } = drivenMachine({ batches: 2, manualSave: true });
  actor.send({ type: 'execute' });
  const { flushed } = actor.getSnapshot().context;
  expect(flushed.batches).toBeGreaterThan(0);
  expect(actor.getSnapshot().context.committed).toBe(0);
  saved();
  expect(actor.getSnapshot().context.committed).toBe(flushed.batches);
});

test('I6: batches written while a flush is under way are not covered by it', () => {
  const { actor, flushed } = drivenMachine({ batches: 4, manualFlush: true });
  actor.send({ type: 'execute' });
  const { written, flushing } = actor.getSnapshot().context;
  expect(flushing?.batches).toBeLessThan(written.batches);
  flushed();
  expect(actor.getSnapshot().context.flushed.batches).toBe(flushing?.batches);
});

test('a stage that fails for good fails the run and aborts all stages', () => {
  const { actor, log, failStage } = drivenMachine({ batches: 3, manual: true });
  actor.send({ type: 'execute' });
  failStage(0, 0);
  expect(actor.getSnapshot().value).toBe('FAILED');
  expect(log).toContain('abort');
  const children = actor.getSnapshot().children as Record<
    string,
    { getSnapshot(): { value: string } } | undefined
  >;
  expect(Object.values(children).map((child) => child?.getSnapshot().value)).toEqual(['stopped', 'stopped']);
});

test('I12: rows in, errors, and no row out: FAILED, nothing published', () => {
  const { actor, log } = drivenMachine({ batches: 2, loseAll: true });
  actor.send({ type: 'execute' });
  expect(actor.getSnapshot().value).toBe('FAILED');
  expect(actor.getSnapshot().context.error?.code).toBe('NO_USABLE_OUTPUT');
  expect(log).not.toContain('publish');
});

test('FAILED sends an event to the parent', () => {
  const received: unknown[] = [];
  const { machine } = drivenMachine({ batches: 1, manual: true });
  const actor = createActor(machine, { input: {} });
  (actor as unknown as { _parent: unknown })._parent = { send: (event: unknown) => received.push(event) };
  actor.start();
  actor.send({ type: 'execute' });
  actor.send({ type: 'failure', error: { name: 'Error', code: 'E', message: 'm' } } satisfies ExecutorEvent);
  expect(received).toEqual([
    { type: 'pipeline.failed', sessionId: '', error: { name: 'Error', code: 'E', message: 'm' } },
  ]);
});

test('every action and guard of every machine has a name, also after JSON.stringify of its config', () => {
  const executor = createExecutorMachine(STAGES);
  for (const machine of [executor, stageMachine, ...Object.values(WORKERS)]) {
    const { actions, guards } = machine.implementations;
    const named: unknown[] = [];
    JSON.stringify(machine.config, (key, value: unknown) => {
      if (['actions', 'entry', 'exit', 'guard'].includes(key) && value !== undefined) named.push(value);
      return value;
    });
    const names = named
      .flat()
      .map((part) => (typeof part === 'string' ? part : (part as { type?: unknown }).type));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(Object.keys({ ...actions, ...guards })).toContain(name);
  }
});
