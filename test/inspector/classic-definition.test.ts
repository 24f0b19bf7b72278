/**
 * Pins what XState 4 makes of a machine of XState 5 (src/inspector/classic/definition.ts): guards, `always`, delays,
 * parameters, invocations, regions, history; what XState puts there by itself is not shown as the user's.
 */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { and, assign, createMachine, not, raise } from 'xstate';
import type { LiveMachine } from '../../src/inspector/bridge/actor.js';
import { classicMachine } from '../../src/inspector/classic/definition.js';

const load = createRequire(new URL('../../src/inspector/package.json', import.meta.url));
const xstate4 = load('xstate') as typeof import('../../src/inspector/node_modules/xstate/lib/index.js');

const machine = createMachine({
  id: 'shop',
  initial: 'open',
  entry: 'greet',
  states: {
    open: {
      tags: ['busy'],
      description: 'Customers come.',
      initial: 'quiet',
      entry: [assign({}), raise({ type: 'ring' }), { type: 'count', params: { by: 2 } }],
      after: { 1000: 'closed', lunch: { target: 'closed', guard: 'isHungry' } },
      on: {
        ring: { guard: { type: 'hears', params: { decibels: 3 } }, actions: 'answer' },
        leave: [
          { guard: and(['isLate', not('isRich')]), target: 'closed' },
          { target: 'open', reenter: true },
        ],
      },
      states: { quiet: { on: { come: 'full' } }, full: {}, last: { type: 'history', history: 'deep' } },
    },
    closed: {
      invoke: { id: 'alarm', src: 'alarm', onDone: 'parallel', onError: 'open' },
      always: { guard: 'isMonday', target: 'open.full' },
    },
    parallel: {
      type: 'parallel',
      states: { left: { initial: 'a', states: { a: { on: { go: 'b' } }, b: { type: 'final' } } }, right: {} },
      onDone: 'over',
    },
    over: { type: 'final' },
  },
});

const config = classicMachine(machine as unknown as LiveMachine);
/** As a viewer makes it. */
const classic = xstate4.createMachine(JSON.parse(JSON.stringify(config)), {
  delays: { lunch: 1 },
  guards: {
    isHungry: () => true,
    hears: () => true,
    isMonday: () => false,
    'and(isLate, not(isRich))': () => false,
  },
});

test('the initial state and the transitions are the same', () => {
  const begun = classic.initialState;
  expect(begun.value).toEqual({ open: 'quiet' });
  expect([...begun.tags]).toEqual(['busy']);
  expect(classic.transition(begun, 'come').value).toEqual({ open: 'full' });
  expect(classic.transition(classic.transition(begun, 'come'), 'leave').value).toEqual({ open: 'quiet' });
  const closed = classic.transition(begun, 'xstate.after(1000)#shop.open');
  expect(closed.value).toBe('closed');
  const both = classic.transition(closed, 'done.invoke.alarm');
  expect(both.value).toEqual({ parallel: { left: 'a', right: {} } });
});

test('guards have names and parameters; composed guards are spelled out', () => {
  expect(config.states?.open?.on?.ring).toEqual([
    { cond: { type: 'hears', name: 'hears', params: { decibels: 3 } }, actions: ['answer'] },
  ]);
  expect(config.states?.open?.on?.leave).toEqual([
    { cond: 'and(isLate, not(isRich))', target: ['#shop.closed'], internal: true },
    { target: ['#shop.open'] },
  ]);
  expect(config.states?.closed?.always).toEqual([
    { cond: 'isMonday', target: ['#shop.open.full'], internal: true },
  ]);
});

test('delays have numbers or names, without the actions that XState adds', () => {
  const open = config.states?.open;
  expect(open?.after).toEqual({
    1000: [{ target: ['#shop.closed'], internal: true }],
    lunch: [{ target: ['#shop.closed'], internal: true, cond: 'isHungry' }],
  });
  expect(open?.entry).toEqual(['assign', 'raise', { type: 'count', params: { by: 2 } }]);
  expect(open?.exit).toBeUndefined();
});

test('invocations with their XState 4 events, history states, and descriptions', () => {
  expect(config.states?.closed?.invoke).toEqual([{ id: 'alarm', src: 'alarm' }]);
  expect(Object.keys(config.states?.closed?.on ?? {})).toEqual(['done.invoke.alarm', 'error.platform.alarm']);
  expect(Object.keys(config.states?.parallel?.on ?? {})).toEqual(['done.state.shop.parallel']);
  expect(config.states?.open?.states?.last).toMatchObject({ type: 'history', history: 'deep' });
  expect(config.states?.open?.description).toBe('Customers come.');
});
