/**
 * One stage: which batches wait, which are being worked on, which wait for another attempt.
 *
 * 1. It knows batches by index only (I3); the work itself is the `start` action, provided by the executor's wiring, which
 *    answers with `attempt.done`, `attempt.failed` or `attempt.timedOut`.
 * 2. At most `concurrency` batches run at once; a freed slot is filled before the parent hears of the batch that left it.
 * 3. An answer of an attempt that is not running any more (timed out, aborted) is ignored.
 * 4. A batch between two attempts holds no slot. Its due time is data; a timer of the wiring sends `retry.due`.
 * 5. `abort` is final: the wiring aborts what runs, nothing starts again (I17).
 * 6. No `invoke`, no `after`, no child: `xstate/graph` can walk it.
 */
import { sendTo, setup } from 'xstate';
import type { ErrorFacts } from './facts.js';

export interface StageInput {
  readonly name: string;
  readonly index: number;
  readonly concurrency: number;
  /** Attempts in all, from 1. */
  readonly attempts: number;
}

export interface StageBatch {
  readonly batch: number;
  /** From 1. */
  readonly attempt: number;
}

export interface StageContext extends StageInput {
  readonly queue: readonly StageBatch[];
  readonly running: readonly StageBatch[];
  /** Between attempts; `dueAt` in milliseconds since the epoch. */
  readonly waiting: readonly (StageBatch & { readonly dueAt: number })[];
  readonly done: number;
  readonly retried: number;
  readonly error: ErrorFacts | null;
}

interface AttemptFailure {
  readonly batch: number;
  readonly attempt: number;
  readonly error: ErrorFacts;
  /** Milliseconds until the next attempt, if there is one; `dueAt` is that moment. */
  readonly delayMs: number;
  readonly dueAt: number;
}

export type StageEvent =
  | { readonly type: 'process'; readonly batch: number; readonly attempt?: number }
  | { readonly type: 'attempt.done'; readonly batch: number; readonly attempt: number }
  | ({ readonly type: 'attempt.failed' } & AttemptFailure)
  | ({ readonly type: 'attempt.timedOut' } & AttemptFailure)
  | { readonly type: 'retry.due'; readonly batch: number }
  | { readonly type: 'abort' };

/** What a stage tells the executor. */
export type StageReport =
  | { readonly type: 'stage.done'; readonly stage: number; readonly batch: number }
  | {
      readonly type: 'stage.failed';
      readonly stage: number;
      readonly batch: number;
      readonly error: ErrorFacts;
    };

type FailureEvent = Extract<StageEvent, { type: 'attempt.failed' | 'attempt.timedOut' }>;

const stage = setup({
  types: {} as { context: StageContext; events: StageEvent; input: StageInput },
  actions: {
    /** Provided: work on `batch`; answer with an attempt event. */
    start: (_, _params: StageBatch) => {},
    /** Provided: send `retry.due` after `delayMs`. */
    arm: (_, _params: { readonly batch: number; readonly delayMs: number }) => {},
    /** Provided: abort every attempt and timer. */
    abortAll: () => {},
    /** To the executor. Replaced where there is none. */
    report: sendTo(
      ({ self }) => (self as unknown as { _parent: typeof self })._parent,
      (_, report: StageReport) => report as never,
    ),
  },
  guards: {
    current: ({ context, event }) =>
      'attempt' in event &&
      context.running.some((run) => run.batch === event.batch && run.attempt === event.attempt),
    currentAndRetryable: ({ context, event }) =>
      'attempt' in event &&
      (event.attempt ?? 1) < context.attempts &&
      context.running.some((run) => run.batch === event.batch && run.attempt === event.attempt),
    waitsFor: ({ context, event }) =>
      'batch' in event && context.waiting.some((wait) => wait.batch === event.batch),
    canStart: ({ context }) => context.queue.length > 0 && context.running.length < context.concurrency,
    onlyWaiting: ({ context }) =>
      context.running.length === 0 && context.queue.length === 0 && context.waiting.length > 0,
    nothingLeft: ({ context }) =>
      context.running.length === 0 && context.queue.length === 0 && context.waiting.length === 0,
  },
});

const without = <T extends { readonly batch: number }>(list: readonly T[], batch: number): readonly T[] =>
  list.filter((item) => item.batch !== batch);

