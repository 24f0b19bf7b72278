/** What surrounds a call while its function runs: an abort of its own, its time limit, and the watch for one that never settles. */
import { StageTimeoutError } from '../../../errors.js';
import { type AttemptContext, LazyAbort } from '../../../stages/attempt-context.js';
import type { AnyStage } from '../../../stages/stage.js';
import type { Call } from './call.js';
import type { CallsHost } from './calls-port.js';

export interface RunningCall {
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  readonly context: AttemptContext;
  /** The function has ended. */
  end(): void;
}

export function beginCall(
  host: CallsHost,
  { name, timeoutMs }: AnyStage,
  batch: number,
  call: Call,
): RunningCall {
  const startedAt = host.clock.monotonic();
  const abort = new LazyAbort();
  const onAbort = () => abort.abort(host.abort.reason);
  host.abort.addEventListener('abort', onAbort, { once: true });
  const context = host.contextOf(call, abort);
  const stopTimer =
    timeoutMs &&
    host.clock.setTimer(() => abort.abort(new StageTimeoutError(name, batch, timeoutMs)), timeoutMs);
  const stopWatch = host.watchCall(startedAt);
  return {
    startedAt,
    context,
    end() {
      if (stopTimer) stopTimer();
      stopWatch();
      host.abort.removeEventListener('abort', onAbort);
    },
  };
}

/** How long the calls of an attempt took. */
export class CallTimes {
  #active = 0;
  #activeSince = 0;
  #busyMs = 0;
  #activeMs = 0;

  begin(now: number): void {
    if (this.#active === 0) this.#activeSince = now;
    this.#active++;
  }

  end(startedAt: number, now: number): void {
    this.#busyMs += now - startedAt;
    this.#active--;
    if (this.#active === 0) this.#activeMs += now - this.#activeSince;
  }

  /** Milliseconds in calls, added up; milliseconds with at least one call. */
  get sums(): { readonly busyMs: number; readonly activeMs: number } {
    return { busyMs: this.#busyMs, activeMs: this.#activeMs };
  }
}
