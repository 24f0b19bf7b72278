/**
 * One stage: which batches wait, which are being worked on, which wait for another attempt.
 *
 * 1. It knows batches by index only (I3); the work itself is the `start` action, provided by the executor's wiring, which
 *    answers with `attempt.done`, `attempt.failed` or `attempt.timedOut`.
 * 2. At most `concurrency` batches run at once; a freed slot is filled before the parent hears of the batch that left it, in
 *    the same transition: a slot is never free while a batch waits for one, and nothing is decided by `always`.
 * 3. What happens to several batches at the same moment is one event: hundreds may be running, and a transition costs
 *    what it costs whether it is about one of them or all.
 * 4. An answer of an attempt that is not running any more (timed out, aborted) is ignored.
 * 5. A batch between two attempts holds no slot. Its due time is data; a timer of the wiring sends `retry.due`.
 * 6. `abort` is final: the wiring aborts what runs, nothing starts again (I17).
 * 7. A batch whose work was done in the pass of a stage before this one has only `passed` here. A stage of which that is
 *    so has no other work meanwhile.
 * 8. No `invoke`, no `after`, no child: `xstate/graph` can walk it.
 */
import { sendTo, setup } from 'xstate';
import type { StageBatch, StageContext, StageEvent, StageInput, StageReport } from './stage-events.js';

type FailureEvent = Extract<StageEvent, { type: 'attempt.failed' | 'attempt.timedOut' }>;

const stage = setup({
  types: {} as { context: StageContext; events: StageEvent; input: StageInput },
  actions: {
    /** Provided: work on each of these; answer with attempt events. */
    start: (_, _params: { readonly batches: readonly StageBatch[] }) => {},
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
    current: ({ context, event }) => current(context, event).length > 0,
    currentAndQueued: ({ context, event }) => current(context, event).length > 0 && context.queue.length > 0,
    currentAndLast: ({ context, event }) => isAllThereIs(context, event) && context.waiting.length === 0,
    currentAndOnlyWaiting: ({ context, event }) => isAllThereIs(context, event),
    retryable: ({ context, event }) => isRetryable(context, event),
    retryableAndQueued: ({ context, event }) => isRetryable(context, event) && context.queue.length > 0,
    retryableAndLast: ({ context, event }) => isRetryable(context, event) && isAllThereIs(context, event),
    hasSlot: ({ context }) => context.running.length < context.concurrency,
    waitsFor: ({ context, event }) => waitOf(context, event) !== undefined,
    waitsForAndHasSlot: ({ context, event }) =>
      waitOf(context, event) !== undefined && context.running.length < context.concurrency,
  },
});

const NONE: readonly number[] = [];
let asked: { running: unknown; event: unknown; batches: readonly number[] } | undefined;

/** Those whose running attempts this is the answer of. Guards and actions ask several times about one event: the last
 * answer is kept. */
function current({ running }: StageContext, event: StageEvent): readonly number[] {
  if (!('attempt' in event)) return NONE;
  if (asked?.event === event && asked.running === running) return asked.batches;
  const { attempt } = event;
  const answered = 'batch' in event ? [event.batch] : event.batches;
  const waited = new Set<number>();
  for (const run of running) if (run.attempt === attempt) waited.add(run.batch);
  const batches = answered.filter((batch) => waited.has(batch));
  asked = { running, event, batches };
  return batches;
}

const isRetryable = (context: StageContext, event: StageEvent): boolean =>
  'attempt' in event && event.attempt < context.attempts && current(context, event).length > 0;

/** It is the answer of everything that is running, and nothing waits for a slot. */
const isAllThereIs = (context: StageContext, event: StageEvent): boolean =>
  context.queue.length === 0 &&
  context.running.length > 0 &&
  current(context, event).length === context.running.length;

const waitOf = (context: StageContext, event: StageEvent): StageContext['waiting'][number] | undefined =>
  'batch' in event ? context.waiting.find((wait) => wait.batch === event.batch) : undefined;