const enqueue = stage.assign(({ context, event }) =>
  event.type === 'process'
    ? { queue: [...context.queue, { batch: event.batch, attempt: event.attempt ?? 1 }] }
    : {},
);

const takeSlot = stage.assign(({ context }) => {
  const [first, ...rest] = context.queue;
  return first === undefined ? {} : { queue: rest, running: [...context.running, first] };
});

const leave = stage.assign(({ context, event }) =>
  event.type === 'attempt.done'
    ? { running: without(context.running, event.batch), done: context.done + 1 }
    : {},
);

const backOff = stage.assign(({ context, event }) => {
  if (event.type !== 'attempt.failed' && event.type !== 'attempt.timedOut') return {};
  const { batch, attempt, dueAt } = event;
  return {
    running: without(context.running, batch),
    waiting: [...context.waiting, { batch, attempt, dueAt }],
    retried: context.retried + 1,
  };
});

/** A batch that is due goes before those that were never tried: output order waits for it. */
const due = stage.assign(({ context, event }) => {
  const wait = event.type === 'retry.due' && context.waiting.find((w) => w.batch === event.batch);
  if (!wait) return {};
  return {
    waiting: without(context.waiting, wait.batch),
    queue: [{ batch: wait.batch, attempt: wait.attempt + 1 }, ...context.queue],
  };
});

const giveUp = stage.assign(({ context, event }) =>
  event.type === 'attempt.failed' || event.type === 'attempt.timedOut'
    ? { running: without(context.running, event.batch), error: event.error }
    : {},
);

const clear = stage.assign({ queue: [], running: [], waiting: [] });

const armRetry = {
  type: 'arm' as const,
  params: ({ event }: { event: StageEvent }) => {
    const { batch, delayMs } = event as FailureEvent;
    return { batch, delayMs };
  },
};

const reportDone = {
  type: 'report' as const,
  params: ({ context, event }: { context: StageContext; event: StageEvent }): StageReport => ({
    type: 'stage.done',
    stage: context.index,
    batch: (event as { batch: number }).batch,
  }),
};

const reportFailed = {
  type: 'report' as const,
  params: ({ context, event }: { context: StageContext; event: StageEvent }): StageReport => {
    const { batch, error } = event as FailureEvent;
    return { type: 'stage.failed', stage: context.index, batch, error };
  },
};

const startNext = {
  type: 'start' as const,
  params: ({ context }: { context: StageContext }): StageBatch =>
    context.running[context.running.length - 1] as StageBatch,
};

/** The stage's statechart: `idle`, `running`, `backingOff`, and the ends `failed` and `stopped`. */
export const stageMachine = stage.createMachine({
  id: 'stage',
  context: ({ input }) => ({
    ...input,
    queue: [],
    running: [],
    waiting: [],
    done: 0,
    retried: 0,
    error: null,
  }),
  initial: 'idle',
  on: {
    abort: { target: '.stopped', actions: ['abortAll'] },
  },
  states: {
    idle: {
      on: { process: { target: 'running', actions: enqueue } },
    },
    running: {
      always: [
        { guard: 'canStart', actions: [takeSlot, startNext] },
        { guard: 'onlyWaiting', target: 'backingOff' },
        { guard: 'nothingLeft', target: 'idle' },
      ],
      on: {
        process: { actions: enqueue },
        'attempt.done': { guard: 'current', actions: [leave, reportDone] },
        'attempt.failed': [
          { guard: 'currentAndRetryable', actions: [backOff, armRetry] },
          { guard: 'current', target: 'failed', actions: [giveUp, reportFailed] },
        ],
        'attempt.timedOut': [
          { guard: 'currentAndRetryable', actions: [backOff, armRetry] },
          { guard: 'current', target: 'failed', actions: [giveUp, reportFailed] },
        ],
        'retry.due': { guard: 'waitsFor', actions: due },
      },
    },
    backingOff: {
      on: {
        process: { target: 'running', actions: enqueue },
        'retry.due': { guard: 'waitsFor', target: 'running', actions: due },
      },
    },
    /** An attempt failed for good: the executor aborts the run. */
    failed: {},
    /** Aborted: nothing starts again here; a new run spawns a new actor. */
    stopped: { entry: clear },
  },
});

export type StageMachine = typeof stageMachine;
