/** How events update the context of a stage's machine. Pure. */
import { type Adapted, beginAdaptive, onOverload, onSuccess, withRange } from './adaptive-concurrency.js';
import type { StageActorContext, StageBatch, StageEvent, StageInput, WaitingBatch } from './stage-events.js';

type StageUpdate = (context: StageActorContext, event: StageEvent) => Partial<StageActorContext>;

/** The context of a stage that has no batch yet. */
export const beginStage = ({ adaptive, ...input }: StageInput): StageActorContext => ({
  ...input,
  ...(adaptive === undefined ? {} : beginAdaptive(adaptive)),
  ...{ queue: [], running: [], waiting: [], held: undefined },
  ...{ done: 0, retried: 0, error: null },
});

const NONE: readonly number[] = [];
const NO_BATCHES: readonly StageBatch[] = [];
let asked: { running: unknown; event: unknown; batches: readonly number[] } | undefined;

/** The running batches that the event answers. Cached for one event: several guards and actions ask. */
export function current({ running }: StageActorContext, event: StageEvent): readonly number[] {
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

export const isRetryable = (context: StageActorContext, event: StageEvent): boolean =>
  'attempt' in event &&
  event.attempt < context.attempts &&
  !('isFinal' in event && event.isFinal === true) &&
  current(context, event).length > 0;

/** The event answers all running batches, and no batch is queued. */
export const isAllThereIs = (context: StageActorContext, event: StageEvent): boolean =>
  context.queue.length === 0 &&
  context.running.length > 0 &&
  current(context, event).length === context.running.length;

export const isHolding = ({ held }: StageActorContext): boolean => held !== undefined;

/** The stage has no other batches than those of the event. */
export const keepsNone = ({ waiting, held }: StageActorContext): boolean =>
  waiting.length === 0 && (held === undefined || held.length === 0);

export const waitOf = (
  context: StageActorContext,
  event: StageEvent,
): StageActorContext['waiting'][number] | undefined =>
  'batch' in event ? context.waiting.find((wait) => wait.batch === event.batch) : undefined;

/** Some batch waits for a permit. */
export const awaitsPermit = ({ waiting }: StageActorContext): boolean =>
  waiting.some(({ waitingFor }) => waitingFor !== undefined);

/** The attempt of a due batch: the one without a permit, or the one after the failed one. */
const dueAgain = ({ batch, attempt, waitingFor }: WaitingBatch): StageBatch => ({
  batch,
  attempt: waitingFor === undefined ? attempt + 1 : attempt,
});

const without = <T extends { readonly batch: number }>(list: readonly T[], batch: number): readonly T[] =>
  list.filter((item) => item.batch !== batch);

/** The concurrency after the event: it may grow with a success, or be tuned. */
function widthAfter(
  context: StageActorContext,
  event: StageEvent,
): Pick<StageActorContext, 'concurrency'> & Partial<Adapted> {
  if (event.type === 'tune') return tunedTo(context, event.concurrency);
  const { adaptive, concurrency, running } = context;
  if (adaptive === undefined || event.type !== 'calls.succeeded') return context;
  return onSuccess({ concurrency, adaptive }, event.inUse ?? running.length);
}

function tunedTo({ adaptive, concurrency }: StageActorContext, wanted: StageInput['adaptive'] | number) {
  if (wanted === undefined) return { concurrency };
  if (typeof wanted === 'number') return { concurrency: wanted };
  return withRange({ concurrency, adaptive: adaptive ?? beginAdaptive(wanted).adaptive }, wanted);
}

export const freeSlots = ({ running, concurrency }: StageActorContext): number =>
  Math.max(0, concurrency - running.length);

/** Slots that are free when the batches of the event have left theirs. */
export const freeAfter = (context: StageActorContext, event: StageEvent): number =>
  Math.max(
    0,
    widthAfter(context, event).concurrency - context.running.length + current(context, event).length,
  );

/** Running and queued batches after those of the event left their slots, and the head of the queue took what is free. */
function refilled(context: StageActorContext, event: StageEvent) {
  const { running, queue } = context;
  const left = current(context, event);
  const gone = new Set(left);
  const others = left.length === 0 ? running : running.filter((run) => !gone.has(run.batch));
  if (queue.length === 0) return { running: others };
  const free = freeAfter(context, event);
  return { running: [...others, ...queue.slice(0, free)], queue: queue.slice(free) };
}

export const requested = (event: StageEvent): readonly StageBatch[] =>
  event.type === 'process'
    ? event.batches.map((batch, i) => ({ batch, attempt: event.attempts?.[i] ?? 1 }))
    : [];

export const releasedOf = ({ held = NO_BATCHES }: StageActorContext): StageBatch[] =>
  [...held].sort((a, b) => a.batch - b.batch);

/** Fills the free slots, and queues the other batches. */
export const takeSlots: StageUpdate = (context, event) => {
  const { running, queue } = context;
  const free = freeSlots(context);
  const batches = requested(event);
  return { running: [...running, ...batches.slice(0, free)], queue: [...queue, ...batches.slice(free)] };
};

export const leaveSlots: StageUpdate = (context, event) => {
  const done = context.done + current(context, event).length;
  return { ...refilled(context, event), done };
};

export const growConcurrency: StageUpdate = (context, event) =>
  context.adaptive === undefined
    ? {}
    : { ...refilled(context, event), ...pickAdapted(widthAfter(context, event)) };

const pickAdapted = ({ concurrency, adaptive }: ReturnType<typeof widthAfter>) => ({
  concurrency,
  ...(adaptive === undefined ? {} : { adaptive }),
});

export const reduceConcurrency: StageUpdate = (context, event) => {
  const { adaptive, concurrency } = context;
  if (event.type !== 'overloaded' || adaptive === undefined) return {};
  return onOverload({ concurrency, adaptive }, event.at);
};

export const tuneConcurrency: StageUpdate = (context, event) => {
  if (event.type !== 'tune') return {};
  const { concurrency, adaptive } = widthAfter(context, event);
  return { ...refilled(context, event), isTuned: true, concurrency, adaptive };
};

export const countFused: StageUpdate = (context, event) => ({
  done: context.done + (event.type === 'passed' ? event.batches.length : 0),
});

export const backOff: StageUpdate = (context, event) => {
  if (event.type !== 'attempt.failed' && event.type !== 'attempt.timedOut') return {};
  const { batch, attempt, dueAt } = event;
  return {
    ...refilled(context, event),
    waiting: [...context.waiting, { batch, attempt, dueAt }],
    retried: context.retried + 1,
  };
};

export const awaitPermit: StageUpdate = (context, event) => {
  if (event.type !== 'attempt.deferred') return {};
  const { batch, attempt, dueAt, waitingFor } = event;
  const wait = { batch, attempt, dueAt, waitingFor };
  return { ...refilled(context, event), waiting: [...context.waiting, wait] };
};

/** A due batch is queued before all later ones: the output waits for it (I4). */
export const queueDue: StageUpdate = (context, event) => {
  const wait = waitOf(context, event);
  if (wait === undefined) return {};
  const place = context.queue.findIndex(({ batch }) => batch > wait.batch);
  const queue = context.queue.toSpliced(place < 0 ? context.queue.length : place, 0, dueAgain(wait));
  return { waiting: without(context.waiting, wait.batch), queue };
};

export const startAgain: StageUpdate = (context, event) => {
  const wait = waitOf(context, event);
  if (wait === undefined) return {};
  return {
    waiting: without(context.waiting, wait.batch),
    running: [...context.running, dueAgain(wait)],
  };
};

export const beginHolding: StageUpdate = (context) => ({ held: context.held ?? [] });

/** The attempt does not count: its number stays. The queue is held, too. */
export const holdAttempt: StageUpdate = (context, event) => {
  if (event.type !== 'attempt.held') return {};
  const { batch, attempt } = event;
  const { running, held, queue } = context;
  const kept = [...(held ?? NO_BATCHES), { batch, attempt }, ...queue];
  return { running: without(running, batch), queue: [], held: kept };
};

export const holdDue: StageUpdate = (context, event) => {
  const wait = waitOf(context, event);
  if (wait === undefined) return {};
  return {
    waiting: without(context.waiting, wait.batch),
    held: [...(context.held ?? NO_BATCHES), dueAgain(wait)],
  };
};

/** In source order: the output waits for the first (I4). */
export const releaseHeld: StageUpdate = (context) => {
  const { running, queue } = context;
  const released = releasedOf(context);
  const free = freeSlots(context);
  return {
    running: [...running, ...released.slice(0, free)],
    queue: [...queue, ...released.slice(free)],
    held: undefined,
  };
};

export const recordError: StageUpdate = (context, event) =>
  event.type === 'attempt.failed' || event.type === 'attempt.timedOut'
    ? { running: without(context.running, event.batch), error: event.error }
    : {};

export const dropAll: StageUpdate = () => ({ queue: [], running: [], waiting: [], held: undefined });
