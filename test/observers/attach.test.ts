/**
 * Pins I11: an observer that throws, rejects or is slow, wherever it does so, stops neither the run nor another
 * observer; its error is reported once; it is detached; and RxJS never throws it from a timer, which would end the
 * process (every test here checks that nothing was left unhandled).
 */
import {
  bufferTime,
  concatMap,
  delay,
  EMPTY,
  finalize,
  from,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  Subject,
  Subscription,
  share,
  switchMap,
  tap,
} from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { attachObserver, type PipelineObserver } from '../../src/observers/attach.js';
import { EventBus } from '../../src/observers/event-bus.js';
import type { PipelineEvent } from '../../src/observers/events.js';
import { event, started } from './fixtures.js';

const boom = new Error('boom');
const fail = (): never => {
  throw boom;
};
const notice = (message: string) => event('notice', 1, { message });

let unhandled: unknown[];
const keep = (error: unknown) => unhandled.push(error);

beforeEach(() => {
  unhandled = [];
  process.on('uncaughtException', keep);
  process.on('unhandledRejection', keep);
});

afterEach(async () => {
  // RxJS reports through setTimeout(0): two turns of timers are certain to be behind it.
  await new Promise((resolve) => setTimeout(resolve));
  await new Promise((resolve) => setTimeout(resolve));
  process.off('uncaughtException', keep);
  process.off('unhandledRejection', keep);
  expect(unhandled).toEqual([]);
});

/** Attaches a healthy observer, the one in question, another healthy one; publishes three events; completes. */
async function runWith(observer: PipelineObserver) {
  const errors: unknown[] = [];
  const seen: string[][] = [[], []];
  let completions = 0;
  const bus = new EventBus((error) => errors.push(['bus', error]));
  const healthy = (index: number): PipelineObserver => ({
    next: ({ type }) => seen[index]?.push(type),
    complete: () => completions++,
  });
  attachObserver(bus.events$, healthy(0), fail);
  const attachment = attachObserver(bus.events$, observer, (error) => errors.push(error));
  attachObserver(bus.events$, healthy(1), fail);
  bus.publish(started(0));
  for (const message of ['a', 'b']) {
    bus.publish(notice(message));
    await Promise.resolve();
  }
  await new Promise((resolve) => setTimeout(resolve));
  bus.complete();
  await new Promise((resolve) => setTimeout(resolve));
  const all = ['pipeline.started', 'notice', 'notice'];
  expect(seen).toEqual([all, all]);
  expect(completions).toBe(2);
  return { errors, attachment };
}

describe('an observer that goes wrong is reported once and detached', () => {
  const cases: Record<string, PipelineObserver> = {
    'next throws': { next: fail },
    'next rejects': { next: async () => fail() },
    'next rejects later': { next: () => new Promise((_, reject) => setTimeout(() => reject(boom))) },
    'next returns a foreign thenable that rejects': {
      // biome-ignore lint/suspicious/noThenProperty: a hostile observer is what is tested.
      next: () => ({ then: (_: unknown, reject: (error: unknown) => void) => reject(boom) }),
    },
    'complete throws': { complete: fail },
    'complete rejects': { complete: async () => fail() },
    'the function throws': () => fail(),
    'the function throws after subscribing': (events$) => {
      events$.subscribe({ next: () => expect.unreachable('it was detached') });
      return fail();
    },
    'the function rejects': (async () => fail()) as unknown as PipelineObserver,
    'its subscriber throws': (events$) => events$.subscribe(fail),
    'its subscriber rejects': (events$) => events$.subscribe(async () => fail()),
    'an operator throws': (events$) => events$.pipe(map(fail)).subscribe(),
    'an operator throws, the error handler too': (events$) =>
      events$.pipe(map(fail)).subscribe({ error: fail }),
    'an operator throws far down': (events$) =>
      events$
        .pipe(
          share(),
          tap(() => {}),
          mergeMap((each) => from([each])),
          map(fail),
        )
        .subscribe(),
    'an inner observable fails': (events$) =>
      events$.pipe(concatMap(() => new Observable((inner) => inner.error(boom)))).subscribe(),
    'an inner promise rejects': (events$) => events$.pipe(switchMap(() => Promise.reject(boom))).subscribe(),
    'a subscriber throws after a delay': (events$) => events$.pipe(delay(0)).subscribe(fail),
    'a subscriber throws over a buffer': (events$) =>
      events$
        .pipe(
          bufferTime(0),
          mergeMap((all) => (all.length > 0 ? from(all) : EMPTY)),
        )
        .subscribe(fail),
    'complete throws in a chain': (events$) =>
      events$.pipe(map((each) => each)).subscribe({ complete: fail }),
    'a teardown throws': (events$) => events$.pipe(finalize(fail)).subscribe(),
    'the returned subscription throws': (events$) => {
      const subscription = new Subscription(fail);
      return subscription.add(events$.subscribe(fail)) ?? subscription;
    },
    'a chain that starts elsewhere throws on delivery': (events$) => merge(NEVER, events$).subscribe(fail),
    'a chain that starts elsewhere fails on delivery': (events$) =>
      merge(NEVER, events$.pipe(map(fail))).subscribe(),
    'a subject of its own throws on delivery': (events$) => {
      const own = new Subject<PipelineEvent>();
      own.subscribe(fail);
      return events$.subscribe(own);
    },
    'it throws while subscribing': () => merge(from([1]), NEVER).subscribe(fail),
  };
  test.each(Object.entries(cases))('%s', async (_, observer) => {
    const { errors, attachment } = await runWith(observer);
    expect(errors).toHaveLength(1);
    const [error] = errors;
    // RxJS gathers what teardowns throw.
    expect((error as { errors?: unknown[] }).errors?.[0] ?? error).toBe(boom);
    expect(attachment.closed).toBe(true);
  });
});

