/**
 * Pins limiters (I22, I14):
 *
 * - in any window, at most `limit + burst` calls begin, however late timers are and however long calls take;
 * - where enough is wanted, the throughput reaches the limit;
 * - calls that wait begin first come first served;
 * - what a call used replaces its estimate; what it did not use is given back;
 * - one refusal delays every call that shares the limiter;
 * - options are checked.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeLimiter, isLimiter, type LimiterOptions, limiter } from '../../src/limits/limiter.js';
import type { RateOptions } from '../../src/limits/rate.js';
import { type PermitAnswer, StagePermits } from '../../src/limits/stage-permits.js';
import { seededRandom } from '../../src/platform/clock.js';
import { manualClock } from '../../src/testing/manual-clock.js';
import { mostInWindow, startWorkers } from './workers.js';

const SEED = Number(process.env.XSTATE_PIPELINE_SEED ?? 20_261_128);
const property = { seed: SEED, numRuns: 40 };

const ok = { kind: 'success', spent: {} } as const;

function granted(answer: PermitAnswer) {
  if (answer.kind !== 'go') throw new Error(`deferred by ${answer.delayMs} ms`);
  return answer.permit;
}

describe('rates', () => {
  const rates = fc.record({
    limit: fc.integer({ min: 1, max: 2_000 }),
    perMs: fc.integer({ min: 10, max: 5_000 }),
    burst: fc.integer({ min: 0, max: 50 }),
  });
  const optionsOf = ({ burst, ...rate }: RateOptions): RateOptions =>
    burst === 0 || burst === undefined ? rate : { ...rate, burst };

  test('at most limit + burst calls begin in any window', () => {
    fc.assert(
      fc.property(
        rates,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 300 }),
        fc.integer(),
        (requests, wanted, latencyMs, seed) => {
          const clock = manualClock();
          const shared = limiter('service', { requests: optionsOf(requests) });
          const random = seededRandom(seed);
          const chance = () => Math.floor(random() * (latencyMs + 1));
          const began = startWorkers({
            ...{ clock, wanted, limiters: [shared] },
            service: () => ({ afterMs: chance(), end: ok }),
            lateMs: () => Math.floor(random() * 30),
          });
          clock.advance(Math.min(requests.perMs * 3, 3_000));
          const { limit, perMs, burst } = shared.rates.requests as Required<RateOptions>;
          expect(mostInWindow(began, perMs)).toBeLessThanOrEqual(limit + burst);
        },
      ),
      property,
    );
  });

  test('the throughput reaches the limit when enough calls are wanted and timers are up to 15 ms late', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.integer(), (perSecond, seed) => {
        const clock = manualClock();
        const shared = limiter('service', { requests: { limit: perSecond, perMs: 1_000 } });
        const random = seededRandom(seed);
        const began = startWorkers({
          ...{ clock, limiters: [shared], wanted: 2 + Math.ceil(perSecond / 10) },
          service: () => ({ afterMs: 50, end: ok }),
          lateMs: () => Math.floor(random() * 15),
        });
        clock.advance(5_000);
        expect(began.length).toBeGreaterThanOrEqual(0.99 * perSecond * 5);
      }),
      property,
    );
  });

  test('a call that needs more than the burst goes when the bucket is full, and the rate is kept', () => {
    const clock = manualClock();
    const shared = limiter('service', { tokens: { limit: 1_000, perMs: 1_000, burst: 10 } });
    const began = startWorkers({
      ...{ clock, limiters: [shared], wanted: 4, estimate: { tokens: 500 } },
      service: () => ({ afterMs: 0, end: { kind: 'success', spent: { tokens: 500 } } }),
    });
    clock.advance(10_000);
    expect(began.slice(0, 4).map((moment) => moment - 1_000_000)).toEqual([0, 500, 1_000, 1_500]);
    expect(began).toHaveLength(21);
  });

  test('a call takes every limiter at once, or none', () => {
    const clock = manualClock();
    const wide = limiter('wide', { requests: { limit: 100, perMs: 1_000, burst: 5 } });
    const narrow = limiter('narrow', { requests: { limit: 1, perMs: 1_000, burst: 1 } });
    const both = new StagePermits([wide, narrow], clock);
    const alone = new StagePermits([wide], clock);
    granted(both.request('0'));
    expect(both.request('1')).toEqual({ kind: 'defer', delayMs: 1_000, waitingFor: 'narrow' });
    // The call that waits for the narrow one has its place in the wide one's line, and no unit of it.
    for (const key of ['0', '1', '2']) granted(alone.request(key));
    expect(alone.request('3').kind).toBe('defer');
  });
});

describe('the line', () => {
  test('calls begin first come first served', () => {
    const clock = manualClock();
    const shared = limiter('service', { requests: { limit: 10, perMs: 1_000, burst: 1 } });
    const stages = [new StagePermits([shared], clock), new StagePermits([shared], clock)] as const;
    const asked = Array.from({ length: 20 }, (_, i) => stages[(i % 2) as 0 | 1].request(String(i)));
    expect(asked.map((answer) => (answer.kind === 'go' ? 0 : answer.delayMs))).toEqual(
      asked.map((_, i) => i * 100),
    );
  });

  test('a call that is due and does not come delays no other call, and keeps its place', () => {
    const clock = manualClock();
    const shared = limiter('service', { requests: { limit: 10, perMs: 1_000, burst: 1 } });
    const permits = new StagePermits([shared], clock);
    granted(permits.request('0'));
    expect(permits.request('1')).toMatchObject({ delayMs: 100 });
    expect(permits.request('2')).toMatchObject({ delayMs: 200 });
    clock.advance(200);
    granted(permits.request('2'));
    expect(permits.request('3')).toMatchObject({ delayMs: 100 });
    expect(permits.request('1')).toMatchObject({ delayMs: 100 });
    expect(permits.request('4')).toMatchObject({ delayMs: 300 });
  });

  test('a call that is given up leaves the line', () => {
    const clock = manualClock();
    const shared = limiter('service', { requests: { limit: 10, perMs: 1_000, burst: 1 } });
    const permits = new StagePermits([shared], clock);
    granted(permits.request('0'));
    for (const key of ['1', '2', '3']) permits.request(key);
    permits.giveUp('1');
    expect(permits.request('4')).toMatchObject({ delayMs: 300 });
    permits.giveUp();
    expect(new StagePermits([shared], clock).request('0')).toMatchObject({ delayMs: 100 });
  });

  test('runs on different clocks share nothing', () => {
    const shared = limiter('service', { requests: { limit: 1, perMs: 1_000, burst: 1 } });
    for (let run = 0; run < 3; run++) granted(new StagePermits([shared], manualClock()).request('0'));
  });
});

describe('settling', () => {
  const perSecond = { limit: 1_000, perMs: 1_000, burst: 1_000 };

  test('tokens that were estimated and not used are given back', () => {
    const clock = manualClock();
    const permits = new StagePermits([limiter('service', { tokens: perSecond })], clock);
    const first = granted(permits.request('0', { inputTokens: 600, outputTokens: 300 }));
    expect(permits.request('1', { tokens: 500 })).toMatchObject({ delayMs: 400 });
    first.settle({ kind: 'success', spent: { inputTokens: 100, outputTokens: 100 } });
    granted(permits.request('1', { tokens: 500 }));
  });

  test('tokens that were used beyond the estimate delay the next call', () => {
    const clock = manualClock();
    const permits = new StagePermits([limiter('service', { outputTokens: perSecond })], clock);
    granted(permits.request('0', { outputTokens: 100 })).settle({
      ...{ kind: 'success', spent: { outputTokens: 2_000 } },
    });
    expect(permits.request('1', { outputTokens: 100 })).toMatchObject({ delayMs: 1_100 });
  });

  test('a call that failed and reported nothing gives back its tokens, once', () => {
    const permits = new StagePermits([limiter('service', { tokens: perSecond })], manualClock());
    const permit = granted(permits.request('0', { tokens: 900 }));
    permit.settle({ kind: 'failure', spent: {} });
    permit.settle({ kind: 'failure', spent: {} });
    granted(permits.request('1', { tokens: 1_000 }));
    expect(permits.request('2', { tokens: 1 }).kind).toBe('defer');
  });

  test('without an estimate, the moving average of what calls used is taken', () => {
    const permits = new StagePermits([limiter('service', { tokens: perSecond })], manualClock());
    granted(permits.request('0')).settle({ kind: 'success', spent: { tokens: 400 } });
    granted(permits.request('1'));
    expect(permits.request('2')).toMatchObject({ delayMs: 200 });
  });
});

describe('refusals', () => {
  const requests = { limit: 100, perMs: 1_000, burst: 50 };
  const refused = (retryAfterMs?: number) => ({ kind: 'refused', spent: {}, retryAfterMs }) as const;

  test('one refusal delays every call that shares the limiter, and no burst follows', () => {
    const clock = manualClock();
    const shared = limiter('service', { requests });
    const stages = [new StagePermits([shared], clock), new StagePermits([shared], clock)] as const;
    granted(stages[0].request('0')).settle(refused(7_000));
    expect(stages[1].request('0')).toEqual({ kind: 'defer', delayMs: 7_000, waitingFor: 'service' });
    clock.advance(7_000);
    granted(stages[1].request('0'));
    expect(stages[0].request('1').kind).toBe('defer');
  });

  test('a refusal that says no time pauses for a second, then for twice as long each time', () => {
    const clock = manualClock();
    const permits = new StagePermits([limiter('service', { requests })], clock);
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      granted(permits.request(String(i))).settle(refused());
      const answer = permits.request(String(i + 1));
      if (answer.kind === 'defer') pauses.push(answer.delayMs);
      clock.advance(30_000);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
  });

  test('a shorter wish never shortens a longer one', () => {
    const clock = manualClock();
    const permits = new StagePermits([limiter('service', { requests })], clock);
    const [first, second] = [granted(permits.request('0')), granted(permits.request('1'))];
    first.settle(refused(5_000));
    second.settle(refused(10));
    expect(permits.request('2')).toMatchObject({ delayMs: 5_000 });
  });
});

describe('options', () => {
  test.each<[string, unknown, unknown]>([
    ['an empty name', '', { requests: { limit: 1, perMs: 1 } }],
    ['no rate', 'x', {}],
    ['no options', 'x', undefined],
    ['an unknown option', 'x', { request: { limit: 1, perMs: 1 } }],
    ['a limit of zero', 'x', { requests: { limit: 0, perMs: 1_000 } }],
    ['an infinite limit', 'x', { requests: { limit: Number.POSITIVE_INFINITY, perMs: 1_000 } }],
    ['no period', 'x', { requests: { limit: 1 } }],
    ['a period of zero', 'x', { requests: { limit: 1, perMs: 0 } }],
    ['a burst below one', 'x', { requests: { limit: 1, perMs: 1_000, burst: 0.5 } }],
    ['NaN', 'x', { tokens: { limit: Number.NaN, perMs: 1_000 } }],
  ])('%s is refused', (_, name, options) => {
    expect(() => limiter(name as string, options as LimiterOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });

  test('rates change while calls wait, and others stay', () => {
    const clock = manualClock();
    const shared = limiter('service', {
      requests: { limit: 1, perMs: 1_000, burst: 1 },
      tokens: { limit: 9, perMs: 1_000 },
    });
    const permits = new StagePermits([shared], clock);
    granted(permits.request('0'));
    expect(permits.request('1')).toMatchObject({ delayMs: 1_000 });
    changeLimiter(shared, { requests: { limit: 100, perMs: 1_000 } }, clock);
    expect(permits.request('1')).toMatchObject({ delayMs: 10 });
    expect(shared.rates).toMatchObject({ requests: { limit: 100 }, tokens: { limit: 9 } });
    expect(() => changeLimiter(shared, { requests: { limit: -1, perMs: 1 } }, clock)).toThrow('from 1');
    expect(isLimiter(shared) && !isLimiter({ name: 'service' })).toBe(true);
  });
});
