/** The observers of an executor's runs: they receive events, and can neither stop nor slow a run (I11). */
import { attachObserver, type PipelineObserver } from '../observers/attach.js';
import { EventBus, OwnObserver } from '../observers/event-bus.js';
import type { Environment } from '../platform/environment.js';
import { errorData } from '../platform/error-data.js';
import { type EventDraft, stamped } from './publish.js';
import type { ActorListeners } from './session/actor-listeners.js';

export class RunObservers {
  readonly bus = new EventBus((error) => this.reportFailure(error));

  constructor(private readonly environment: Pick<Environment, 'clock' | 'logger'>) {}

  add(observer: PipelineObserver): void {
    if (observer instanceof OwnObserver) this.bus.follow(observer, 'last');
    else attachObserver(this.bus.events$, observer, this.reportFailure);
  }

  /** @param listeners of the run's actor. */
  publishEvent(sessionId: string, draft: EventDraft, listeners?: ActorListeners): void {
    const active = listeners?.isHeard === true ? listeners : undefined;
    if (this.bus.observed || active !== undefined)
      this.bus.publish(stamped(sessionId, this.environment.clock.now(), draft), active);
  }

  readonly reportFailure = (error: unknown): void => {
    this.environment.logger.warn('An observer failed and was detached. The run continues.', {
      ...errorData(error),
    });
  };
}
