/**
 * The executor: six flat states (I1). It mediates between source, sink and its children: stages, committer and publisher.
 *
 * 1. Control plane only (I3): it routes batch indices. The runtime's data plane holds the rows.
 * 2. In EXECUTING every answer updates the context. Then the transitions of `always` request the next work: publish, commit,
 *    write, read. One request of each kind at a time; `activity` says which are under way. Reading and writing are actions: as
 *    actors, they doubled the cost of control per batch.
 * 3. Batches are written in source order (I4): only the head of the window is written.
 * 4. The source is read only while the window has room (I13).
 * 5. `flushed` moves when the sinks are durable, `committed` when the checkpoint that covers them is saved (I6).
 * 6. A pause is a goal, kept while a run opens: nothing new is read; running attempts are finished and committed; stages hold
 *    batches that wait for an attempt (I16). A run also pauses by itself: `hold`, with its reason.
 * 7. A failure or a cancel aborts the stages and stops the other children (I12, I17). The runtime drops late answers.
 * 8. Children are spawned by string `src` with explicit ids, so that a snapshot restores.
 * 9. Poison suspects are read and committed one at a time; a quarantined batch is set aside (`poison.ts`).
 * 10. No `invoke`, no `after`: `xstate/graph` can walk it.
 */
import { type AnyActorRef, type AnyStateMachine, type EventObject, setup } from 'xstate';
import { stageActorId, WORKERS } from './children.js';
import type { Activity, ExecutorContext, ExecutorOutput } from './context.js';
import type {
  ExecutorEvent,
  ExecutorInput,
  ReadRequest,
  RunDescription,
  WriteRequest,
} from './executor-events.js';
import { executorGuards, lastReady, roomToRead } from './guards.js';
import { initialContext, outputOf, rewind, rewindRestored } from './initial-context.js';
import { firstAttempt, isQuarantined } from './poison.js';
import { parentOf, sealEvent } from './report.js';
import { stageMachine } from './stage.machine.js';
import { reached, type StageInput } from './stage-events.js';
import {
  type EventOf,
  NO_USABLE_OUTPUT,
  onCheckpointSaved,
  onExecute,
  onHold,
  onMinimumPauseOver,
  onSessionLoaded,
  onSinkFlushed,
  onSinkOpened,
  onSinkPublished,
  onSinkWritten,
  onSourceBatches,
  onStageDone,
  onStageHeld,
  resumeWork,
  startCommit,
  type Update,
} from './updates.js';

/** Options of `createExecutorMachine`. */
export interface ExecutorMachineOptions<Output> {
  /** Describes the run of an `execute` that brings no description, as a parent machine sends it. */
  readonly newRun?: (context: ExecutorContext, self: AnyActorRef) => RunDescription;
  /** The output of COMPLETED. Default: `ExecutorOutput`. */
  readonly output?: (context: ExecutorContext, self: AnyActorRef) => Output;
}

type Args = { readonly context: ExecutorContext; readonly event: ExecutorEvent };
type StageDone = EventOf<'stage.done'>;
type SourceBatches = EventOf<'source.batches'>;

const process = (context: ExecutorContext, batches: readonly number[]) =>
  sealEvent({
    ...{ type: 'process' as const, batches },
    ...(context.suspects === null ? {} : { attempts: batches.map((batch) => firstAttempt(context, batch)) }),
  });

/** Makes the executor's statechart for these stages. Actions without content are provided by the runtime.
 * @param stages in order; names must differ.
 * @example
 * createActor(createExecutorMachine([{ name: 'tidy', concurrency: 1, attempts: 1 }]), { input: {} }).start();
 */
