/**
 * One stage: which batches wait, which are being worked on, which wait for another attempt.
 *
 * 1. It knows batches by index only (I3); the work itself is the `start` action, provided by the executor's wiring, which
 *    answers with `attempt.done`, `attempt.failed` or `attempt.timedOut`.
 * 2. At most `concurrency` batches run at once; a freed slot is filled before the parent hears of the batch that left it, in
 *    the same transition: a slot is never free while a batch waits for one, and nothing is decided by `always`.
 * 3. An answer of an attempt that is not running any more (timed out, aborted) is ignored.
 * 4. A batch between two attempts holds no slot. Its due time is data; a timer of the wiring sends `retry.due`.
 * 5. `abort` is final: the wiring aborts what runs, nothing starts again (I17).
 * 6. A batch whose work was done in the pass of a stage before this one has only `passed` here. A stage of which that is
 *    so has no other work meanwhile.
 * 7. No `invoke`, no `after`, no child: `xstate/graph` can walk it.
 */
import { sendTo, setup } from 'xstate';
import type { ErrorFacts } from './facts.js';

/** What a stage's actor begins with. */
export interface StageInput {
  readonly name: string;
  readonly index: number;
  readonly concurrency: number;
  /** Attempts in all, from 1. */
  readonly attempts: number;
}

/** A batch at a stage, with the attempt that is next or under way. */
export interface StageBatch {
  readonly batch: number;
  /** From 1. */
  readonly attempt: number;
}

/** All that a stage's actor knows: which batches it has, and where each stands. */
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

/** What a stage's actor is told: by the executor, and by the attempts that it has started. */
export type StageEvent =
  | { readonly type: 'process'; readonly batch: number; readonly attempt?: number }
  | {
      readonly type: 'attempt.done';
      readonly batch: number;
      readonly attempt: number;
      /** The last stage whose work was done in the same pass; absent: this one. */
      readonly through?: number;
    }
  | { readonly type: 'passed'; readonly batch: number }
  | ({ readonly type: 'attempt.failed' } & AttemptFailure)
  | ({ readonly type: 'attempt.timedOut' } & AttemptFailure)
  | { readonly type: 'retry.due'; readonly batch: number }
  | { readonly type: 'abort' };

/** What a stage tells the executor. */
export type StageReport =
  | {
      readonly type: 'stage.done';
      readonly stage: number;
      readonly batch: number;
      /** The last stage whose work is done; absent: this one. */
      readonly through?: number;
    }
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
    current: ({ context, event }) => isCurrent(context, event),
    currentAndQueued: ({ context, event }) => isCurrent(context, event) && context.queue.length > 0,
    currentAndLast: ({ context, event }) =>
      isCurrent(context, event) && isAlone(context) && context.waiting.length === 0,
    currentAndOnlyWaiting: ({ context, event }) => isCurrent(context, event) && isAlone(context),
    retryable: ({ context, event }) => isRetryable(context, event),
    retryableAndQueued: ({ context, event }) => isRetryable(context, event) && context.queue.length > 0,
    retryableAndLast: ({ context, event }) => isRetryable(context, event) && isAlone(context),
    hasSlot: ({ context }) => context.running.length < context.concurrency,
    waitsFor: ({ context, event }) => waitOf(context, event) !== undefined,
    waitsForAndHasSlot: ({ context, event }) =>
      waitOf(context, event) !== undefined && context.running.length < context.concurrency,
  },
});

/** Is it the answer of an attempt that is running? */
const isCurrent = (context: StageContext, event: StageEvent): boolean =>
  'attempt' in event &&
  context.running.some((run) => run.batch === event.batch && run.attempt === event.attempt);

const isRetryable = (context: StageContext, event: StageEvent): boolean =>
  'attempt' in event && (event.attempt ?? 1) < context.attempts && isCurrent(context, event);

/** One batch is running, and none waits for its slot. */
const isAlone = ({ running, queue }: StageContext): boolean => running.length === 1 && queue.length === 0;

const waitOf = (context: StageContext, event: StageEvent): StageContext['waiting'][number] | undefined =>
  'batch' in event ? context.waiting.find((wait) => wait.batch === event.batch) : undefined;

const without = <T extends { readonly batch: number }>(list: readonly T[], batch: number): readonly T[] =>
  list.filter((item) => item.batch !== batch);

