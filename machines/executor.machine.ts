/**
 * The executor: six flat states (I1), the mediator between source, stages and sink.
 *
 * 1. Control plane only (I3): it routes batch indices; rows are in the data plane of the wiring.
 * 2. Effects are actions without content here; the wiring provides them, and answers with events. At most one `read`, one
 *    `write` and one `flush`+`save` are under way at any time.
 * 3. Batches are written in source order (I4): only the head of the window is ever handed to the sink.
 * 4. The source is only read while the window has room (I13).
 * 5. `flushed` moves when the sink says it is durable; `committed` when the checkpoint that covers it is (I6).
 * 6. Pausing is a flag inside EXECUTING: nothing new is read, what is in flight is finished and committed (I16).
 * 7. Every way out of work aborts the stages first (I12, I17). Late answers of an ended run never arrive: the wiring
 *    drops them.
 * 8. Children are spawned by string `src` with explicit ids, so that a snapshot restores.
 * 9. After the process has died again and again, batches are read and committed one at a time, so that the next death
 *    tells which one is the cause; a batch that is, is condemned instead of worked on.
 * 10. No `invoke`, no `after`: `xstate/graph` can walk it.
 */
import { type AnyActorRef, setup, spawnChild, stopChild } from 'xstate';
import {
  isDrained,
  isPauseDone,
  lastReady,
  lostEverything,
  mayCommit,
  mayRead,
  mayWrite,
  placeInWindow,
} from './decisions.js';
import type { ExecutorEvent, ExecutorInput, RunFacts } from './executor-events.js';
import { advance, type ErrorFacts, type ExecutorContext, type ExecutorOutput, type Flow } from './facts.js';
import { initialContext, outputOf } from './initial-context.js';
import { rewind } from './rewind.js';
import { type StageInput, stageMachine } from './stage.machine.js';
import { firstAttempt, isCondemned } from './suspicion.js';

const NO_USABLE_OUTPUT: ErrorFacts = {
  name: 'NoUsableOutputError',
  code: 'NO_USABLE_OUTPUT',
  message: 'The input had rows, and errors left no output for any of them. Nothing was published.',
};

type StageDone = Extract<ExecutorEvent, { type: 'stage.done' }>;

/** Where a batch stands after this: the first stage that has not seen it. */
const reached = ({ stage, through }: StageDone): number => (through ?? stage) + 1;

/** The actor id of a stage, and its `src`: stable across processes, so that a snapshot restores. */
export const stageActorId = (name: string): string => `stage:${name}`;

export interface ExecutorMachineOptions<Output> {
  /** Facts for an `execute` that brings none, as a parent machine would send it. */
  readonly newRun?: () => RunFacts;
  /** What COMPLETED puts out; `ExecutorOutput` unless told. */
  readonly output?: (context: ExecutorContext, self: AnyActorRef) => Output;
}

/** Makes the executor's statechart for these stages. Actions without content are the wiring's to provide.
 * @param stages in order; names must differ. */
