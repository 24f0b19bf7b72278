/**
 * One stage: which batches are queued, which are running, which wait for another attempt or for a permit.
 *
 * 1. It knows batches by index only (I3). The runtime provides `start`, and answers with `attempts.done`,
 *    `attempt.failed`, `attempt.timedOut` or `attempt.deferred`.
 * 2. At most `concurrency` batches run at once. The transition that frees a slot also fills it, before it reports the
 *    batch that left: a slot is never free while a batch is queued, without an `always`.
 * 3. One event covers several batches: a transition costs the same for one batch as for hundreds.
 * 4. An answer of an attempt that is not running (timed out, aborted) is ignored.
 * 5. A batch between two attempts holds no slot, nor does one that waits for a limiter's permit (I22). Its due time is data; a
 *    timer of the runtime sends `retry.due`. After a wait for a permit the attempt's number is the same.
 * 6. `abort` is final: the runtime aborts the attempts, and nothing starts again (I17).
 * 7. A fused batch, whose work an earlier stage did, only arrives as `passed`. A stage that gets those has no other work.
 * 8. No `invoke`, no `after`, no child: `xstate/graph` can walk it.
 */
import { sendTo, setup } from 'xstate';
import { parentOf, sealEvent } from './report.js';
import type {
  StageBatch,
  StageContext,
  StageEvent,
  StageInput,
  StageReport,
  WaitingBatch,
} from './stage-events.js';

type FailureEvent = Extract<StageEvent, { type: 'attempt.failed' | 'attempt.timedOut' }>;

type DeferredEvent = Extract<StageEvent, { type: 'attempt.deferred' }>;

const base = setup({
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
      ({ self }) => parentOf(self),
      (_, report: StageReport) => sealEvent(report),
    ),
  },
  guards: {
    current: ({ context, event }) => current(context, event).length > 0,
    currentAndQueued: ({ context, event }) => current(context, event).length > 0 && context.queue.length > 0,
    currentAndLast: ({ context, event }) => isAllThereIs(context, event) && context.waiting.length === 0,
    currentAndAwaiting: ({ context, event }) => isAllThereIs(context, event) && awaitsPermit(context),
    currentAndOnlyWaiting: ({ context, event }) => isAllThereIs(context, event),
    retryable: ({ context, event }) => isRetryable(context, event),
    retryableAndQueued: ({ context, event }) => isRetryable(context, event) && context.queue.length > 0,
    retryableAndAwaiting: ({ context, event }) =>
      isRetryable(context, event) && isAllThereIs(context, event) && awaitsPermit(context),
    retryableAndLast: ({ context, event }) => isRetryable(context, event) && isAllThereIs(context, event),
    hasSlot: ({ context }) => context.running.length < context.concurrency,
    waitsFor: ({ context, event }) => waitOf(context, event) !== undefined,
    waitsForAndHasSlot: ({ context, event }) =>
      waitOf(context, event) !== undefined && context.running.length < context.concurrency,
  },
});

const NONE: readonly number[] = [];
let asked: { running: unknown; event: unknown; batches: readonly number[] } | undefined;

/** The running batches that the event answers. Cached for one event: several guards and actions ask. */
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
  'attempt' in event &&
  event.attempt < context.attempts &&
  !('isFinal' in event && event.isFinal === true) &&
  current(context, event).length > 0;

/** The event answers everything that is running, and nothing is queued. */
const isAllThereIs = (context: StageContext, event: StageEvent): boolean =>
  context.queue.length === 0 &&
  context.running.length > 0 &&
  current(context, event).length === context.running.length;

const waitOf = (context: StageContext, event: StageEvent): StageContext['waiting'][number] | undefined =>
  'batch' in event ? context.waiting.find((wait) => wait.batch === event.batch) : undefined;

/** Some batch waits for a permit. */
const awaitsPermit = ({ waiting }: StageContext): boolean =>
  waiting.some(({ waitingFor }) => waitingFor !== undefined);

/** The attempt of a batch that is due: the one that had no permit, or the one after the failed one. */
const dueAgain = ({ batch, attempt, waitingFor }: WaitingBatch): StageBatch => ({
  batch,
  attempt: waitingFor === undefined ? attempt + 1 : attempt,
});

const without = <T extends { readonly batch: number }>(list: readonly T[], batch: number): readonly T[] =>
  list.filter((item) => item.batch !== batch);

/** Running and queued batches after some left their slots, and the head of the queue took them. */
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

