/** The observers of an executor's runs: they receive events, and can neither stop nor slow a run (I11). */
import { attachObserver, type PipelineObserver } from '../observers/attach.js';
import { EventBus, OwnObserver } from '../observers/event-bus.js';
import type { Environment } from '../platform/environment.js';
import { errorData } from '../platform/thrown.js';
import { type EventDraft, stamped } from './publish.js';
import type { ActorListeners } from './session/actor-listeners.js';

export class RunObservers {
  readonly bus = new EventBus((error) => this.reportFailure(error));

  #trace: { readonly sessionId: string; readonly id: string | undefined } | undefined;

  constructor(private readonly environment: Pick<Environment, 'clock' | 'logger' | 'tracing'>) {}

  add(observer: PipelineObserver): void {
    if (observer instanceof OwnObserver) this.bus.follow(observer, 'last');
    else attachObserver(this.bus.events$, observer, this.reportFailure);
  }

  /** @param listeners of the run's actor. */
  publishEvent(sessionId: string, draft: EventDraft, listeners?: ActorListeners): void {
    const active = listeners?.isHeard === true ? listeners : undefined;
    if (!this.bus.observed && active === undefined) return;
    const event = stamped(sessionId, this.environment.clock.now(), draft);
    const traceId = this.environment.tracing === undefined ? undefined : this.#traceIdOf(sessionId);
    this.bus.publish(traceId === undefined ? event : { ...event, traceId }, active);
  }

  #traceIdOf(sessionId: string): string | undefined {
    if (this.#trace?.sessionId === sessionId) return this.#trace.id;
    let id: string | undefined;
    try {
      id = this.environment.tracing?.traceIdOf?.(sessionId);
    } catch (error) {
      this.environment.logger.warn('Tracing gave no trace id.', { ...errorData(error) });
    }
    this.#trace = { sessionId, id };
    return id;
  }

  readonly reportFailure = (error: unknown): void => {
    this.environment.logger.warn('An observer failed and was detached. The run continues.', {
      ...errorData(error),
    });
  };
}
