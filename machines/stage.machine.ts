/**
 * One stage: its batches are queued, running, or waiting for another attempt or a permit.
 *
 * 1. It knows batches by index only (I3). The runtime provides `start`, and answers with `attempts.done`,
 *    `attempt.failed`, `attempt.timedOut` or `attempt.deferred`.
 * 2. At most `concurrency` batches run at once, after a reduction as soon as batches have left. It may adapt
 *    (`adaptive-concurrency.ts`) and be tuned. The transition that frees a slot also fills it, before it reports the finished
 *    batch: no slot is free while a batch is queued, without an `always`.
 * 3. One event covers several batches: a transition costs the same for one batch as for hundreds.
 * 4. An answer of an attempt that is not running (timed out, aborted) is ignored.
 * 5. A batch between two attempts, or waiting for a limiter's permit, holds no slot (I22). Its due time is data; a timer of the
 *    runtime sends `retry.due`. Waiting for a permit does not change the attempt's number.
 * 6. `abort` is final: the runtime aborts the attempts, and nothing starts again (I17).
 * 7. A batch that an earlier, fused stage processed arrives as `passed`. A stage with such batches has no other work.
 * 8. While the run is pausing (`held` is a list), no attempt follows a failed one: the batch is held and reported, and the
 *    executor does not wait for it. `attempt.held` also holds the queue. `release` starts the held batches, except those that wait
 *    for another attempt.
 * 9. No `invoke`, no `after`, no child: `xstate/graph` can walk it.
 */
import { sendTo, setup } from 'xstate';
import { parentOf, sealEvent } from './report.js';
import type { StageActorContext, StageBatch, StageEvent, StageInput, StageReport } from './stage-events.js';
import * as updates from './stage-updates.js';
import {
  awaitsPermit,
  beginStage,
  current,
  freeAfter,
  freeSlots,
  isAllThereIs,
  isHolding,
  isRetryable,
  keepsNone,
  releasedOf,
  requested,
  waitOf,
} from './stage-updates.js';

type FailureEvent = Extract<StageEvent, { type: 'attempt.failed' | 'attempt.timedOut' }>;

type DeferredEvent = Extract<StageEvent, { type: 'attempt.deferred' }>;

const base = setup({
  types: {} as { context: StageActorContext; events: StageEvent; input: StageInput },
  actions: {
    /** Provided: start an attempt at each of these; answer with attempt events. */
    start: (_, _params: { readonly batches: readonly StageBatch[] }) => {},
    /** Provided: send `retry.due` after `delayMs`. */
    arm: (_, _params: { readonly batch: number; readonly delayMs: number }) => {},
    /** Provided: the concurrency may have changed. */
    resize: (_, _params: { readonly concurrency: number }) => {},
    /** Provided: abort every attempt and timer. */
    abortAll: () => {},
    /** Reports to the executor. Replaced in a machine without one. */
    report: sendTo(
      ({ self }) => parentOf(self),
      (_, report: StageReport) => sealEvent(report),
    ),
  },
  guards: {
    current: ({ context, event }) => current(context, event).length > 0,
    currentAndQueued: ({ context, event }) => current(context, event).length > 0 && context.queue.length > 0,
    currentAndLast: ({ context, event }) => isAllThereIs(context, event) && keepsNone(context),
    currentAndHolding: ({ context, event }) => isAllThereIs(context, event) && isHolding(context),
    currentAndAwaiting: ({ context, event }) => isAllThereIs(context, event) && awaitsPermit(context),
    currentAndOnlyWaiting: ({ context, event }) => isAllThereIs(context, event),
    retryable: ({ context, event }) => isRetryable(context, event),
    retryableAndQueued: ({ context, event }) => isRetryable(context, event) && context.queue.length > 0,
    retryableAndAwaiting: ({ context, event }) =>
      isRetryable(context, event) && isAllThereIs(context, event) && awaitsPermit(context),
    retryableAndLast: ({ context, event }) => isRetryable(context, event) && isAllThereIs(context, event),
    retryableAndHolding: ({ context, event }) =>
      isRetryable(context, event) && isAllThereIs(context, event) && isHolding(context),
    currentAndOnlyOne: ({ context, event }) =>
      current(context, event).length > 0 && context.running.length === 1,
    holdsDue: ({ context, event }) => isHolding(context) && waitOf(context, event) !== undefined,
    holdsBatches: ({ context }) => releasedOf(context).length > 0,
    awaitsPermit: ({ context }) => awaitsPermit(context),
    hasWaiting: ({ context }) => context.waiting.length > 0,
    hasSlot: ({ context }) => context.running.length < context.concurrency,
    waitsFor: ({ context, event }) => waitOf(context, event) !== undefined,
    waitsForAndHasSlot: ({ context, event }) =>
      waitOf(context, event) !== undefined && context.running.length < context.concurrency,
  },
});

