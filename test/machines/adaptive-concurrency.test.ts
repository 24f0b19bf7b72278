/**
 * Pins adaptive concurrency, by itself and in the stage's machine:
 *
 * - it stays within its bounds;
 * - it grows only while at least half of the slots are in use: by one with each success before the first overload, then by one
 *   with as many successes as there are slots;
 * - an overload takes it to 0.9, by at least one slot; overloads within 200 ms count once;
 * - no more batches run than it allows, after a reduction as soon as batches have left; slots that are added are filled at once;
 * - `tune` replaces it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { getInitialSnapshot, transition } from 'xstate';
import {
  type Adapted,
  beginAdaptive,
  onOverload,
  onSuccess,
  withRange,
} from '../../machines/adaptive-concurrency.js';
import {
  type StageActorContext,
  type StageEvent,
  type StageInput,
  stageMachine,
} from '../../machines/index.js';

const SEED = Number(process.env.XSTATE_PIPELINE_SEED ?? 20_261_128);

const successes = (from: Adapted, count: number, inUse = from.concurrency): Adapted =>
  Array.from({ length: count }).reduce<Adapted>((adapted) => onSuccess(adapted, inUse), from);

describe('by itself', () => {
  test('it begins at its lower bound and grows with each success before the first overload', () => {
    const begun = beginAdaptive({ min: 2, max: 16 });
    expect(begun.concurrency).toBe(2);
    expect(successes(begun, 3, 16).concurrency).toBe(5);
    expect(successes(begun, 100, 16).concurrency).toBe(16);
  });

  test('after an overload it grows by one with as many successes as there are slots', () => {
    const reduced = onOverload({ ...beginAdaptive({ min: 1, max: 100 }), concurrency: 50 }, 1_000);
    expect(reduced.concurrency).toBe(45);
    expect(successes(reduced, 44).concurrency).toBe(45);
    expect(successes(reduced, 45).concurrency).toBe(46);
  });

  test('it does not grow while less than half is in use', () => {
    const wide = { ...beginAdaptive({ min: 1, max: 100 }), concurrency: 50 };
    expect(successes(wide, 10, 24).concurrency).toBe(50);
    expect(successes(wide, 10, 25).concurrency).toBeGreaterThan(50);
  });

  test('overloads within 200 ms count once, and each takes at least one slot', () => {
    const wide = { ...beginAdaptive({ min: 1, max: 100 }), concurrency: 50 };
    const burst = [0, 50, 199].reduce((adapted, at) => onOverload(adapted, 1_000 + at), wide as Adapted);
    expect(burst.concurrency).toBe(45);
    expect(onOverload(burst, 1_200).concurrency).toBe(40);
    const narrow = { ...beginAdaptive({ min: 1, max: 9 }), concurrency: 3 };
    expect(onOverload(narrow, 1_000).concurrency).toBe(2);
  });

  test('it stays within its bounds', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ inUse: fc.nat(70) }),
        fc.record({ at: fc.nat(10_000) }),
        fc.record({ min: fc.integer({ min: 1, max: 30 }), more: fc.nat(40) }),
      ),
    );
    fc.assert(
      fc.property(steps, (given) => {
        let adapted = beginAdaptive({ min: 3, max: 20 });
        for (const step of given) {
          if ('at' in step) adapted = onOverload(adapted, step.at);
          else if ('min' in step) adapted = withRange(adapted, { min: step.min, max: step.min + step.more });
          else adapted = onSuccess(adapted, step.inUse);
          const { concurrency, adaptive } = adapted;
          expect(concurrency).toBeGreaterThanOrEqual(adaptive.min);
          expect(concurrency).toBeLessThanOrEqual(adaptive.max);
        }
      }),
      { seed: SEED },
    );
  });
});

/** A stage's machine, and the batches that it starts. */
function stage(input: Partial<StageInput>) {
  const started: number[] = [];
  const machine = stageMachine.provide({
    actions: {
      report: () => {},
      start: (_, { batches }) => started.push(...batches.map(({ batch }) => batch)),
    },
  });
  let snapshot = getInitialSnapshot(machine, { name: 's', index: 0, concurrency: 1, attempts: 1, ...input });
  return {
    started,
    send(event: StageEvent) {
      const [next, actions] = transition(machine, snapshot, event);
      snapshot = next;
      for (const action of actions)
        (action.exec as ((info: unknown, params: unknown) => void) | undefined)?.(action.info, action.params);
    },
    get context(): StageActorContext {
      return snapshot.context;
    },
    get running() {
      return snapshot.context.running.map(({ batch }) => batch);
    },
  };
}

const done = (...batches: number[]) => ({ type: 'attempts.done', batches, attempt: 1 }) as const;
const succeed = (s: ReturnType<typeof stage>, batch: number) => {
  s.send({ type: 'calls.succeeded', batch });
  s.send(done(batch));
};
const batches = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("in the stage's machine", () => {
  test('a success adds a slot, and the queue fills it at once', () => {
    const s = stage({ adaptive: { min: 1, max: 4 }, concurrency: 4 });
    s.send({ type: 'process', batches: batches(20) });
    expect(s.running).toEqual([0]);
    succeed(s, 0);
    expect(s.running).toEqual([1, 2]);
    succeed(s, 1);
    expect(s.running).toEqual([2, 3, 4]);
    succeed(s, 2);
    succeed(s, 3);
    expect(s.running).toEqual([4, 5, 6, 7]);
    expect(s.context).toMatchObject({ concurrency: 4, adaptive: { min: 1, max: 4 } });
    expect(s.started).toEqual(batches(8));
  });

  test('after an overload, batches run on, and the queue waits until there are fewer', () => {
    const s = stage({ adaptive: { min: 1, max: 4 }, concurrency: 4 });
    s.send({ type: 'process', batches: batches(20) });
    for (const batch of [0, 1, 2]) succeed(s, batch);
    expect(s.running).toEqual([3, 4, 5, 6]);
    s.send({ type: 'overloaded', batch: 3, at: 1_000 });
    s.send({ type: 'overloaded', batch: 4, at: 2_000 });
    expect(s.context.concurrency).toBe(2);
    succeed(s, 3);
    expect(s.running).toEqual([4, 5, 6]);
    // Two successes with two slots: one more.
    succeed(s, 4);
    expect(s.running).toEqual([5, 6, 7]);
    expect(s.started).toEqual(batches(8));
  });

  test('tune adds slots that the queue fills at once, or takes some away, or gives bounds', () => {
    const s = stage({ concurrency: 1 });
    s.send({ type: 'process', batches: batches(20) });
    s.send({ type: 'tune', concurrency: 3 });
    expect(s.running).toEqual([0, 1, 2]);
    s.send({ type: 'tune', concurrency: 1 });
    s.send(done(0));
    s.send(done(1));
    expect(s.running).toEqual([2]);
    s.send({ type: 'process', batches: [20] });
    expect(s.context.queue).toHaveLength(18);
    s.send({ type: 'tune', concurrency: { min: 2, max: 5 } });
    expect(s.running).toEqual([2, 3]);
    expect(s.context).toMatchObject({ concurrency: 2, isTuned: true, adaptive: { min: 2, max: 5 } });
    s.send({ type: 'tune', concurrency: 2 });
    expect(s.context.adaptive).toBeUndefined();
    expect(s.started).toEqual(batches(4));
  });

  test('a stage with a constant concurrency ignores overloads', () => {
    const s = stage({ concurrency: 2 });
    s.send({ type: 'overloaded', batch: 0, at: 1 });
    expect(s.context.concurrency).toBe(2);
    expect('adaptive' in s.context).toBe(false);
  });
});
