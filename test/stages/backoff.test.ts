/** Waiting between attempts (I14: chance is injected): exponential, capped, with equal jitter. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/platform/clock.js';
import { retryDelayMs } from '../../src/stages/backoff.js';

const retry = { attempts: 9, initialDelayMs: 100, maxDelayMs: 1_000, factor: 2, jitter: false };

test('without jitter it grows by the factor up to the cap', () => {
  expect([1, 2, 3, 4, 5, 6].map((attempt) => retryDelayMs(retry, attempt, () => 0))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
});

test('with jitter it lies between half and the whole, and follows the random numbers', () => {
  const jittered = { ...retry, jitter: true };
  expect(retryDelayMs(jittered, 1, () => 0)).toBe(50);
  expect(retryDelayMs(jittered, 1, () => 0.5)).toBe(75);
  const seed = 20_240_607;
  const delays = (random: () => number) =>
    [1, 2, 3, 4, 5].map((attempt) => retryDelayMs(jittered, attempt, random));
  expect(delays(seededRandom(seed)), `seed ${seed}`).toEqual(delays(seededRandom(seed)));
  for (const [i, delay] of delays(seededRandom(seed)).entries()) {
    const whole = retryDelayMs(retry, i + 1, () => 0);
    expect(delay, `seed ${seed}`).toBeGreaterThanOrEqual(whole / 2);
    expect(delay, `seed ${seed}`).toBeLessThan(whole);
  }
});

test('it stays within what a timer can hold, however many attempts there are', () => {
  expect(retryDelayMs(retry, 100_000, () => 0.999)).toBe(1_000);
  expect(retryDelayMs({ ...retry, initialDelayMs: 0 }, 100_000, () => 0.999)).toBe(0);
});