const update = (change: (context: StageActorContext, event: StageEvent) => Partial<StageActorContext>) =>
  base.assign(({ context, event }) => change(context, event));

const stage = base.extend({
  actions: {
    /** The executor does not wait for a batch whose attempt failed while the run is pausing. */
    reportIfHeld: base.enqueueActions(({ context, event, enqueue }) => {
      if (context.held === undefined || !('batch' in event)) return;
      const report: StageReport = { type: 'stage.held', stage: context.index, batches: [event.batch] };
      enqueue({ type: 'report', params: report });
    }),
    takeSlots: update(updates.takeSlots),
    leaveSlots: update(updates.leaveSlots),
    countFused: update(updates.countFused),
    backOff: update(updates.backOff),
    awaitPermit: update(updates.awaitPermit),
    queueDue: update(updates.queueDue),
    startAgain: update(updates.startAgain),
    beginHolding: update(updates.beginHolding),
    holdAttempt: update(updates.holdAttempt),
    holdDue: update(updates.holdDue),
    releaseHeld: update(updates.releaseHeld),
    growConcurrency: update(updates.growConcurrency),
    reduceConcurrency: update(updates.reduceConcurrency),
    tuneConcurrency: update(updates.tuneConcurrency),
    recordError: update(updates.recordError),
    dropAll: update(updates.dropAll),
  },
});

const armRetry = {
  type: 'arm' as const,
  params: ({ event }: { event: StageEvent }) => {
    const { batch, delayMs } = event as FailureEvent | DeferredEvent;
    return { batch, delayMs };
  },
};

/** Reported before they leave their slots. */
const reportDone = {
  type: 'report' as const,
  params: ({ context, event }: Args): StageReport => {
    const { through } = event as Extract<StageEvent, { type: 'attempts.done' }>;
    const report = { type: 'stage.done', stage: context.index, batches: current(context, event) } as const;
    return through === undefined ? report : { ...report, through };
  },
};

/** Reported before they leave their slots. */
const reportHeld = {
  type: 'report' as const,
  params: ({ context, event }: Args): StageReport => {
    const { batch } = event as Extract<StageEvent, { type: 'attempt.held' }>;
    const batches = [batch, ...context.queue.map((queued) => queued.batch)];
    return { type: 'stage.held', stage: context.index, batches };
  },
};

const reportWaiting = {
  type: 'report' as const,
  params: ({ context }: Args): StageReport => {
    const batches = context.waiting.map(({ batch }) => batch);
    return { type: 'stage.held', stage: context.index, batches };
  },
};

const reportFailed = {
  type: 'report' as const,
  params: ({ context, event }: Args): StageReport => {
    const { batch, error } = event as FailureEvent;
    return { type: 'stage.failed', stage: context.index, batch, error };
  },
};

type Args = { readonly context: StageActorContext; readonly event: StageEvent };

/** Started before they take their slots. */
const startAsked = {
  type: 'start' as const,
  params: ({ context, event }: Args) => ({ batches: requested(event).slice(0, freeSlots(context)) }),
};

/** Started before they take the slots that become free, or that are added. */
const startQueued = {
  type: 'start' as const,
  params: ({ context, event }: Args) => ({ batches: context.queue.slice(0, freeAfter(context, event)) }),
};

/** Started before they take their slots. */
const startHeld = {
  type: 'start' as const,
  params: ({ context }: Args) => ({ batches: releasedOf(context).slice(0, freeSlots(context)) }),
};

/** Starts the batch that took a slot. */
const startDue = {
  type: 'start' as const,
  params: ({ context }: Args) => ({ batches: context.running.slice(-1) }),
};

const resized = {
  type: 'resize' as const,
  params: ({ context: { concurrency } }: Args) => ({ concurrency }),
};

const failure = [
  {
    guard: 'retryableAndQueued' as const,
    actions: [startQueued, 'backOff', armRetry, 'reportIfHeld'] as const,
  },
  {
    guard: 'retryableAndHolding' as const,
    target: 'held',
    actions: ['backOff', armRetry, 'reportIfHeld'] as const,
  },
  {
    guard: 'retryableAndAwaiting' as const,
    target: 'awaitingPermit',
    actions: ['backOff', armRetry] as const,
  },
  { guard: 'retryableAndLast' as const, target: 'backingOff', actions: ['backOff', armRetry] as const },
  { guard: 'retryable' as const, actions: ['backOff', armRetry, 'reportIfHeld'] as const },
  { guard: 'current' as const, target: 'failed', actions: ['recordError', reportFailed] as const },
];

