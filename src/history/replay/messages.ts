/**
 * Messages between actors: what today's machines send must be what was recorded as received, in the same order. A recording has
 * a message at its arrival; the sender's previous event caused it.
 *
 * 1. The executor sends to its children, a child to the executor: the sender follows from the event's type.
 * 2. A sender without a replayed event so far may have sent anything.
 */

import type { WORKERS } from '../../../machines/children.js';
import type { CommitterEvent } from '../../../machines/committer.machine.js';
import type { ExecutorReport } from '../../../machines/executor-events.js';
import type { PublisherEvent } from '../../../machines/publisher.machine.js';
import type { StageEvent } from '../../../machines/stage-events.js';
import { EXECUTOR } from '../../recording/format.js';
import { jsonText } from '../../recording/json-text.js';
import { type Difference, isSame } from './compare.js';

type AnyEvent = { readonly type: string };

/** A message between actors. */
export interface Message {
  /** The receiving actor. */
  readonly to: string;
  readonly event: AnyEvent;
}

interface Sent<Origin> extends Message {
  readonly from: string;
  /** The sender's step. */
  readonly origin: Origin;
}

/** A message that is not the recorded one. */
export interface MessageDivergence<Origin> {
  readonly from: string;
  readonly origin: Origin;
  readonly differences: readonly Difference[];
}

/** Types of the events that the executor sends to its children. */
const TO_CHILDREN = {
  ...{ process: true, passed: true, hold: true, release: true, abort: true },
  ...{ commit: true, publish: true },
} satisfies Record<
  | Exclude<StageEvent['type'], `attempt${string}` | 'retry.due' | 'overloaded' | 'tune' | 'calls.succeeded'>
  | Exclude<WorkerEvent['type'], ExecutorReport['type']>,
  true
>;
/** The sender of each event to the executor. */
const REPORTED_BY = {
  ...{ 'stage.done': 'stage', 'stage.held': 'stage', 'stage.failed': 'stage' },
  ...{ 'sink.flushed': 'committer', 'checkpoint.saved': 'committer', 'minimumPause.over': 'committer' },
  ...{ 'sink.published': 'publisher', 'output.delivered': 'publisher', 'delivery.held': 'publisher' },
} satisfies Record<ExecutorReport['type'], keyof typeof WORKERS | 'stage'>;

type WorkerEvent = CommitterEvent | PublisherEvent;

/** The actor that sent an event; undefined: it came from outside.
 * @param stageActors ids of the stages' actors, in order. */
export function senderOf(actor: string, event: AnyEvent, stageActors: readonly string[]): string | undefined {
  if (actor !== EXECUTOR) return Object.hasOwn(TO_CHILDREN, event.type) ? EXECUTOR : undefined;
  if (!Object.hasOwn(REPORTED_BY, event.type)) return undefined;
  const sender = REPORTED_BY[event.type as ExecutorReport['type']];
  if (sender !== 'stage') return sender;
  return stageActors[(event as { readonly stage?: number }).stage ?? -1];
}

/** Messages under way between the actors of a recording.
 * @typeParam Origin the sender's step. */
export class Messages<Origin> {
  /** By stage actor: from the executor, and to it. */
  readonly #down = new Map<string, Queue<Origin>>();
  readonly #up = new Map<string, Queue<Origin>>();

  clear(): void {
    this.#down.clear();
    this.#up.clear();
  }

  /** A stage's actor begins: messages to the one before it never arrive.
   * @param origin messages of this step are for the new one. */
  begin(actor: string, origin: Origin | undefined): void {
    this.#between(EXECUTOR, actor)?.keep((other) => other === origin);
  }

  send(from: string, messages: readonly Message[], origin: Origin): void {
    for (const { to, event } of messages) this.#between(from, to)?.push(event, origin);
  }

  /** The next message of an actor, from any sender, if this is its text: then it needs no decoding. */
  next(to: string, text: string): AnyEvent | undefined {
    if (to !== EXECUTOR) return this.#down.get(to)?.nextIf(text);
    for (const queue of this.#up.values()) {
      const event = queue.nextIf(text);
      if (event !== undefined) return event;
    }
    return undefined;
  }

  /** Drops the next message without comparing it. */
  skip(from: string, to: string): void {
    this.#between(from, to)?.shift();
  }

