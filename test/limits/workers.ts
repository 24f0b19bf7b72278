/** Workers that call a service under a limiter, on a clock that the test advances. */
import type { Limiter } from '../../src/limits/limiter.js';
import { type CallEnd, type Permit, StagePermits, type TokenUse } from '../../src/limits/stage-permits.js';
import type { ManualClock } from '../../src/testing/manual-clock.js';

/** Answers a call: after how long, and what became of it. */
export type Service = (now: number) => { readonly afterMs: number; readonly end: CallEnd };

export interface WorkersOptions {
  readonly clock: ManualClock;
  readonly limiters: readonly Limiter[];
  /** Calls wanted at once. */
  readonly wanted: number;
  readonly service: Service;
  readonly estimate?: TokenUse;
  /** Milliseconds that a timer fires late. */
  readonly lateMs?: () => number;
}

/** @returns the moments at which calls began. Every worker begins its next call as soon as its last has ended. */
export function startWorkers(options: WorkersOptions): readonly number[] {
  const { clock, limiters, service, estimate, lateMs = () => 0 } = options;
  const permits = new StagePermits(limiters, clock);
  const began: number[] = [];
  const ask = (worker: number) => {
    const answer = permits.request(String(worker), estimate);
    if (answer.kind === 'go') begin(worker, answer.permit);
    else clock.setTimer(() => ask(worker), answer.delayMs + lateMs());
  };
  const begin = (worker: number, permit: Permit) => {
    began.push(clock.monotonic());
    const { afterMs, end } = service(clock.monotonic());
    clock.setTimer(() => {
      permit.settle(end);
      ask(worker);
    }, afterMs);
  };
  for (let worker = 0; worker < options.wanted; worker++) ask(worker);
  return began;
}

/** The most moments in any half-open window of that length. */
export function mostInWindow(moments: readonly number[], lengthMs: number): number {
  let first = 0;
  let most = 0;
  for (const [i, moment] of moments.entries()) {
    while ((moments[first] as number) <= moment - lengthMs) first++;
    most = Math.max(most, i - first + 1);
  }
  return most;
}