describe('an observer that handles its own errors is left alone', () => {
  test('an error handler at the end of the chain', async () => {
    const handled: unknown[] = [];
    const { errors } = await runWith((events$) =>
      events$.pipe(map(fail)).subscribe({ error: (error: unknown) => handled.push(error) }),
    );
    expect({ handled, errors }).toEqual({ handled: [boom], errors: [] });
  });

  test('a slow observer is not waited for, and gets everything', async () => {
    const arrived: string[] = [];
    const { errors } = await runWith({
      next: async ({ type }) => {
        arrived.push(type);
        await new Promise(() => {});
      },
    });
    expect(arrived).toEqual(['pipeline.started', 'notice', 'notice']);
    expect(errors).toEqual([]);
  });

  test.each([
    ['an empty observer', {}],
    ['one that returns nothing', (() => undefined) as unknown as PipelineObserver],
  ] as const)('%s', async (_, observer) => {
    expect((await runWith(observer)).errors).toEqual([]);
  });
});

test('a handler is called with its observer as this', () => {
  const bus = new EventBus(fail);
  class Counter {
    count = 0;
    next() {
      this.count++;
    }
  }
  const counter = new Counter();
  attachObserver(bus.events$, counter, fail);
  bus.publish(started(0));
  expect(counter.count).toBe(1);
});

test('an observer that attaches a faulty one inside its handler is not reported itself', () => {
  const bus = new EventBus(fail);
  const blamed: string[] = [];
  const outer = attachObserver(
    bus.events$,
    { next: () => attachObserver(bus.events$, fail, () => blamed.push('inner')) },
    () => blamed.push('outer'),
  );
  bus.publish(started(0));
  expect(blamed).toEqual(['inner']);
  expect(outer.closed).toBe(false);
});

test('a reporter that throws is harmless, too', () => {
  const bus = new EventBus(fail);
  attachObserver(bus.events$, { next: fail }, fail);
  bus.events$.subscribe(fail);
  bus.publish(started(0));
  expect(bus.observed).toBe(false);
});

test('delivery is synchronous, and ends with the attachment', () => {
  const bus = new EventBus(fail);
  const seen: string[] = [];
  const attachment = attachObserver(
    bus.events$,
    (events$) => {
      events$.subscribe(({ type }) => seen.push(`left out of the returned subscription: ${type}`));
      return events$.subscribe(({ type }) => seen.push(type));
    },
    fail,
  );
  bus.publish(started(0));
  expect(seen).toEqual(['left out of the returned subscription: pipeline.started', 'pipeline.started']);
  attachment.unsubscribe();
  expect(bus.observed).toBe(false);
});

test('the setting that gathers errors does not outlive a delivery', async () => {
  const { config } = await import('rxjs');
  const bus = new EventBus(() => {});
  const during: boolean[] = [];
  bus.events$.subscribe(() => {
    during.push(config.useDeprecatedSynchronousErrorHandling);
    fail();
  });
  bus.publish(started(0));
  expect(during).toEqual([true]);
  expect(config.useDeprecatedSynchronousErrorHandling).toBe(false);
});

test('an unhandled error of the application itself is still its own', async () => {
  const own = vi.fn();
  process.off('uncaughtException', keep);
  process.on('uncaughtException', own);
  const bus = new EventBus(fail);
  attachObserver(bus.events$, {}, fail);
  from([1]).subscribe(fail);
  await new Promise((resolve) => setTimeout(resolve));
  await new Promise((resolve) => setTimeout(resolve));
  process.off('uncaughtException', own);
  expect(own).toHaveBeenCalledTimes(1);
});