const stage = base.extend({
  actions: {
    /** As many as there are slots for; the others are queued. */
    takeSlots: base.assign(({ context, event }) => {
      const { running, queue, concurrency } = context;
      const free = concurrency - running.length;
      const batches = requested(event);
      return { running: [...running, ...batches.slice(0, free)], queue: [...queue, ...batches.slice(free)] };
    }),
    leaveSlots: base.assign(({ context, event }) => {
      const left = current(context, event);
      return { ...refilled(context, left), done: context.done + left.length };
    }),
    countFused: base.assign({
      done: ({ context, event }) => context.done + (event.type === 'passed' ? event.batches.length : 0),
    }),
    backOff: base.assign(({ context, event }) => {
      if (event.type !== 'attempt.failed' && event.type !== 'attempt.timedOut') return {};
      const { batch, attempt, dueAt } = event;
      return {
        ...refilled(context, [batch]),
        waiting: [...context.waiting, { batch, attempt, dueAt }],
        retried: context.retried + 1,
      };
    }),
    awaitPermit: base.assign(({ context, event }) => {
      if (event.type !== 'attempt.deferred') return {};
      const { batch, attempt, dueAt, waitingFor } = event;
      const wait = { batch, attempt, dueAt, waitingFor };
      return { ...refilled(context, [batch]), waiting: [...context.waiting, wait] };
    }),
    /** A batch that is due is queued before all later ones: the output waits for it (I4). */
    queueDue: base.assign(({ context, event }) => {
      const wait = waitOf(context, event);
      if (wait === undefined) return {};
      const place = context.queue.findIndex(({ batch }) => batch > wait.batch);
      const queue = context.queue.toSpliced(place < 0 ? context.queue.length : place, 0, dueAgain(wait));
      return { waiting: without(context.waiting, wait.batch), queue };
    }),
    startAgain: base.assign(({ context, event }) => {
      const wait = waitOf(context, event);
      if (wait === undefined) return {};
      return {
        waiting: without(context.waiting, wait.batch),
        running: [...context.running, dueAgain(wait)],
      };
    }),
    recordError: base.assign(({ context, event }) =>
      event.type === 'attempt.failed' || event.type === 'attempt.timedOut'
        ? { running: without(context.running, event.batch), error: event.error }
        : {},
    ),
    dropAll: base.assign({ queue: [], running: [], waiting: [] }),
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

const reportFailed = {
  type: 'report' as const,
  params: ({ context, event }: Args): StageReport => {
    const { batch, error } = event as FailureEvent;
    return { type: 'stage.failed', stage: context.index, batch, error };
  },
};

type Args = { readonly context: StageContext; readonly event: StageEvent };

/** Started before they take their slots. */
const startAsked = {
  type: 'start' as const,
  params: ({ context, event }: Args) => ({
    batches: requested(event).slice(0, context.concurrency - context.running.length),
  }),
};

/** Started before they take the slots that become free. */
const startQueued = {
  type: 'start' as const,
  params: ({ context, event }: Args) => ({ batches: context.queue.slice(0, current(context, event).length) }),
};

/** Starts the batch that has just taken a slot. */
const startDue = {
  type: 'start' as const,
  params: ({ context }: Args) => ({ batches: context.running.slice(-1) }),
};

const failure = [
  { guard: 'retryableAndQueued' as const, actions: [startQueued, 'backOff', armRetry] as const },
  {
    guard: 'retryableAndAwaiting' as const,
    target: 'awaitingPermit',
    actions: ['backOff', armRetry] as const,
  },
  { guard: 'retryableAndLast' as const, target: 'backingOff', actions: ['backOff', armRetry] as const },
  { guard: 'retryable' as const, actions: ['backOff', armRetry] as const },
  { guard: 'current' as const, target: 'failed', actions: ['recordError', reportFailed] as const },
];

/** Nothing runs; a batch that arrives or is due runs at once. */
const resting = {
  process: { target: 'running', actions: [startAsked, 'takeSlots'] as const },
  'retry.due': { guard: 'waitsFor' as const, target: 'running', actions: ['startAgain', startDue] as const },
};

/** The stage's statechart: `idle`, `running`, `awaitingPermit`, `backingOff`, and the ends `failed` and `stopped`. */
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
        process: { target: 'running', actions: [startAsked, 'takeSlots'] },
        passed: { actions: 'countFused' },
      },
    },
    running: {
      on: {
        process: [{ guard: 'hasSlot', actions: [startAsked, 'takeSlots'] }, { actions: 'takeSlots' }],
        'attempts.done': [
          { guard: 'currentAndQueued', actions: [startQueued, reportDone, 'leaveSlots'] },
          { guard: 'currentAndLast', target: 'idle', actions: [reportDone, 'leaveSlots'] },
          { guard: 'currentAndAwaiting', target: 'awaitingPermit', actions: [reportDone, 'leaveSlots'] },
          { guard: 'currentAndOnlyWaiting', target: 'backingOff', actions: [reportDone, 'leaveSlots'] },
          { guard: 'current', actions: [reportDone, 'leaveSlots'] },
        ],
        'attempt.failed': failure,
        'attempt.timedOut': failure,
        'attempt.deferred': [
          { guard: 'currentAndQueued', actions: [startQueued, 'awaitPermit', armRetry] },
          { guard: 'currentAndOnlyWaiting', target: 'awaitingPermit', actions: ['awaitPermit', armRetry] },
          { guard: 'current', actions: ['awaitPermit', armRetry] },
        ],
        'retry.due': [
          { guard: 'waitsForAndHasSlot', actions: ['startAgain', startDue] },
          { guard: 'waitsFor', actions: 'queueDue' },
        ],
      },
    },
    /** Some batch waits for a permit. */
    awaitingPermit: { on: resting },
    /** All batches wait for another attempt. */
    backingOff: { on: resting },
    /** The last attempt failed: the executor aborts the run. */
    failed: {},
    /** Nothing starts again; a new run spawns a new actor. */
    stopped: { entry: 'dropAll' },
  },
});

/** The machine that `stageMachine` is. */
export type StageMachine = typeof stageMachine;
