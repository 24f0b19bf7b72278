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
import type { Activity, ErrorData, ExecutorContext, ExecutorOutput } from './context.js';
import type { ExecutorEvent, ExecutorInput, RunDescription } from './executor-events.js';
import {
  isPauseDone,
  lastReady,
  lostEverything,
  mayCommit,
  mayRead,
  mayWrite,
  placeInWindow,
  roomToRead,
} from './guards.js';
import { initialContext, outputOf } from './initial-context.js';
import { firstAttempt, isQuarantined } from './poison.js';
import { rewind } from './rewind.js';
import { stageMachine } from './stage.machine.js';
import type { StageInput } from './stage-events.js';
import {
  type EventOf,
  onCheckpointSaved,
  onSessionLoaded,
  onSinkFlushed,
  onSinkOpened,
  onSinkWritten,
  onSourceBatches,
  onStageDone,
  reached,
  type Update,
} from './updates.js';

const NO_USABLE_OUTPUT: ErrorData = {
  name: 'NoUsableOutputError',
  code: 'NO_USABLE_OUTPUT',
  message: 'The input had rows, and errors left no output for any of them. Nothing was published.',
};

type StageDone = EventOf<'stage.done'>;
type SourceBatches = EventOf<'source.batches'>;

/** What `read` is asked for. */
export interface ReadParams {
  /** The first. */
  readonly batch: number;
  /** At most. */
  readonly count: number;
  /** It is held to be what kills the process. */
  readonly condemned: boolean;
}

const areInWindow = (context: ExecutorContext, { batches }: StageDone): boolean =>
  batches.every((batch) => placeInWindow(context, batch) >= 0);

/** The actor id of a stage, and its `src`: stable across processes, so that a snapshot restores. */
export const stageActorId = (name: string): string => `stage:${name}`;

/** What `createExecutorMachine` takes beside the stages. */
export interface ExecutorMachineOptions<Output> {
  /** Facts for an `execute` that brings none, as a parent machine would send it. */
  readonly newRun?: (context: ExecutorContext, self: AnyActorRef) => RunDescription;
  /** What COMPLETED puts out; `ExecutorOutput` unless told. */
  readonly output?: (context: ExecutorContext, self: AnyActorRef) => Output;
}