export function createExecutorMachine<Output = ExecutorOutput, Emitted extends EventObject = EventObject>(
  stages: readonly Omit<StageInput, 'index'>[],
  options: ExecutorMachineOptions<Output> = {},
) {
  const names = stages.map((stage) => stage.name);
  const end = stages.length;
  const actorAt = (index: number) => stageActorId(names[index] as string);
  const readNext = {
    type: 'readBatches' as const,
    params: ({ context }: Pick<Args, 'context'>): ReadRequest => ({
      batch: context.next,
      count: roomToRead(context),
      quarantined: isQuarantined(context),
    }),
  };
  const writeReady = {
    type: 'writeBatches' as const,
    params: ({ context }: Pick<Args, 'context'>): WriteRequest => ({
      from: context.written.batches,
      upTo: lastReady(context, end),
    }),
  };
  const cancel = {
    target: 'IDLE',
    actions: ['abort', 'stopChildren', 'rewindRun', { type: 'settled', params: { how: 'cancelled' } }],
  } as const;
  const loadCompleted = {
    guard: 'isStoredAsCompleted',
    target: 'COMPLETED',
    actions: 'onSessionLoaded',
  } as const;
  const reopen = { target: 'INITIALIZING', reenter: true, actions: 'rewindRestored' } as const;
  const fail = { target: 'FAILED', actions: 'recordError' } as const;

  const base = setup({
    types: {} as {
      context: ExecutorContext;
      events: ExecutorEvent;
      input: ExecutorInput | undefined;
      output: Output;
      emitted: Emitted;
    },
    actors: {
      ...WORKERS,
      ...Object.fromEntries(names.map((name) => [stageActorId(name), stageMachine])),
    } as { [src: string]: AnyStateMachine },
    actions: {
      /** Provided: open lock, journal, source and sink at `flushed`; save a first checkpoint; answer `opened`. */
      open: () => {},
      /** Provided, when PAUSED is left: continue the session. */
      reopen: () => {},
      /** Provided: read at most `count` batches; answer `source.batches`, once or several times, or `source.end`. */
      readBatches: (_, _request: ReadRequest) => {},
      /** Provided: append the finished batches `from` to `upTo`; answer `sink.written`. */
      writeBatches: (_, _request: WriteRequest) => {},
      /** Provided: abort every attempt and close what is open, now. */
      abort: () => {},
      /** Provided: the run has reached PAUSED, COMPLETED, FAILED or, cancelled, IDLE. */
      settled: (_, _params: { readonly how: 'paused' | 'completed' | 'failed' | 'cancelled' }) => {},
      /** FAILED is not final: a parent machine receives an event. */
      notifyParent: ({ self, context: { sessionId, error } }) =>
        parentOf(self)?.send({ type: 'pipeline.failed', sessionId, error }),
    },
    guards: executorGuards(end),
  });
  const update = (change: (args: Args) => Partial<ExecutorContext>) => base.assign(change);
  const updateOn = <Type extends ExecutorEvent['type']>(type: Type, change: Update<Type>) =>
    update(({ context, event }) => (event.type === type ? change(context, event as EventOf<Type>) : {}));
  const set = (change: Partial<Activity>) =>
    update(({ context }) => ({ activity: { ...context.activity, ...change } }));

  const tellStages = (type: 'hold' | 'release') =>
    base.enqueueActions(({ enqueue }) => {
      for (const name of names) enqueue.sendTo(stageActorId(name), sealEvent({ type }) as never);
    });

  return base
    .extend({
      actions: {
        spawnChildren: base.enqueueActions(({ enqueue }) => {
          const inputs = stages.map(
            (stage, index) => [stageActorId(stage.name), { ...stage, index }] as const,
          );
          for (const [id, input] of [
            ...inputs,
            ...Object.keys(WORKERS).map((id) => [id, undefined] as const),
          ]) {
            enqueue.stopChild(id);
            enqueue.spawnChild(id as never, { id, input } as never);
          }
        }),
        stopChildren: base.enqueueActions(({ enqueue }) => {
          for (const name of names) enqueue.sendTo(stageActorId(name), sealEvent({ type: 'abort' }) as never);
          for (const id of Object.keys(WORKERS)) enqueue.stopChild(id);
        }),
        holdStages: tellStages('hold'),
        releaseStages: tellStages('release'),
        requestCommit: base.sendTo('committer', () => sealEvent({ type: 'commit' })),
        requestPublish: base.sendTo('publisher', () => sealEvent({ type: 'publish' })),
        routeToStage: base.sendTo(
          ({ event }) => actorAt((event as SourceBatches).at),
          ({ context, event }) => {
            const { batch, rows } = event as SourceBatches;
            return process(
              context,
              rows.map((_, i) => batch + i),
            );
          },
        ),
        routeToNextStage: base.sendTo(
          ({ event }) => actorAt(reached(event as StageDone)),
          ({ context, event }) => process(context, (event as StageDone).batches),
        ),
        /** Each stage that was fused into the reporting one counts the batches as its own. */
        countFusedStages: base.enqueueActions(({ enqueue, event }) => {
          const { stage, batches } = event as StageDone;
          for (const name of names.slice(stage + 1, reached(event as StageDone)))
            enqueue.sendTo(stageActorId(name), sealEvent({ type: 'passed', batches }) as never);
        }),

        beginRun: base.assign(({ context, event, self }) => {
          if (event.type !== 'execute') return {};
          const isDescribed = event.sessionId !== undefined;
          return onExecute(context, event, isDescribed ? undefined : options.newRun?.(context, self));
        }),
        rewindRestored: update(({ context, event }) => rewindRestored(context, event.type === 'resume')),
        rewindRun: update(({ context }) => rewind(context)),
        recordError: update(({ event }) => ('error' in event ? { error: event.error } : {})),
        recordNoUsableOutput: update(() => ({ error: NO_USABLE_OUTPUT })),
        setReading: set({ reader: 'reading' }),
        setSourceEnded: set({ reader: 'ended' }),
        setWriting: set({ writer: 'writing' }),
        setCommitting: update(({ context }) => startCommit(context)),
        setPublishing: set({ publisher: 'publishing' }),
        setReady: set({ publisher: 'ready' }),
        setPublished: set({ publisher: 'published' }),
        onSinkPublished: updateOn('sink.published', onSinkPublished),
        setCommitDue: set({ timer: 'due' }),
        setPausing: set({ goal: 'pause' }),
        setRunning: update(({ context }) => resumeWork(context)),
        onHold: updateOn('hold', onHold),
        onStageHeld: updateOn('stage.held', onStageHeld),
        onSessionLoaded: updateOn('session.loaded', onSessionLoaded),
        onSourceBatches: updateOn('source.batches', onSourceBatches),
        onStageDone: updateOn('stage.done', onStageDone),
        onSinkOpened: updateOn('sink.opened', onSinkOpened),
        onSinkWritten: updateOn('sink.written', onSinkWritten),
        onSinkFlushed: updateOn('sink.flushed', onSinkFlushed),
        onCheckpointSaved: updateOn('checkpoint.saved', onCheckpointSaved),
        onMinimumPauseOver: updateOn('minimumPause.over', onMinimumPauseOver),
      },
    })
    .createMachine({
      id: 'executor',
      context: ({ input }) => initialContext(names, input ?? {}),
      initial: 'IDLE',
      output: ({ context, self }) => (options.output?.(context, self) ?? outputOf(context)) as Output,
      states: {
        IDLE: {
          on: { execute: { target: 'INITIALIZING', actions: 'beginRun' } },
        },
        INITIALIZING: {
          entry: ['spawnChildren', 'open'],
          on: {
            'session.loaded': [loadCompleted, { actions: 'onSessionLoaded' }],
            'session.reopen': reopen,
            'sink.opened': { actions: 'onSinkOpened' },
            opened: 'EXECUTING',
            failure: fail,
            pause: { actions: 'setPausing' },
            hold: { actions: 'onHold' },
            cancel,
          },
        },
        EXECUTING: {
          always: [
            { guard: 'isFinished', target: 'COMPLETED' },
            { guard: 'isPauseDone', target: 'PAUSED' },
            { guard: 'lostEverything', target: 'FAILED', actions: 'recordNoUsableOutput' },
            { guard: 'mayPublish', actions: ['setPublishing', 'requestPublish'] },
            { guard: 'mayCommit', actions: ['setCommitting', 'requestCommit'] },
            { guard: 'mayWrite', actions: ['setWriting', writeReady] },
            { guard: 'mayRead', actions: ['setReading', readNext] },
          ],
          on: {
            'session.reopen': reopen,
            'source.batches': [
              { guard: 'startsAtStage', actions: ['onSourceBatches', 'routeToStage'] },
              { actions: 'onSourceBatches' },
            ],
            'source.end': { actions: 'setSourceEnded' },
            'stage.done': [
              { guard: 'passedSome', actions: ['onStageDone', 'countFusedStages', 'routeToNextStage'] },
              { guard: 'passedTheRest', actions: ['onStageDone', 'countFusedStages'] },
              { guard: 'hasNextStage', actions: ['onStageDone', 'routeToNextStage'] },
              { guard: 'isInWindow', actions: 'onStageDone' },
            ],
            'stage.held': { actions: 'onStageHeld' },
            'stage.failed': fail,
            'sink.written': { actions: 'onSinkWritten' },
            'sink.flushed': { actions: 'onSinkFlushed' },
            'checkpoint.saved': { actions: 'onCheckpointSaved' },
            'commit.due': { actions: 'setCommitDue' },
            'minimumPause.over': { actions: 'onMinimumPauseOver' },
            'sink.published': { actions: 'onSinkPublished' },
            'output.delivered': { actions: 'setPublished' },
            'delivery.held': { actions: 'setReady' },
            failure: fail,
            pause: { actions: ['setPausing', 'holdStages'] },
            hold: { actions: ['onHold', 'holdStages'] },
            cancel,
          },
        },
        PAUSED: {
          entry: { type: 'settled', params: { how: 'paused' } },
          on: {
            'sink.opened': { actions: 'onSinkOpened' },
            'session.loaded': loadCompleted,
            resume: [
              { guard: 'isRestored', ...reopen },
              { target: 'EXECUTING', actions: ['setRunning', 'reopen', 'releaseStages'] },
            ],
            cancel,
          },
        },
        COMPLETED: {
          entry: { type: 'settled', params: { how: 'completed' } },
          type: 'final',
        },
        FAILED: {
          entry: ['abort', 'stopChildren', { type: 'settled', params: { how: 'failed' } }, 'notifyParent'],
          on: {
            'session.loaded': loadCompleted,
            execute: { target: 'INITIALIZING', actions: 'rewindRun' },
            resume: { target: 'INITIALIZING', actions: 'rewindRun' },
            cancel,
          },
        },
      },
    });
}

export type ExecutorMachine = ReturnType<typeof createExecutorMachine>;
