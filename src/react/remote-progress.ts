/**
 * A run elsewhere, followed by `EventSource`: the client of `progressStream`.
 *
 * A message that is no JSON, or of an unknown kind, is ignored: no server can break the page.
 */
import { isObject } from '../formats/json.js';
import type { PipelineEvent } from '../observers/events.js';
import type { Progress } from '../observers/progress/progress.js';

/** What a page knows of a run elsewhere. */
export interface RemoteProgress {
  /** `connecting`: no message yet, or the connection was lost, and the browser connects again. `ended`: the run can take no further
   * command. `failed`: the server refuses, and the browser does not try again. */
  readonly status: 'connecting' | 'open' | 'ended' | 'failed';
  readonly progress: Progress | undefined;
  /** The latest, oldest first. */
  readonly events: readonly PipelineEvent[];
  /** Events that the page has missed. */
  readonly missed: number;
}

export const NOTHING_RECEIVED: RemoteProgress = {
  ...{ status: 'connecting', progress: undefined, events: [], missed: 0 },
};

/** The part of `EventSource` that is used. */
export interface EventSourceLike {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  close(): void;
}

const CLOSED = 2;

export class RemoteRun {
  #shown = NOTHING_RECEIVED;
  readonly #listeners = new Set<() => void>();
  #connection: EventSourceLike | undefined;

  constructor(
    private readonly connect: () => EventSourceLike,
    private readonly limit: number,
  ) {}

  readonly snapshot = (): RemoteProgress => this.#shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#connection === undefined && this.#shown.status !== 'ended') this.#open();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#connection?.close();
      this.#connection = undefined;
    };
  };

  #open(): void {
    const connection = this.connect();
    this.#connection = connection;
    const on = (type: string, change: (data: unknown) => Partial<RemoteProgress>) =>
      connection.addEventListener(type, ({ data }) => {
        if (this.#connection === connection) this.#show(change(parsed(data)));
      });
    on('open', () => ({ status: 'open' }));
    on('error', () => ({ status: connection.readyState === CLOSED ? 'failed' : 'connecting' }));
    on('progress', (data) =>
      isObject(data) ? { status: 'open', progress: data as unknown as Progress } : {},
    );
    on('pipeline', (data) =>
      isObject(data)
        ? { events: [...this.#shown.events, data as unknown as PipelineEvent].slice(-this.limit) }
        : {},
    );
    on('gap', (data) =>
      isObject(data) && typeof data.missed === 'number' ? { missed: this.#shown.missed + data.missed } : {},
    );
    on('end', () => {
      connection.close();
      return { status: 'ended' };
    });
  }

  #show(change: Partial<RemoteProgress>): void {
    this.#shown = { ...this.#shown, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return undefined;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