/** Makes the executor's statechart for these stages. Actions without content are the wiring's to provide.
 * @param stages in order; names must differ.
 * @example
 * createActor(createExecutorMachine([{ name: 'tidy', concurrency: 1, attempts: 1 }]), { input: {} }).start();
 */
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
      /** Read at most `count` batches, from `batch` on; answer `source.batches`, several times if they come slowly, or
       * `source.end`. No further one once the run is pausing. */
      read: (_, _params: ReadParams) => {},
      /** PAUSED is left: rows are worked on again. */
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
      isStoredAsCompleted: ({ event }) => event.type === 'session.loaded' && event.isCompleted,
      isRestored: ({ context }) => context.flow.restored === true,
      isFinished: ({ context }) => context.flow.published,
      isPauseDone: ({ context }) => isPauseDone(context),
      lostEverything: ({ context }) => lostEverything(context),
      mayPublish: ({ context: { flow } }) => flow.sealed && !flow.publishing && !flow.pausing,
      mayWrite: ({ context }) => mayWrite(context, end),
      mayRead: ({ context }) => mayRead(context),
      mayCommit: ({ context }) => mayCommit(context),
      isInWindow: ({ context, event }) => event.type === 'stage.done' && areInWindow(context, event),
      startsAtStage: ({ event }) =>
        event.type === 'source.batches' && event.rows.length > 0 && event.at < end,
      hasNextStage: ({ event }) => event.type === 'stage.done' && reached(event) < end,
      /** One pass did the work of several stages, but not of the last. */
      passedSome: ({ event }) =>
        event.type === 'stage.done' && reached(event) > event.stage + 1 && reached(event) < end,
      passedTheRest: ({ context, event }) =>
        event.type === 'stage.done' && reached(event) > event.stage + 1 && areInWindow(context, event),
    },
  });

  const begin = machine.assign(({ context, event, self }) => {
    if (event.type !== 'execute') return {};
    const known = event.sessionId === undefined ? (newRun?.(context, self) ?? context) : context;
    const fresh = {
      sessionId: event.sessionId ?? known.sessionId,
      pipeline: event.pipeline ?? known.pipeline,
      settings: event.settings ?? known.settings,
      startedAt: event.startedAt ?? known.startedAt,
    };
    return initialContext(names, fresh);
  });

  const rewindRun = machine.assign(({ context }) => rewind(context));
  /** What a crash left under suspicion is still suspected. */
  const rewindRestored = machine.assign(({ context }) => ({
    ...rewind(context),
    suspicion: context.suspicion,
  }));
  const noteError = machine.assign(({ event }) => ('error' in event ? { error: event.error } : {}));
  const noteNothingUsable = machine.assign({ error: NO_USABLE_OUTPUT });
  const note = (change: Partial<Activity>) =>
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
  const on = <Type extends ExecutorEvent['type']>(type: Type, change: Update<Type>) =>
    machine.assign(({ context, event }) =>
      event.type === type ? change(context, event as EventOf<Type>) : {},
    );
  const admit = on('source.batches', onSourceBatches);
  const moveOn = on('stage.done', onStageDone);
  const fold = on('sink.written', onSinkWritten);
  const adoptStored = on('session.loaded', onSessionLoaded);
  const noteSinkOpened = on('sink.opened', onSinkOpened);
  const noteFlushed = on('sink.flushed', onSinkFlushed);
  const noteSaved = on('checkpoint.saved', onCheckpointSaved);

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
    params: params(({ context }) => ({
      batch: context.next,
      count: roomToRead(context),
      condemned: isQuarantined(context),
    })),
  };
  const writeReady = {
    type: 'write' as const,
    params: params(({ context }) => ({ upTo: lastReady(context, end) })),
  };
  const process = (context: ExecutorContext, batches: readonly number[]) => ({
    ...{ type: 'process' as const, batches },
    ...(context.suspicion === null ? {} : { attempts: batches.map((batch) => firstAttempt(context, batch)) }),
  });
  const routeFromSource = machine.sendTo(
    ({ event }) => stageActorId(names[(event as SourceBatches).at] as string),
    ({ context, event }) => {
      const { batch, rows } = event as SourceBatches;
      return process(
        context,
        rows.map((_, i) => batch + i),
      );
    },
  );
  const routeOn = machine.sendTo(
    ({ event }) => stageActorId(names[reached(event as StageDone)] as string),
    ({ context, event }) => process(context, (event as StageDone).batches),
  );
  /** The stages whose work was done in the pass of the one that reports: each counts the batch as its own. */
  const tellPassed = machine.enqueueActions(({ enqueue, event }) => {
    const { stage, batches } = event as StageDone;
    for (const name of names.slice(stage + 1, reached(event as StageDone)))
      enqueue.sendTo(stageActorId(name), { type: 'passed', batches });
  });
  const settle = (how: 'paused' | 'completed' | 'failed' | 'cancelled') => ({
    type: 'settled' as const,
    params: { how },
  });
  const fail = { target: 'FAILED', actions: noteError } as const;
  const loadCompleted = {
    guard: 'isStoredAsCompleted',
    target: 'COMPLETED',
    actions: adoptStored,
  } as const;
  const reopen = { target: 'INITIALIZING', reenter: true, actions: rewindRestored } as const;
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
          'session.loaded': [loadCompleted, { actions: adoptStored }],
          'session.reopen': reopen,
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
          'session.reopen': reopen,
          'source.batches': [
            { guard: 'startsAtStage', actions: [admit, routeFromSource] },
            { actions: admit },
          ],
          'source.end': { actions: noteEnd },
          'stage.done': [
            { guard: 'passedSome', actions: [moveOn, tellPassed, routeOn] },
            { guard: 'passedTheRest', actions: [moveOn, tellPassed] },
            { guard: 'hasNextStage', actions: [moveOn, routeOn] },
            { guard: 'isInWindow', actions: moveOn },
          ],
          'stage.failed': fail,
          'sink.written': { actions: fold },
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
          'session.loaded': loadCompleted,
          resume: [
            { guard: 'isRestored', ...reopen },
            { target: 'EXECUTING', actions: [noteResumed, 'reopen'] },
          ],
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
          'session.loaded': loadCompleted,
          execute: { target: 'INITIALIZING', actions: rewindRun },
          resume: { target: 'INITIALIZING', actions: rewindRun },
          cancel,
        },
      },
    },
  });
}

/** The machine that `createExecutorMachine` makes. */
export type ExecutorMachine = ReturnType<typeof createExecutorMachine>;