/** What runs when one batch has left its slot, and the head of the queue has taken it. */
const refilled = ({ running, queue }: StageContext, left: number) => {
  const [first] = queue;
  const others = without(running, left);
  return first === undefined ? { running: others } : { running: [...others, first], queue: queue.slice(1) };
};

const asked = (event: StageEvent & { type: 'process' }): StageBatch => ({
  batch: event.batch,
  attempt: event.attempt ?? 1,
});

const enqueue = stage.assign(({ context, event }) =>
  event.type === 'process' ? { queue: [...context.queue, asked(event)] } : {},
);

const takeSlot = stage.assign(({ context, event }) =>
  event.type === 'process' ? { running: [...context.running, asked(event)] } : {},
);

const leave = stage.assign(({ context, event }) =>
  event.type === 'attempt.done' ? { ...refilled(context, event.batch), done: context.done + 1 } : {},
);

const countPassed = stage.assign({ done: ({ context }) => context.done + 1 });

const backOff = stage.assign(({ context, event }) => {
  if (event.type !== 'attempt.failed' && event.type !== 'attempt.timedOut') return {};
  const { batch, attempt, dueAt } = event;
  return {
    ...refilled(context, batch),
    waiting: [...context.waiting, { batch, attempt, dueAt }],
    retried: context.retried + 1,
  };
});

/** A batch that is due goes before those that were never tried: output order waits for it. */
const due = stage.assign(({ context, event }) => {
  const wait = waitOf(context, event);
  if (wait === undefined) return {};
  const again = { batch: wait.batch, attempt: wait.attempt + 1 };
  return { waiting: without(context.waiting, wait.batch), queue: [again, ...context.queue] };
});

const takeDue = stage.assign(({ context, event }) => {
  const wait = waitOf(context, event);
  if (wait === undefined) return {};
  const again = { batch: wait.batch, attempt: wait.attempt + 1 };
  return { waiting: without(context.waiting, wait.batch), running: [...context.running, again] };
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
  params: ({ context, event }: { context: StageContext; event: StageEvent }): StageReport => {
    const { batch, through } = event as Extract<StageEvent, { type: 'attempt.done' }>;
    const report = { type: 'stage.done', stage: context.index, batch } as const;
    return through === undefined ? report : { ...report, through };
  },
};

const reportFailed = {
  type: 'report' as const,
  params: ({ context, event }: { context: StageContext; event: StageEvent }): StageReport => {
    const { batch, error } = event as FailureEvent;
    return { type: 'stage.failed', stage: context.index, batch, error };
  },
};

/** The last one that took a slot. */
const startTaken = {
  type: 'start' as const,
  params: ({ context }: { context: StageContext }): StageBatch =>
    context.running[context.running.length - 1] as StageBatch,
};

const failure = [
  { guard: 'retryableAndQueued' as const, actions: [backOff, armRetry, startTaken] },
  { guard: 'retryableAndLast' as const, target: 'backingOff', actions: [backOff, armRetry] },
  { guard: 'retryable' as const, actions: [backOff, armRetry] },
  { guard: 'current' as const, target: 'failed', actions: [giveUp, reportFailed] },
];

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
      on: {
        process: { target: 'running', actions: [takeSlot, startTaken] },
        passed: { actions: countPassed },
      },
    },
    running: {
      on: {
        process: [{ guard: 'hasSlot', actions: [takeSlot, startTaken] }, { actions: enqueue }],
        'attempt.done': [
          { guard: 'currentAndQueued', actions: [leave, startTaken, reportDone] },
          { guard: 'currentAndLast', target: 'idle', actions: [leave, reportDone] },
          { guard: 'currentAndOnlyWaiting', target: 'backingOff', actions: [leave, reportDone] },
          { guard: 'current', actions: [leave, reportDone] },
        ],
        'attempt.failed': failure,
        'attempt.timedOut': failure,
        'retry.due': [
          { guard: 'waitsForAndHasSlot', actions: [takeDue, startTaken] },
          { guard: 'waitsFor', actions: due },
        ],
      },
    },
    backingOff: {
      on: {
        process: { target: 'running', actions: [takeSlot, startTaken] },
        'retry.due': { guard: 'waitsFor', target: 'running', actions: [takeDue, startTaken] },
      },
    },
    /** An attempt failed for good: the executor aborts the run. */
    failed: {},
    /** Aborted: nothing starts again here; a new run spawns a new actor. */
    stopped: { entry: clear },
  },
});

/** The machine that `stageMachine` is. */
export type StageMachine = typeof stageMachine;
