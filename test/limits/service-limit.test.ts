/**
 * Pins what a limiter must show beside a service that allows 600 calls a minute, 16 wanted at once:
 *
 * - at most 1 % of the answers are refusals, and the throughput is at least 0.95 of the limit;
 * - ten seconds after the service has halved its limit, the same holds for the half;
 * - when the limit is raised again, the throughput follows.
 *
 * The service's limit is a token bucket or a sliding window, and its clock runs on the test's time.
 */
import { describe, expect, test } from 'vitest';
import { limiter } from '../../src/limits/limiter.js';
import { seededRandom } from '../../src/platform/clock.js';
import { manualClock } from '../../src/testing/manual-clock.js';
import { type Service, startWorkers } from './workers.js';

const SEED = Number(process.env.XSTATE_PIPELINE_SEED ?? 600);
const MINUTE = 60_000;

/** A service with a token bucket of one second's worth. */
function bucketService(perMinute: number, latencyMs: () => number) {
  let rate = perMinute / MINUTE;
  let level = rate * 1_000;
  let filledAt: number | undefined;
  const figures = { accepted: 0, refused: 0 };
  const service: Service = (now) => {
    level = Math.min(rate * 1_000, level + (now - (filledAt ?? now)) * rate);
    filledAt = now;
    if (level < 1) {
      figures.refused++;
      const retryAfterMs = Math.ceil((1 - level) / rate);
      return { afterMs: latencyMs(), end: { kind: 'refused', spent: {}, retryAfterMs } };
    }
    level--;
    figures.accepted++;
    return { afterMs: latencyMs(), end: { kind: 'success', spent: {} } };
  };
  return { service, figures, setLimit: (limit: number) => (rate = limit / MINUTE) };
}

/** A service that counts the calls of the last minute. */
function windowService(limit: number, latencyMs: () => number) {
  const accepted: number[] = [];
  const figures = { accepted: 0, refused: 0 };
  const service: Service = (now) => {
    while (accepted.length > 0 && (accepted[0] as number) <= now - MINUTE) accepted.shift();
    if (accepted.length >= limit) {
      figures.refused++;
      const retryAfterMs = (accepted[0] as number) + MINUTE - now;
      return { afterMs: latencyMs(), end: { kind: 'refused', spent: {}, retryAfterMs } };
    }
    accepted.push(now);
    figures.accepted++;
    return { afterMs: latencyMs(), end: { kind: 'success', spent: {} } };
  };
  return { service, figures };
}

describe.each([
  ['short', 20, 50],
  ['of up to a second', 200, 1_000],
])('calls are %s', (_, shortest, longest) => {
  const setUp = () => {
    const random = seededRandom(SEED);
    const clock = manualClock();
    const latencyMs = () => Math.floor(shortest + random() * (longest - shortest));
    const shared = limiter('service', { requests: { limit: 600, perMs: MINUTE } });
    const run = (service: Service) =>
      startWorkers({
        clock,
        limiters: [shared],
        wanted: 16,
        service,
        lateMs: () => Math.floor(random() * 5),
      });
    return { clock, latencyMs, shared, run };
  };

  test.each([
    ['a token bucket', bucketService],
    ['a sliding window', windowService],
  ])('600 calls a minute against %s', (_name, serviceOf) => {
    const { clock, latencyMs, run } = setUp();
    const { service, figures } = serviceOf(600, latencyMs);
    run(service);
    clock.advance(5 * MINUTE);
    const { accepted, refused } = figures;
    expect(refused / (accepted + refused), `seed ${SEED}`).toBeLessThanOrEqual(0.01);
    expect(accepted, `seed ${SEED}`).toBeGreaterThanOrEqual(0.95 * 5 * 600);
  });

  test('the service halves its limit in mid-run, and doubles it again', () => {
    const { clock, latencyMs, run, shared } = setUp();
    const { service, figures, setLimit } = bucketService(600, latencyMs);
    run(service);
    clock.advance(MINUTE);
    setLimit(300);
    clock.advance(10_000);
    Object.assign(figures, { accepted: 0, refused: 0 });
    clock.advance(5 * MINUTE);
    const { accepted, refused } = figures;
    expect(refused / (accepted + refused), `seed ${SEED}`).toBeLessThanOrEqual(0.01);
    expect(accepted, `seed ${SEED}`).toBeGreaterThanOrEqual(0.95 * 5 * 300);
    setLimit(600);
    clock.advance(2 * MINUTE);
    Object.assign(figures, { accepted: 0, refused: 0 });
    clock.advance(2 * MINUTE);
    expect(figures.accepted, `seed ${SEED}`).toBeGreaterThanOrEqual(0.95 * 2 * 600);
    expect(shared.rates.requests?.limit).toBe(600);
  });
});