/** No batch runs: a batch that arrives or is due starts at once. */
const resting = {
  process: { target: 'running', actions: [startAsked, 'takeSlots'] as const },
  'retry.due': { guard: 'waitsFor' as const, target: 'running', actions: ['startAgain', startDue] as const },
  hold: { target: 'held', actions: ['beginHolding', reportWaiting] as const },
};

/** The stage's statechart: `idle`, `running`, `awaitingPermit`, `backingOff`, `held`, and the ends `failed` and `stopped`. */
export const stageMachine = stage.createMachine({
  id: 'stage',
  context: ({ input }) => beginStage(input),
  initial: 'idle',
  on: {
    'calls.succeeded': { actions: [startQueued, 'growConcurrency', resized] },
    overloaded: { actions: ['reduceConcurrency', resized] },
    tune: { actions: [startQueued, 'tuneConcurrency', resized] },
    abort: { target: '.stopped', actions: ['abortAll'] },
  },
  states: {
    idle: {
      on: {
        process: { target: 'running', actions: [startAsked, 'takeSlots'] },
        passed: { actions: 'countFused' },
        hold: { actions: 'beginHolding' },
        release: { actions: 'releaseHeld' },
      },
    },
    running: {
      on: {
        process: [{ guard: 'hasSlot', actions: [startAsked, 'takeSlots'] }, { actions: 'takeSlots' }],
        'attempts.done': [
          { guard: 'currentAndQueued', actions: [startQueued, reportDone, 'leaveSlots'] },
          { guard: 'currentAndLast', target: 'idle', actions: [reportDone, 'leaveSlots'] },
          { guard: 'currentAndHolding', target: 'held', actions: [reportDone, 'leaveSlots'] },
          { guard: 'currentAndAwaiting', target: 'awaitingPermit', actions: [reportDone, 'leaveSlots'] },
          { guard: 'currentAndOnlyWaiting', target: 'backingOff', actions: [reportDone, 'leaveSlots'] },
          { guard: 'current', actions: [reportDone, 'leaveSlots'] },
        ],
        'attempt.failed': failure,
        'attempt.timedOut': failure,
        'attempt.deferred': [
          { guard: 'currentAndQueued', actions: [startQueued, 'awaitPermit', armRetry, 'reportIfHeld'] },
          { guard: 'currentAndHolding', target: 'held', actions: ['awaitPermit', armRetry, 'reportIfHeld'] },
          { guard: 'currentAndOnlyWaiting', target: 'awaitingPermit', actions: ['awaitPermit', armRetry] },
          { guard: 'current', actions: ['awaitPermit', armRetry, 'reportIfHeld'] },
        ],
        'attempt.held': [
          { guard: 'currentAndOnlyOne', target: 'held', actions: [reportHeld, 'holdAttempt'] },
          { guard: 'current', actions: [reportHeld, 'holdAttempt'] },
        ],
        hold: [
          { guard: 'hasWaiting', actions: ['beginHolding', reportWaiting] },
          { actions: 'beginHolding' },
        ],
        'retry.due': [
          { guard: 'holdsDue', actions: 'holdDue' },
          { guard: 'waitsForAndHasSlot', actions: ['startAgain', startDue] },
          { guard: 'waitsFor', actions: 'queueDue' },
        ],
      },
    },
    /** Some batch waits for a permit. */
    awaitingPermit: { on: resting },
    /** All batches wait for another attempt. */
    backingOff: { on: resting },
    /** The run is pausing: the remaining batches do not start before it resumes. */
    held: {
      on: {
        process: { target: 'running', actions: [startAsked, 'takeSlots'] },
        'retry.due': { guard: 'waitsFor', actions: 'holdDue' },
        release: [
          { guard: 'holdsBatches', target: 'running', actions: [startHeld, 'releaseHeld'] },
          { guard: 'awaitsPermit', target: 'awaitingPermit', actions: 'releaseHeld' },
          { guard: 'hasWaiting', target: 'backingOff', actions: 'releaseHeld' },
        ],
      },
    },
    /** The last attempt failed: the executor aborts the run. */
    failed: {},
    /** Nothing starts again; a new run spawns a new actor. */
    stopped: { entry: 'dropAll' },
  },
});

/** The type of `stageMachine`. */
export type StageMachine = typeof stageMachine;