  /** A message arrives, as recorded.
   * @param last its sender's last step. */
  receive(from: string, to: string, event: AnyEvent, last: Origin): MessageDivergence<Origin> | undefined {
    const queue = this.#between(from, to);
    const expected = { path: pathOf(to), expected: event };
    const [next, origin] = [queue?.events[0], queue?.origins[0]];
    if (next === undefined || origin === undefined) {
      const sent = this.#queues().flatMap((queue) => queue.all());
      const astray = sent.filter((other) => other.origin === last && other.event.type === event.type);
      return {
        from,
        origin: last,
        differences: [{ ...expected, got: undefined }, ...astray.map(notRecorded)],
      };
    }
    if (!isSame(event, next)) return { from, origin, differences: [{ ...expected, got: next }] };
    queue?.shift();
    return undefined;
  }

  /** A message that a stage has not received at the end.
   * @param mayBeUnderWay messages of this step may not have arrived when the recording ended. */
  left(mayBeUnderWay: (origin: Origin) => boolean): MessageDivergence<Origin> | undefined {
    const all = [...this.#down.values()].flatMap((queue) => queue.all());
    const left = all.find(({ origin }) => !mayBeUnderWay(origin));
    return left === undefined ? undefined : notReceived(left);
  }

  /** A message that never arrives: another one was recorded in its place.
   * @param recorded the messages recorded from here on. */
  astray(recorded: Iterable<Message & { readonly from: string }>): readonly MessageDivergence<Origin>[] {
    const open = new Map(
      this.#queues().flatMap((queue) => (queue.events.length === 0 ? [] : [[queue, queue.all()] as const])),
    );
    const found: MessageDivergence<Origin>[] = [];
    if (open.size === 0) return found;
    for (const { from, to, event } of recorded) {
      const queue = this.#between(from, to);
      const sent = queue === undefined ? undefined : open.get(queue);
      const next = sent?.shift();
      if (queue === undefined || sent === undefined || next === undefined) continue;
      const isAstray = !isSame(event, next.event);
      if (isAstray) found.push(notReceived(next));
      if (isAstray || sent.length === 0) open.delete(queue);
      if (open.size === 0) break;
    }
    return found;
  }

  #between(from: string, to: string): Queue<Origin> | undefined {
    if ((from === EXECUTOR) === (to === EXECUTOR)) return undefined;
    const [of, stage] = from === EXECUTOR ? [this.#down, to] : [this.#up, from];
    let queue = of.get(stage);
    if (queue === undefined) {
      queue = new Queue(from, to);
      of.set(stage, queue);
    }
    return queue;
  }

  #queues(): Queue<Origin>[] {
    return [...this.#down.values(), ...this.#up.values()];
  }
}

/** Two lists instead of an object for each message, which V8 would promote to its old generation with all that it refers to. */
class Queue<Origin> {
  events: AnyEvent[] = [];
  origins: Origin[] = [];
  /** The decoded first event, if it was read. */
  #text: string | undefined;

  constructor(
    readonly from: string,
    readonly to: string,
  ) {}

  push(event: AnyEvent, origin: Origin): void {
    this.events.push(event);
    this.origins.push(origin);
  }

  nextIf(text: string): AnyEvent | undefined {
    const [event] = this.events;
    if (event === undefined) return undefined;
    this.#text ??= jsonText(event);
    return this.#text === text ? event : undefined;
  }

  shift(): void {
    this.#text = undefined;
    this.events.shift();
    this.origins.shift();
  }

  keep(fits: (origin: Origin) => boolean): void {
    this.#text = undefined;
    const kept = this.all().filter(({ origin }) => fits(origin));
    this.events = kept.map(({ event }) => event);
    this.origins = kept.map(({ origin }) => origin);
  }

  all(): Sent<Origin>[] {
    const { from, to } = this;
    return this.events.map((event, i) => ({ from, to, event, origin: this.origins[i] as Origin }));
  }
}

const pathOf = (to: string): string => `sends to ${to}`;

const notReceived = <Origin>(sent: Sent<Origin>): MessageDivergence<Origin> => ({
  ...{ from: sent.from, origin: sent.origin, differences: [notRecorded(sent)] },
});

const notRecorded = ({ to, event }: Message): Difference => ({
  ...{ path: pathOf(to), expected: undefined, got: event },
});