const without = <T extends { readonly batch: number }>(list: readonly T[], batch: number): readonly T[] =>
  list.filter((item) => item.batch !== batch);

/** What runs when these have left their slots, and the head of the queue has taken them. */
function refilled({ running, queue }: StageContext, left: readonly number[]) {
  const gone = new Set(left);
  const others = running.filter((run) => !gone.has(run.batch));
  if (queue.length === 0) return { running: others };
  return { running: [...others, ...queue.slice(0, left.length)], queue: queue.slice(left.length) };
}

const requested = (event: StageEvent): readonly StageBatch[] =>
  event.type === 'process'
    ? event.batches.map((batch, i) => ({ batch, attempt: event.attempts?.[i] ?? 1 }))
    : [];

/** As many as there are slots for; the others wait. */
const takeSlots = stage.assign(({ context, event }) => {
  const { running, queue, concurrency } = context;
  const free = concurrency - running.length;
  const batches = requested(event);
  return { running: [...running, ...batches.slice(0, free)], queue: [...queue, ...batches.slice(free)] };
});

const leave = stage.assign(({ context, event }) => {
  const left = current(context, event);
  return { ...refilled(context, left), done: context.done + left.length };
});

const countPassed = stage.assign({
  done: ({ context, event }) => context.done + (event.type === 'passed' ? event.batches.length : 0),
});

const backOff = stage.assign(({ context, event }) => {
  if (event.type !== 'attempt.failed' && event.type !== 'attempt.timedOut') return {};
  const { batch, attempt, dueAt } = event;
  return {
    ...refilled(context, [batch]),
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

/** Before they leave. */
const reportDone = {
  type: 'report' as const,
  params: ({ context, event }: Args): StageReport => {
    const { through } = event as Extract<StageEvent, { type: 'attempts.done' }>;
    const report = { type: 'stage.done', stage: context.index, batches: current(context, event) } as const;
    return through === undefined ? report : { ...report, through };
  },
};

const reportFailed = {
  type: 'report' as const,
  params: ({ context, event }: Args): StageReport => {
    const { batch, error } = event as FailureEvent;
    return { type: 'stage.failed', stage: context.index, batch, error };
  },
};

type Args = { readonly context: StageContext; readonly event: StageEvent };

/** Before they take their slots. */
const startAsked = {
  type: 'start' as const,
  params: ({ context, event }: Args) => ({
    batches: requested(event).slice(0, context.concurrency - context.running.length),
  }),
};

/** Before they take the slots that become free. */
const startQueued = {
  type: 'start' as const,
  params: ({ context, event }: Args) => ({ batches: context.queue.slice(0, current(context, event).length) }),
};

/** The one that has just taken a slot. */
const startDue = {
  type: 'start' as const,
  params: ({ context }: Args) => ({ batches: context.running.slice(-1) }),
};

const failure = [
  { guard: 'retryableAndQueued' as const, actions: [startQueued, backOff, armRetry] },
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
        process: { target: 'running', actions: [startAsked, takeSlots] },
        passed: { actions: countPassed },
      },
    },
    running: {
      on: {
        process: [{ guard: 'hasSlot', actions: [startAsked, takeSlots] }, { actions: takeSlots }],
        'attempts.done': [
          { guard: 'currentAndQueued', actions: [startQueued, reportDone, leave] },
          { guard: 'currentAndLast', target: 'idle', actions: [reportDone, leave] },
          { guard: 'currentAndOnlyWaiting', target: 'backingOff', actions: [reportDone, leave] },
          { guard: 'current', actions: [reportDone, leave] },
        ],
        'attempt.failed': failure,
        'attempt.timedOut': failure,
        'retry.due': [
          { guard: 'waitsForAndHasSlot', actions: [takeDue, startDue] },
          { guard: 'waitsFor', actions: due },
        ],
      },
    },
    backingOff: {
      on: {
        process: { target: 'running', actions: [startAsked, takeSlots] },
        'retry.due': { guard: 'waitsFor', target: 'running', actions: [takeDue, startDue] },
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
