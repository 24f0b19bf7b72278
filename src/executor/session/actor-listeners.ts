/**
 * The listeners of an executor's actor, `actor.on('batch.completed', handler)`: they receive the run's events.
 *
 * 1. Events are emitted outside the machine's transitions, which stay as cheap as without listeners.
 * 2. A handler that throws is reported and detached (I11). XState would end the process.
 * 3. XState drops the listeners of a completed actor at once. Those of a completed run still receive its last events.
 */
import type { EventListeners } from '../../observers/event-bus.js';
import type { PipelineEvent } from '../../observers/events.js';

type Handler = (event: PipelineEvent) => void;
type HandlersByType = ReadonlyMap<string, ReadonlySet<Handler>>;

export class ActorListeners implements EventListeners {
  readonly #failed = new WeakSet<Handler>();
  #kept: HandlersByType | undefined;

  /** @param report called once for each handler that failed. What it throws is dropped. */
  constructor(
    private readonly actor: object,
    private readonly report: (error: unknown) => void,
  ) {}

  /** Whether an event may have a receiver. */
  get isHeard(): boolean {
    return this.#handlers !== undefined && this.#handlers.size > 0;
  }

  /** Keeps the present listeners for the events that announce the completion. */
  keep(): void {
    this.#kept = new Map([...(this.#handlers ?? [])].map(([type, handlers]) => [type, new Set(handlers)]));
  }

  emit(event: PipelineEvent): void {
    const handlers = this.#handlers;
    for (const key of [event.type, '*'])
      for (const handler of handlers?.get(key) ?? []) this.#call(handler, event);
  }

  #call(handler: Handler, event: PipelineEvent): void {
    if (this.#failed.has(handler)) return;
    try {
      handler(event);
    } catch (error) {
      this.#failed.add(handler);
      this.#reportFailure(error);
    }
  }

  #reportFailure(error: unknown): void {
    try {
      this.report(error);
    } catch {
      // The error of an error handler has no receiver.
    }
  }

  /** Not part of XState's types. */
  get #handlers(): HandlersByType | undefined {
    return this.#kept ?? (this.actor as { readonly eventListeners?: HandlersByType }).eventListeners;
  }
}
