/**
 * Delivers a published output, in one opening of a session.
 *
 * Called by `SessionWork` when the sink has published; the session closes it. Calls: the pipeline's `deliver`, and `publish`.
 *
 * 1. The delivery is repeatable: the caller stores the session as completed after it, and a crash before that repeats it.
 * 2. A pause waits for the attempt under way. If that fails, no other follows, and a resume delivers again.
 * 3. `close` aborts, and resolves when the function has settled: until then, the session's lock is held.
 */
import type { HoldReason } from '../../../machines/context.js';
import { DeliveryError } from '../../errors.js';
import type { Environment } from '../../platform/environment.js';
import { errorData, messageOf } from '../../platform/thrown.js';
import { CallFailed, retriedCalls } from '../../stages/retried-call.js';
import { holdReason } from '../hold-reason.js';
import type { EventDraft } from '../publish.js';
import type { Delivery, DeliveryPolicy } from './deliver-option.js';

export interface DeliveryHost {
  readonly environment: Pick<Environment, 'clock' | 'random' | 'logger'>;
  readonly publish: (draft: EventDraft) => void;
  /** Calls back once, as soon as the run is pausing. @returns stops watching. */
  readonly whenPausing: (callback: () => void) => () => void;
}

/** What is delivered. */
export type Deliverable = Omit<Delivery, 'attempt' | 'signal' | 'logger'>;

/** How a delivery ended. `held`: a pause ended it, with a reason if the run pauses by itself. */
export type DeliveryEnd =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'held'; readonly reason?: HoldReason };

const ADVICE = 'Remove the cause, then resume. The output is published, and only its delivery is repeated.';

export class OutputDelivery {
  readonly #abort = new AbortController();
  /** Resolves when the newest call has settled. */
  #settled: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly policy: DeliveryPolicy,
    private readonly host: DeliveryHost,
  ) {}

  /** @throws {DeliveryError} when it failed for good. */
  async deliver(output: Deliverable): Promise<DeliveryEnd> {
    const { environment, publish, whenPausing } = this.host;
    const { clock, random, logger } = environment;
    const hold = new AbortController();
    const call = retriedCalls(this.policy, {
      ...{ clock, random, signal: this.#abort.signal, hold: hold.signal },
      onFailure: ({ error, attempt, delayMs }) =>
        publish({
          ...{ type: 'delivery.failed', attempt, error: errorData(error) },
          ...(delayMs === undefined ? {} : { delayMs }),
        }),
    });
    const stopWatching = whenPausing(() => hold.abort());
    try {
      const startedAt = clock.monotonic();
      const attempt = await call(async (context) => {
        publish({ type: 'delivery.started', attempt: context.attempt });
        const delivering = Promise.resolve().then(() => this.policy.to({ ...output, ...context, logger }));
        this.#settled = Promise.allSettled([this.#settled, delivering]);
        await delivering;
        return context.attempt;
      });
      publish({ type: 'delivery.completed', attempt, durationMs: clock.monotonic() - startedAt });
      return { kind: 'delivered' };
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      return endOf(error);
    } finally {
      stopWatching();
    }
  }

  async close(): Promise<void> {
    this.#abort.abort(new DeliveryError('The run has ended: the delivery is repeated by a resume.'));
    await this.#settled;
  }
}

/** @throws {DeliveryError} */
function endOf({ error, attempts, kind }: CallFailed): DeliveryEnd {
  if (kind === 'held') return { kind };
  const tried = attempts === 1 ? '' : ` after ${attempts} attempts`;
  const message = `The output is published, and could not be delivered${tried}: ${messageOf(error).replace(/[.\s]+$/, '')}`;
  if (kind === 'pause')
    return { kind: 'held', reason: holdReason({ kind: 'quota', message, advice: ADVICE }) };
  throw new DeliveryError(`${message}. Resume to deliver it again.`, { cause: error });
}
