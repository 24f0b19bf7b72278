/** Pins: one order of events for all, `observed`, and that direct subscribers of `events$` are harmless (I11). */
import { startWith } from 'rxjs';
import { expect, test } from 'vitest';
import { EventBus } from '../../src/observers/event-bus.js';
import { event, started } from './fixtures.js';

const never = (error: unknown) => {
  throw error;
};
const notice = (message: string) => event('notice', 1, { message });

test('observed says whether a subscriber exists', () => {
  const bus = new EventBus(never);
  expect(bus.observed).toBe(false);
  const subscription = bus.events$.subscribe();
  expect(bus.observed).toBe(true);
  subscription.unsubscribe();
  expect(bus.observed).toBe(false);
});

test('an event that an observer causes reaches all observers after the event that caused it', () => {
  const bus = new EventBus(never);
  const seen: string[][] = [[], []];
  const text = (each: { type: string; message?: string }) => each.message ?? each.type;
  bus.events$.subscribe((each) => {
    if (each.type === 'pipeline.started') bus.publish(notice('caused'));
    seen[0]?.push(text(each));
  });
  bus.events$.subscribe((each) => seen[1]?.push(text(each)));
  bus.publish(started(0));
  expect(seen).toEqual([
    ['pipeline.started', 'caused'],
    ['pipeline.started', 'caused'],
  ]);
});

test('completing from within a delivery comes after what was published, and once', () => {
  const bus = new EventBus(never);
  const seen: string[] = [];
  bus.events$.subscribe(() => {
    if (seen.length === 0) {
      bus.publish(notice('still'));
      bus.complete();
      bus.publish(notice('too late'));
    }
  });
  bus.events$.subscribe({ next: ({ type }) => seen.push(type), complete: () => seen.push('end') });
  bus.publish(started(0));
  bus.complete();
  expect(seen).toEqual(['pipeline.started', 'notice', 'end']);
});

test('a direct subscriber that throws is reported and cut off; the others continue', () => {
  const errors: unknown[] = [];
  const bus = new EventBus((error) => errors.push(error));
  const seen: string[] = [];
  bus.events$.subscribe(() => {
    throw new Error('boom');
  });
  bus.events$.subscribe(({ type }) => seen.push(type));
  bus.publish(started(0));
  bus.publish(notice('a'));
  expect(seen).toEqual(['pipeline.started', 'notice']);
  expect(errors).toEqual([new Error('boom')]);
});

test('one that throws while it is still subscribing is cut off, too', () => {
  const errors: unknown[] = [];
  const bus = new EventBus((error) => errors.push(error));
  bus.events$.pipe(startWith(started(0))).subscribe(never);
  expect(bus.observed).toBe(false);
  expect(errors).toHaveLength(1);
});
