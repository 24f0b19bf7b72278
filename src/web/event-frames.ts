/**
 * Server-sent events (WHATWG HTML, section 9.2) from an event log, for one viewer.
 *
 * | frame | id | data |
 * | --- | --- | --- |
 * | `progress` | yes | the latest `Progress`; at most one per interval |
 * | `pipeline` | yes | one event |
 * | `gap` | none | `{ "missed": number \| null }`: events that are no longer kept; null: of another process |
 * | `end` | yes | `{}`; the stream ends |
 *
 * An id names the event that comes next, so that a viewer without an event so far continues correctly, too.
 *
 * A reader sets the pace: a frame is made when it is asked for, from what is newest then.
 */
import type { PipelineEvent } from '../observers/events.js';
import type { Progress } from '../observers/progress/progress.js';
import type { Clock } from '../platform/clock.js';
import { Deferred } from '../platform/deferred.js';
import type { EventLog } from './event-log.js';

export interface FrameOptions {
  readonly clock: Clock;
  /** Least milliseconds between two progress frames. */
  readonly intervalMs: number;
  /** Milliseconds without a frame after which a comment is sent, so that proxies keep the connection. */
  readonly keepAliveMs: number;
  readonly accepts: (event: PipelineEvent) => boolean;
}

/** How long a client waits before it connects again. */
const RECONNECT_MS = 1_000;
/** Events of one chunk. */
const MAX_EVENTS = 100;

export class EventFrames {
  #cursor: number;
  #missed: number | null | undefined;
  #sent: Progress | undefined;
  #progressDueAt = 0;
  #isFirst = true;
  #isEnded = false;
  #isStopped = false;
  #woken = new Deferred<void>();
  readonly #stopListening: () => void;

  /** @param lastId of the last frame that the viewer has received. */
  constructor(
    private readonly log: EventLog,
    lastId: string | undefined,
    private readonly options: FrameOptions,
  ) {
    const cursor = lastId === undefined ? log.next : cursorIn(log, lastId);
    this.#cursor = Math.min(cursor ?? log.first, log.next);
    if (cursor === undefined) this.#missed = null;
    this.#stopListening = log.onChange(() => this.#woken.resolve());
  }

  /** @returns the next text to send; undefined: the stream has ended. */
  async next(): Promise<string | undefined> {
    const { clock, keepAliveMs } = this.options;
    const aliveUntil = clock.monotonic() + keepAliveMs;
    while (!this.#isStopped && !this.#isEnded) {
      const text = this.#first() + this.#gap() + this.#progress() + this.#events() + this.#end();
      if (text !== '') return text;
      const now = clock.monotonic();
      if (now >= aliveUntil) return ': keep-alive\n\n';
      await this.#wait(
        Math.min(aliveUntil, this.#isProgressStale() ? this.#progressDueAt : aliveUntil) - now,
      );
    }
    return undefined;
  }

  /** The viewer is gone. */
  stop(): void {
    this.#isStopped = true;
    this.#stopListening();
    this.#woken.resolve();
  }

  #first(): string {
    if (!this.#isFirst) return '';
    this.#isFirst = false;
    return `retry: ${RECONNECT_MS}\n\n`;
  }

  #gap(): string {
    if (this.#cursor < this.log.first) {
      this.#missed = this.log.first - this.#cursor;
      this.#cursor = this.log.first;
    }
    if (this.#missed === undefined) return '';
    const text = frame('gap', { missed: this.#missed });
    this.#missed = undefined;
    return text;
  }

  #isProgressStale(): boolean {
    return this.log.progress !== this.#sent;
  }

  #progress(): string {
    const now = this.options.clock.monotonic();
    const isDue = now >= this.#progressDueAt || this.log.isEnded;
    if (!isDue || !this.#isProgressStale()) return '';
    this.#sent = this.log.progress;
    this.#progressDueAt = now + this.options.intervalMs;
    return frame('progress', this.#sent, idOf(this.log, this.#cursor));
  }

  #events(): string {
    let text = '';
    const to = Math.min(this.log.next, this.#cursor + MAX_EVENTS);
    for (; this.#cursor < to; this.#cursor++) {
      const event = this.log.at(this.#cursor);
      if (this.options.accepts(event)) text += frame('pipeline', event, idOf(this.log, this.#cursor + 1));
    }
    return text;
  }

  #end(): string {
    if (!this.log.isEnded || this.#cursor < this.log.next) return '';
    this.#isEnded = true;
    this.#stopListening();
    return frame('end', {}, idOf(this.log, 'end'));
  }

  async #wait(ms: number): Promise<void> {
    const woken = new Deferred<void>();
    this.#woken = woken;
    const stopTimer = this.options.clock.setTimer(() => woken.resolve(), Math.max(1, ms), {
      keepsProcessAlive: false,
    });
    await woken.promise;
    stopTimer();
  }
}

/** JSON has no line ends, so that one `data` line holds it. */
function frame(event: string, data: unknown, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** @param place the number of the event that comes next, or the end. */
const idOf = (log: EventLog, place: number | 'end') => `${log.token}.${place}`;

/** @returns undefined for an id of another process, or of no process. */
function cursorIn(log: EventLog, id: string): number | undefined {
  const [token, number = ''] = id.split('.');
  return token === log.token && /^\d{1,15}$/.test(number) ? Number(number) : undefined;
}

/** Whether the viewer has received the end: it must not connect again. */
export function hasReceivedEnd(log: EventLog, lastId: string | undefined): boolean {
  return log.isEnded && lastId === idOf(log, 'end');
}