export function createExecutorMachine<Output = ExecutorOutput>(
  stages: readonly Omit<StageInput, 'index'>[],
  options: ExecutorMachineOptions<Output> = {},
) {
  const { newRun } = options;
  const names = stages.map((stage) => stage.name);
  const end = stages.length;
  const inputs = new Map(stages.map((stage, index) => [index, { ...stage, index } satisfies StageInput]));

  const machine = setup({
    types: {} as {
      context: ExecutorContext;
      events: ExecutorEvent;
      input: ExecutorInput | undefined;
      output: Output;
    },
    actors: Object.fromEntries(names.map((name) => [stageActorId(name), stageMachine])) as {
      [src: string]: typeof stageMachine;
    },
    actions: {
      /** Open lock, journal, source and sink at `flushed`; save a first checkpoint; answer `opened`. */
      open: () => {},
      /** Read batch `next`; answer `source.batch` or `source.end`. */
      read: (_, _params: { readonly batch: number; readonly condemned: boolean }) => {},
      /** PAUSED is left: open what a restored actor has not opened yet. */
      reopen: () => {},
      /** Append finished batches up to `upTo`; answer `sink.written`. */
      write: (_, _params: { readonly upTo: number }) => {},
      /** Make the sinks durable; answer `sink.flushed`. */
      flush: () => {},
      /** Persist a snapshot once this transition has settled; answer `checkpoint.saved`. */
      save: () => {},
      /** Put the result at its target; answer `sink.published`. */
      publish: () => {},
      /** Abort every attempt and close what is open, now. */
      abort: () => {},
      /** The run has reached PAUSED, COMPLETED, FAILED or, cancelled, IDLE. */
      settled: (_, _params: { readonly how: 'paused' | 'completed' | 'failed' | 'cancelled' }) => {},
      /** FAILED is not final: a parent machine is told by event. */
      tellParent: ({ self, context }) => {
        const parent = (self as unknown as { _parent?: AnyActorRef })._parent;
        parent?.send({ type: 'pipeline.failed', sessionId: context.sessionId, error: context.error });
      },
    },
    guards: {
      isFinished: ({ context }) => context.flow.published,
      isPauseDone: ({ context }) => isPauseDone(context),
      lostEverything: ({ context }) => lostEverything(context),
      mayPublish: ({ context: { flow } }) => flow.sealed && !flow.publishing && !flow.pausing,
      mayWrite: ({ context }) => mayWrite(context, end),
      mayRead: ({ context }) => mayRead(context),
      mayCommit: ({ context }) => mayCommit(context),
      isInWindow: ({ context, event }) => 'batch' in event && placeInWindow(context, event.batch) >= 0,
      startsAtStage: ({ event }) => event.type === 'source.batch' && event.at < end,
      hasNextStage: ({ event }) => event.type === 'stage.done' && reached(event) < end,
      /** One pass did the work of several stages, but not of the last. */
      passedSome: ({ event }) =>
        event.type === 'stage.done' && reached(event) > event.stage + 1 && reached(event) < end,
      passedTheRest: ({ context, event }) =>
        event.type === 'stage.done' &&
        reached(event) > event.stage + 1 &&
        placeInWindow(context, event.batch) >= 0,
    },
  });

  const begin = machine.assign(({ context, event }) => {
    if (event.type !== 'execute') return {};
    const known = event.sessionId === undefined ? (newRun?.() ?? context) : context;
    const fresh = {
      sessionId: event.sessionId ?? known.sessionId,
      pipeline: event.pipeline ?? known.pipeline,
      settings: event.settings ?? known.settings,
      startedAt: event.startedAt ?? known.startedAt,
    };
    return initialContext(names, fresh);
  });

  const rewindRun = machine.assign(({ context }) => rewind(context));
  /** A fresh sink has a place of its own: the first checkpoint says which, so that a resume finds it. */
  const noteSinkOpened = machine.assign(({ context, event }) => {
    if (event.type !== 'sink.opened' || context.flushed.sink !== null) return {};
    const flushed = { ...context.flushed, sink: event.sink };
    return { flushed, written: { ...context.written, sink: event.sink } };
  });
  const note = (change: Partial<Flow>) =>
    machine.assign(({ context }) => ({ flow: { ...context.flow, ...change } }));
  const noteReading = note({ reading: true });
  const noteWriting = note({ writing: true });
  const noteCommitting = machine.assign(({ context }) => ({
    flow: { ...context.flow, committing: true, commitDue: false },
    flushing: context.written,
  }));
  const notePublishing = note({ publishing: true });
  const notePublished = note({ published: true });
  const noteDue = note({ commitDue: true });
  const notePausing = note({ pausing: true });
  const noteResumed = note({ pausing: false, resting: false });
  const noteRested = note({ resting: false });
  const noteEnd = note({ reading: false, exhausted: true });
  const noteError = machine.assign(({ event }) => ('error' in event ? { error: event.error } : {}));
  const noteNothingUsable = machine.assign({ error: NO_USABLE_OUTPUT });

  const admit = machine.assign(({ context, event }) => {
    if (event.type !== 'source.batch') return {};
    const { batch, rows, at } = event;
    const suspicion = event.condemned === true ? null : context.suspicion;
    const flow = { ...context.flow, reading: false };
    return { flow, next: batch + 1, window: [...context.window, { batch, rows, at }], suspicion };
  });

  const moveOn = machine.assign(({ context, event }) => {
    if (event.type !== 'stage.done') return {};
    const place = placeInWindow(context, event.batch);
    const entry = context.window[place];
    if (entry === undefined) return {};
    const window = context.window.slice();
    window[place] = { ...entry, at: reached(event) };
    return { window };
  });

  const fold = machine.assign(({ context, event }) => {
    if (event.type !== 'sink.written') return {};
    return {
      flow: { ...context.flow, writing: false },
      written: advance(context.written, event.upTo + 1, event.facts),
      window: context.window.slice(placeInWindow(context, event.upTo) + 1),
    };
  });

  /** Batches written while the flush was under way are not covered by it. */
  const noteFlushed = machine.assign(({ context, event }) => {
    if (event.type !== 'sink.flushed') return {};
    const { sink, deadLetter, elapsedMs } = event;
    return {
      flushed: { ...(context.flushing ?? context.flushed), sink, deadLetter, elapsedMs },
      flushing: null,
    };
  });

  const noteSaved = machine.assign(({ context, event }) => {
    const resting = event.type === 'checkpoint.saved' && event.resting === true;
    const { flow, flushed, written, suspicion } = context;
    const sealed = flow.exhausted && isDrained(context) && flushed.batches === written.batches;
    return {
      flow: { ...flow, committing: false, sealed, resting },
      committed: flushed.batches,
      suspicion: flushed.batches > (suspicion?.to ?? -1) ? null : suspicion,
    };
  });

  const spawnStages = [...inputs.values()].flatMap((input) => {
    const id = stageActorId(input.name);
    return [stopChild(id), spawnChild(id, { id, input })] as unknown as ReturnType<typeof machine.assign>[];
  });

  const abortRun = [
    'abort' as const,
    ...names.map((name) => machine.sendTo(stageActorId(name), { type: 'abort' })),
  ];
  const params = <P>(of: (args: { context: ExecutorContext; event: ExecutorEvent }) => P) => of;
  const readNext = {
    type: 'read' as const,
    params: params(({ context }) => ({ batch: context.next, condemned: isCondemned(context) })),
  };
  const writeReady = {
    type: 'write' as const,
    params: params(({ context }) => ({ upTo: lastReady(context, end) })),
  };
  const routeTo = (stageOf: (event: ExecutorEvent) => number) =>
    machine.sendTo(
      ({ event }) => stageActorId(names[stageOf(event)] as string),
      ({ context, event }) => {
        const { batch } = event as { batch: number };
        return { type: 'process', batch, attempt: firstAttempt(context, batch) };
      },
    );
  const routeFromSource = routeTo((event) => (event as { at: number }).at);
  const routeOn = routeTo((event) => reached(event as StageDone));
  /** The stages whose work was done in the pass of the one that reports: each counts the batch as its own. */
  const tellPassed = machine.enqueueActions(({ enqueue, event }) => {
    const { stage, batch } = event as StageDone;
    for (const name of names.slice(stage + 1, reached(event as StageDone)))
      enqueue.sendTo(stageActorId(name), { type: 'passed', batch });
  });
  const settle = (how: 'paused' | 'completed' | 'failed' | 'cancelled') => ({
    type: 'settled' as const,
    params: { how },
  });
  const fail = { target: 'FAILED', actions: noteError } as const;
  const cancel = { target: 'IDLE', actions: [...abortRun, rewindRun, settle('cancelled')] } as const;

  return machine.createMachine({
    id: 'executor',
    context: ({ input }) => initialContext(names, input ?? {}),
    initial: 'IDLE',
    output: ({ context, self }) => (options.output?.(context, self) ?? outputOf(context)) as Output,
    states: {
      IDLE: {
        on: { execute: { target: 'INITIALIZING', actions: begin } },
      },
      INITIALIZING: {
        entry: [...spawnStages, 'open'],
        on: {
          'sink.opened': { actions: noteSinkOpened },
          opened: 'EXECUTING',
          failure: fail,
          cancel,
        },
      },
      EXECUTING: {
        always: [
          { guard: 'isFinished', target: 'COMPLETED' },
          { guard: 'isPauseDone', target: 'PAUSED' },
          { guard: 'lostEverything', target: 'FAILED', actions: noteNothingUsable },
          { guard: 'mayPublish', actions: [notePublishing, 'publish'] },
          { guard: 'mayCommit', actions: [noteCommitting, 'flush'] },
          { guard: 'mayWrite', actions: [noteWriting, writeReady] },
          { guard: 'mayRead', actions: [noteReading, readNext] },
        ],
        on: {
          'source.batch': [{ guard: 'startsAtStage', actions: [admit, routeFromSource] }, { actions: admit }],
          'source.end': { actions: noteEnd },
          'stage.done': [
            { guard: 'passedSome', actions: [moveOn, tellPassed, routeOn] },
            { guard: 'passedTheRest', actions: [moveOn, tellPassed] },
            { guard: 'hasNextStage', actions: [moveOn, routeOn] },
            { guard: 'isInWindow', actions: moveOn },
          ],
          'stage.failed': fail,
          'sink.written': { actions: fold },
          'sink.opened': { actions: noteSinkOpened },
          'sink.flushed': { actions: [noteFlushed, 'save'] },
          'checkpoint.saved': { actions: noteSaved },
          'commit.due': { actions: noteDue },
          rested: { actions: noteRested },
          'sink.published': { actions: notePublished },
          failure: fail,
          pause: { actions: notePausing },
          cancel,
        },
      },
      PAUSED: {
        entry: settle('paused'),
        on: {
          'sink.opened': { actions: noteSinkOpened },
          resume: { target: 'EXECUTING', actions: [noteResumed, 'reopen'] },
          cancel,
        },
      },
      COMPLETED: {
        entry: settle('completed'),
        type: 'final',
      },
      FAILED: {
        entry: [...abortRun, settle('failed'), 'tellParent'],
        on: {
          execute: { target: 'INITIALIZING', actions: rewindRun },
          resume: { target: 'INITIALIZING', actions: rewindRun },
          cancel,
        },
      },
    },
  });
}

export type ExecutorMachine = ReturnType<typeof createExecutorMachine>;
