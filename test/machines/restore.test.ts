/**
 * The one restore path (I18), over unchecked snapshots (I9).
 *
 * Pinned: a crash in EXECUTING is restored as PAUSED at the last durable mark. A restored snapshot can be started and runs
 * to the end. Any random mutation is refused by name before it reaches `createActor`.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { InvalidSnapshotError, restoreSnapshot } from '../../machines/index.js';
import { drivenMachine, STAGES } from '../support/driven-machine.js';

const persisted = (actor: { getPersistedSnapshot(): unknown }): Record<string, unknown> =>
  JSON.parse(JSON.stringify(actor.getPersistedSnapshot())) as Record<string, unknown>;

function executing() {
  const driven = drivenMachine({ batches: 6, manual: true, maxInFlight: 2, concurrency: 2 });
  driven.actor.send({ type: 'execute' });
  for (const batch of [0, 1]) {
    driven.finish(0, batch);
    driven.finish(1, batch);
  }
  driven.finish(0, 2);
  return driven;
}

describe('what was in flight', () => {
  test('a crash in EXECUTING comes back as PAUSED at the last durable mark', () => {
    const { actor } = executing();
    expect(actor.getSnapshot().context.window.length).toBe(2);
    const restored = restoreSnapshot(persisted(actor), STAGES);
    expect(restored.value).toBe('PAUSED');
    expect(restored.context).toMatchObject({
      window: [],
      next: 2,
      committed: 2,
      activity: { reader: 'idle', writer: 'idle' },
    });
    expect(restored.context.written).toEqual(restored.context.flushed);
  });

  test('a restored snapshot starts, resumes, and reads from the mark to the end', () => {
    const { actor } = executing();
    const { machine, log } = drivenMachine({ batches: 6 });
    log.length = 0;
    const resumed = createActor(machine, {
      snapshot: restoreSnapshot(persisted(actor), STAGES) as never,
      input: {},
    }).start();
    expect(resumed.getSnapshot().value).toBe('PAUSED');
    resumed.send({ type: 'resume' });
    expect(log.find((line) => line.startsWith('read'))).toBe('read 2');
    expect(resumed.getSnapshot().value).toBe('COMPLETED');
    expect(resumed.getSnapshot().context.flushed).toMatchObject({ batches: 6, rowsIn: 60 });
  });

  test.each([
    ['IDLE', 'IDLE', (d: ReturnType<typeof drivenMachine>) => d],
    [
      'a cancelled IDLE',
      'PAUSED',
      (d: ReturnType<typeof drivenMachine>) => {
        d.actor.send({ type: 'execute' });
        d.actor.send({ type: 'cancel' });
        return d;
      },
    ],
    [
      'FAILED',
      'FAILED',
      (d: ReturnType<typeof drivenMachine>) => {
        d.actor.send({ type: 'execute' });
        d.failStage(0, 0);
        return d;
      },
    ],
  ] as const)('%s comes back as %s', (name, expected, reach) => {
    const driven = reach(drivenMachine({ batches: 2, manual: true }));
    const snapshot = persisted(driven.actor);
    const raw =
      name === 'IDLE'
        ? { ...snapshot, context: { ...(snapshot.context as object), sessionId: '' } }
        : snapshot;
    const restored = restoreSnapshot(raw, STAGES);
    expect(restored.value).toBe(expected);
    expect(
      createActor(driven.machine, { snapshot: restored as never, input: {} })
        .start()
        .getSnapshot().value,
    ).toBe(expected);
  });

  test('COMPLETED comes back as COMPLETED, with its output', () => {
    const { actor } = drivenMachine({ batches: 2 });
    actor.send({ type: 'execute' });
    const restored = restoreSnapshot(persisted(actor), STAGES);
    expect(restored).toMatchObject({ value: 'COMPLETED', status: 'done', output: { success: true } });
  });
});

test('suspects are kept after a crash, and dropped after an orderly end', () => {
  const snapshot = persisted(executing().actor);
  const suspects = { crashes: 2, from: 5, to: 9 };
  const crashed = { ...snapshot, context: { ...(snapshot.context as object), suspects } };
  expect(restoreSnapshot(crashed, STAGES).context.suspects).toEqual(suspects);
  expect(restoreSnapshot({ ...crashed, value: 'PAUSED' }, STAGES).context.suspects).toBeNull();
});

describe('what is refused', () => {
  const good = () => persisted(executing().actor);
  const context = (snapshot: Record<string, unknown>) => snapshot.context as Record<string, unknown>;

  test.each<[string, (s: Record<string, unknown>) => void]>([
    ['a value that is no state', (s) => (s.value = 'RUNNING')],
    ['a number for a value', (s) => (s.value = 3)],
    ['a nested value', (s) => (s.value = { EXECUTING: 'x' })],
    ['__proto__ for a value', (s) => (s.value = '__proto__')],
    ['an unknown status', (s) => (s.status = 'stopped')],
    ['done outside COMPLETED', (s) => (s.status = 'done')],
    ['no context', (s) => delete s.context],
    ['no children', (s) => delete s.children],
    [
      'a child that is none of our stages',
      (s) => ((s.children as Record<string, unknown>).evil = { src: 'evil' }),
    ],
    [
      'a stage actor with the src of another',
      (s) =>
        (((s.children as Record<string, { src: string }>)['stage:a'] as { src: string }).src = 'stage:b'),
    ],
    ['negative batches', (s) => ((context(s).flushed as Record<string, unknown>).batches = -1)],
    ['text for a count', (s) => ((context(s).flushed as Record<string, unknown>).rowsIn = '10')],
    ['a position that is an array', (s) => ((context(s).flushed as Record<string, unknown>).source = [])],
    ['batches without positions', (s) => ((context(s).flushed as Record<string, unknown>).sink = null)],
    ['a session id with a path in it', (s) => (context(s).sessionId = '../../etc/passwd')],
    ['other stages', (s) => (context(s).stages = ['a', 'c'])],
    ['a window of nothing', (s) => ((context(s).settings as Record<string, unknown>).maxInFlight = 0)],
    ['a window of everything', (s) => ((context(s).settings as Record<string, unknown>).maxInFlight = 1e9)],
  ])('%s', (_, damage) => {
    const snapshot = good();
    damage(snapshot);
    expect(() => restoreSnapshot(snapshot, STAGES)).toThrow(InvalidSnapshotError);
  });

  test('unknown fields are dropped at every depth; positions are kept as they are', () => {
    const snapshot = good();
    const paths = pathsOf(snapshot).filter(
      (path) => !/^(source|sink|deadLetter|children)$/.test(path.at(-1) ?? ''),
    );
    for (const path of [[], ...paths]) {
      const place = path.reduce((at, key) => at[key] as typeof snapshot, snapshot);
      if (typeof place === 'object' && place !== null && !Array.isArray(place)) place.more = { evil: true };
    }
    expect(restoreSnapshot(snapshot, STAGES)).toEqual(restoreSnapshot(good(), STAGES));
  });

  test('any mutation is refused or gives a snapshot that runs to the end', () => {
    const text = JSON.stringify(good());
    const paths = pathsOf(JSON.parse(text) as object);
    const junk = fc.oneof(
      fc.constantFrom(null, '', '__proto__', 'constructor', 0, -1, 1.5, 1e308, [], {}, true, [[[]]]),
      fc.jsonValue({ maxDepth: 3 }),
    );
    const property = fc.property(fc.constantFrom(...paths), junk, fc.boolean(), (path, value, remove) => {
      const snapshot = JSON.parse(text) as object;
      mutate(snapshot, path, value, remove);
      let restored: ReturnType<typeof restoreSnapshot>;
      try {
        restored = restoreSnapshot(snapshot, STAGES);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidSnapshotError);
        return;
      }
      const { flushed } = restored.context;
      const { machine } = drivenMachine({ batches: flushed.batches + 2 });
      const actor = createActor(machine, { snapshot: restored as never, input: {} }).start();
      if (restored.value === 'PAUSED') actor.send({ type: 'resume' });
      expect(['COMPLETED', 'FAILED', 'IDLE']).toContain(actor.getSnapshot().value);
    });
    fc.assert(property, { numRuns: 600 });
  });
});

type Path = readonly string[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...at, key], ...pathsOf(inner, [...at, key])]);
}

function mutate(root: object, path: Path, value: unknown, remove: boolean): void {
  let at = root as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const last = path[path.length - 1] as string;
  if (remove) delete at[last];
  else at[last] = value;
}
