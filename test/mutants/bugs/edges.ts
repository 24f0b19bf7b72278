/** Seeded bugs: stages, observers and errors. */
import { IllegalCommandError } from '../../../src/errors.js';
import { EventBus } from '../../../src/observers/event-bus.js';
import { guard } from '../../../src/observers/guard.js';
import { retryDelayMs } from '../../../src/stages/backoff.js';
import { describeStage } from '../../../src/stages/fingerprint.js';
import type { Bug } from '../seeded-bug.js';

export const BUGS: readonly Bug[] = [
  {
    name: 'illegal-unnamed',
    what: 'the error does not name the legal commands',
    invariant: 'I2',
    in: IllegalCommandError,
    find: "$legal.length > 0 ? $legal.join(', ') : $none",
    replace: "'see can()'",
    suite: 'test/executor/commands.test.ts',
  },
  {
    name: 'observer-errors',
    what: 'errors of observers are not caught',
    invariant: 'I11',
    in: EventBus,
    find: '$events = $guard($subject, ($error) => { $$report });',
    replace: '$events = $subject; $guard($subject, ($error) => { $$report });',
    suite: 'test/observers/event-bus.test.ts',
  },
  {
    name: 'rejection-unhandled',
    what: 'the rejection of an asynchronous observer is unhandled',
    invariant: 'I11',
    beside: guard,
    find: 'if ($isThenable($result)) $result.then(undefined, $fail);',
    replace: '',
    suite: 'test/observers/attach.test.ts',
  },
  {
    name: 'not-detached',
    what: 'an observer that failed gets further events',
    invariant: 'I11',
    beside: guard,
    find: '$failed = true; $detach($subscription);',
    replace: '$detach(undefined);',
    suite: 'test/observers/attach.test.ts',
  },
  {
    name: 'reentrant',
    what: 'an event that an observer causes overtakes the one being delivered',
    invariant: 'I11',
    in: EventBus,
    find: 'if ($delivering) $waiting.push([$event, $listeners]); else $deliver($event, $listeners);',
    replace: '$deliver($event, $listeners);',
    suite: 'test/observers/event-bus.test.ts',
  },
  {
    name: 'own-chance',
    what: 'the jitter of a retry does not use the injected random numbers',
    invariant: 'I14',
    in: retryDelayMs,
    find: '($delay / 2) * $random()',
    replace: '($delay / 2) * Math.random()',
    suite: 'test/stages/backoff.test.ts',
  },
  {
    name: 'version-left-out',
    what: 'the version of a stage is not part of its fingerprint',
    invariant: 'I15',
    in: describeStage,
    find: '{ name: $name, version: $version, $$rest }',
    replace: '{ name: $name, $$rest }',
    suite: 'test/stages/fingerprint.test.ts',
  },
  {
    name: 'options-left-out',
    what: 'the options of a stage are not part of its fingerprint',
    invariant: 'I15',
    in: describeStage,
    find: '$sha256($canonical($options))',
    replace: '$sha256($canonical({}))',
    suite: 'test/stages/fingerprint.test.ts',
  },
];
