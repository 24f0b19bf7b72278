/**
 * What actors send one another: what one of today's machines sends has to be what another was recorded to get, in the same
 * order. In a recording a message stands where it arrived; what sends it is the sender's event before.
 *
 * 1. The executor sends to its children, a child to the executor: the sender follows from the event's type.
 * 2. A sender of which no event was replayed since it is followed may have sent anything.
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
  /** The actor that gets it. */
  readonly to: string;
  readonly event: AnyEvent;
}

interface Sent<Origin> extends Message {
  readonly from: string;
  /** What the sender was doing. */
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
  | Exclude<StageEvent['type'], `attempt${string}` | 'retry.due'>
  | Exclude<WorkerEvent['type'], ExecutorReport['type']>,
  true
>;
/** Who reports to the executor by an event of this type. */
const REPORTED_BY = {
  ...{ 'stage.done': 'stage', 'stage.held': 'stage', 'stage.failed': 'stage' },
  ...{ 'sink.flushed': 'committer', 'checkpoint.saved': 'committer', 'minimumPause.over': 'committer' },
  'sink.published': 'publisher',
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
 * @typeParam Origin what the sender was doing. */
export class Messages<Origin> {
  /** By the stage's actor: from the executor, and to it. */
  readonly #down = new Map<string, Queue<Origin>>();
  readonly #up = new Map<string, Queue<Origin>>();

  clear(): void {
    this.#down.clear();
    this.#up.clear();
  }

  /** A stage's actor begins: what was sent to the one before it never arrives.
   * @param origin what was sent by this is for the new one. */
  begin(actor: string, origin: Origin | undefined): void {
    this.#between(EXECUTOR, actor)?.keep((other) => other === origin);
  }

  send(from: string, messages: readonly Message[], origin: Origin): void {
    for (const { to, event } of messages) this.#between(from, to)?.push(event, origin);
  }

  /** The message that an actor gets next, from whomever, if this is its text: then it needs no decoding. */
  next(to: string, text: string): AnyEvent | undefined {
    if (to !== EXECUTOR) return this.#down.get(to)?.nextIf(text);
    for (const queue of this.#up.values()) {
      const event = queue.nextIf(text);
      if (event !== undefined) return event;
    }
    return undefined;
  }

  /** Takes the next message, unseen. */
  skip(from: string, to: string): void {
    this.#between(from, to)?.shift();
  }

  /** A message arrives, as recorded.
   * @param last what its sender did last. */
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

  /** What a stage has not got when everything is over.
   * @param mayBeUnderWay what was sent by this may still have been so when the recording ended. */
  left(mayBeUnderWay: (origin: Origin) => boolean): MessageDivergence<Origin> | undefined {
    const all = [...this.#down.values()].flatMap((queue) => queue.all());
    const left = all.find(({ origin }) => !mayBeUnderWay(origin));
    return left === undefined ? undefined : notReceived(left);
  }

  /** What never arrives: something else was recorded in its place.
   * @param recorded the messages that do, from here on. */
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

/** In two lists: an object for each message would be long-lived in V8's opinion, and all that it refers to with it. */
class Queue<Origin> {
  events: AnyEvent[] = [];
  origins: Origin[] = [];
  /** Of the first event, where it was asked for. */
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
