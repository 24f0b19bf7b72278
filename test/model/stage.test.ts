/**
 * Paths that `xstate/graph` generates from the stage machine, walked by the stage actor of a real executor.
 *
 * The model explores the machine over three batches with two attempts each. It reaches every state once, and sends every
 * possible event in each state. For each event of the model, the test makes the real executor meet its cause: the source
 * returns a batch, the stage's function returns or throws, a timer fires, a command cancels.
 *
 * Pinned: after every step the real actor is where the model is, with the same batches queued, running and waiting; all
 * transitions of the machine are covered.
 */
import { describe, expect, test } from 'vitest';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type Clock, defineStage } from 'xstate-pipeline';
import { type StageActorContext, type StageEvent, stageMachine } from '../../machines/index.js';
import { sealEvent } from '../../machines/report.js';
import { harness, type Row } from '../support/runs.js';

const BATCHES = 3;
const TIMEOUT_MS = 1_000;
const RETRY_MS = 10;
const PERMIT_MS = 20;
const DEFERRED = { delayMs: PERMIT_MS, dueAt: 0, waitingFor: 'service' };
const error = { name: 'Error', code: 'Error', message: 'broken' };

const machine = stageMachine.provide({ actions: { report: () => {} } });

interface Step {
  readonly event: StageEvent;
  readonly from: string;
  readonly to: Where;
}

/** Where a stage stands, as far as it can be compared. */
interface Where {
  readonly value: string;
  readonly queue: readonly string[];
  readonly running: readonly string[];
  readonly waiting: readonly string[];
  /** Undefined: the run is not pausing. */
  readonly held: readonly string[] | undefined;
}

interface Snapshot {
  readonly value: string;
  readonly context: StageActorContext;
}

function where({ value, context }: Snapshot): Where {
  const named = (list: StageActorContext['queue']) => list.map(({ batch, attempt }) => `${batch}/${attempt}`);
  const { queue, running, waiting, held } = context;
  const reasons = waiting.map(({ waitingFor }) => (waitingFor === undefined ? 'retry' : 'permit'));
  return {
    ...{ value, queue: named(queue), running: named(running) },
    waiting: named(waiting).map((name, i) => `${name} ${reasons[i]}`),
    held: held && named(held),
  };
}

/** What can happen to a stage that stands there. */
function possible({ value, context }: Snapshot): StageEvent[] {
  const { queue, running, waiting, held, done } = context;
  if (value === 'failed' || value === 'stopped') return [{ type: 'abort' }];
  const seen = queue.length + running.length + waiting.length + done + (held ?? []).length;
  // While the run is pausing, the source is not read, and a resume is legal when nothing is under way.
  const isReading = held === undefined;
  // What is done makes no difference to what is held. A pause by command is walked with one slot, for time.
  const mayHold = isReading && done === 0 && context.concurrency === 1;
  const mayResume = !isReading && running.length + queue.length === 0;
  return [
    ...(mayHold ? [{ type: 'hold' } as const] : []),
    ...(mayResume ? [{ type: 'release' } as const] : []),
    ...(isReading && seen < BATCHES ? [{ type: 'process', batches: [seen] } as const] : []),
    ...(isReading && seen + 1 < BATCHES ? [{ type: 'process', batches: [seen, seen + 1] } as const] : []),
    ...attemptsRunning(running).map((attempt) => {
      const batches = running.filter((run) => run.attempt === attempt).map((run) => run.batch);
      return { type: 'attempts.done', batches, attempt } as const;
    }),
    ...running.flatMap(({ batch, attempt }): StageEvent[] => {
      const failure = { batch, attempt, error, delayMs: RETRY_MS, dueAt: 0 };
      return [
        { type: 'attempts.done', batches: [batch], attempt },
        { type: 'attempt.failed', ...failure },
        { type: 'attempt.timedOut', ...failure },
        // Of one attempt, and with one slot: of all of them, the walk takes minutes.
        ...(context.concurrency === 1 && batch === 0 && attempt === 1
          ? [{ type: 'attempt.deferred', batch, attempt, ...DEFERRED } as const]
          : []),
        ...(done === 0 ? [{ type: 'attempt.held', batch, attempt } as const] : []),
      ];
    }),
    ...waiting.map(({ batch }) => ({ type: 'retry.due', batch }) as const),
    { type: 'abort' },
  ];
}

const attemptsRunning = (running: StageActorContext['running']) => [
  ...new Set(running.map(({ attempt }) => attempt)),
];

function pathsOf(concurrency: number): (readonly Step[])[] {
  const shortest = getShortestPaths(machine as never, {
    input: { name: 's', index: 0, concurrency, attempts: 2 } as never,
    events: possible as never,
    limit: 20_000,
    serializeState: ((snapshot: Snapshot) =>
      JSON.stringify([where(snapshot), snapshot.context.done])) as never,
  }) as unknown as readonly {
    readonly steps: readonly { event: StageEvent; state: Snapshot }[];
    state: Snapshot;
  }[];
  const whole = shortest.flatMap(({ steps, state }) =>
    possible(state).map((event) => [
      ...steps,
      { event, state: transition(machine, state as never, event)[0] },
    ]),
  ) as unknown as (readonly { event: StageEvent; state: Snapshot }[])[];
  return whole.map((steps) => {
    let from = 'idle';
    return steps
      .filter(({ event }) => !(event.type as string).startsWith('xstate.'))
      .map(({ event, state }) => {
        const step = { event, from, to: where(state) };
        from = state.value;
        return step;
      });
  });
}

const covered = new Set<string>();

describe.each([1, 2])('with a concurrency of %i', (concurrency) => {
  const paths = pathsOf(concurrency);

  test('every path leads the real actor where it leads the model', { timeout: 120_000 }, async () => {
    expect(paths.length).toBeGreaterThan(100);
    for (const path of paths) {
      const world = realStage(concurrency);
      await world.begin();
      for (const { event, from, to } of path) {
        covered.add(`${from} ${event.type}`);
        await world.make(event);
        // The executor aborts a stage that has failed, at once.
        const expected =
          to.value === 'failed'
            ? { value: 'stopped', queue: [], running: [], waiting: [], held: undefined }
            : to;
        expect(world.where(), nameOf(path)).toEqual(expected);
        if (to.value === 'failed') expect(world.executor.state, nameOf(path)).toBe('FAILED');
      }
      await world.end();
    }
  });
});

test('all transitions were covered', () => {
  // They change nothing where the concurrency is constant: test/machines/adaptive-concurrency.test.ts.
  const always = Object.keys(stageMachine.root.on).filter(
    (event) => !['tune', 'overloaded', 'calls.succeeded'].includes(event),
  );
  const all = Object.entries(stageMachine.states).flatMap(([state, node]) =>
    [...node.ownEvents, ...always]
      // A stage alone shares no pass: test/executor/fusion/fusion.test.ts.
      .filter((event) => event !== 'passed')
      .map((event) => `${state} ${event}`)
      // No batch comes from the stage before: test/executor/rows/holding/holding.test.ts.
      .filter((event) => event !== 'held process'),
  );
  // A cancel leads to IDLE, where a second cancel is refused.
  expect([...covered].sort()).toEqual([...new Set(all)].sort());
});

function nameOf(path: readonly Step[]): string {
  return path
    .map(({ event }) => {
      const batches = 'batch' in event ? [event.batch] : 'batches' in event ? event.batches : [];
      return [event.type, ...batches].join(' ');
    })
    .join(', ');
}

/** Resolves when all pending microtasks have run. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

interface Attempt {
  readonly timeOut: () => void;
  readonly answer: () => void;
  readonly fail: () => void;
  /** Fails because nothing more may begin. */
  readonly exhaust: () => void;
}

class Exhausted extends Error {}

/** A stage of a real executor, in a world that does nothing by itself. */
function realStage(concurrency: number) {
  const attempts = new Map<string, Attempt>();
  const releases: (() => void)[] = [];
  const batches = Array.from(
    { length: BATCHES },
    () => new Promise<void>((resolve) => releases.push(resolve)),
  );
  const timers: { readonly callback: () => void; readonly delayMs: number }[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    setTimer(callback, delayMs) {
      const timer = { callback, delayMs };
      timers.push(timer);
      return () => {
        const place = timers.indexOf(timer);
        if (place >= 0) timers.splice(place, 1);
      };
    },
  };
  const newest = (delayMs: number) => timers.findLast((timer) => timer.delayMs === delayMs);
  const goOff = (timer: (typeof timers)[number] | undefined) => {
    if (timer === undefined) throw new Error('there is no such timer');
    timers.splice(timers.indexOf(timer), 1);
    timer.callback();
  };
  /** The timer of each batch between two attempts. */
  const retries = new Map<number, (typeof timers)[number] | undefined>();
  const stage = defineStage({
    name: 's',
    concurrency,
    timeoutMs: TIMEOUT_MS,
    retry: {
      ...{ attempts: 2, initialDelayMs: RETRY_MS, factor: 1, jitter: false },
      when: (thrown) => (thrown instanceof Exhausted ? 'pause' : 'retry'),
    },
    process: (rows: Row[], { batch, attempt }) => {
      const timer = newest(TIMEOUT_MS);
      return new Promise<Row[]>((resolve, reject) => {
        attempts.set(`${batch.index}/${attempt}`, {
          answer: () => resolve(rows),
          fail: () => reject(new Error('broken')),
          exhaust: () => reject(new Exhausted()),
          timeOut: () => goOff(timer),
        });
      });
    },
  });
  const source = {
    kind: 'gated',
    onMalformed: 'fail',
    describe: () => undefined,
    async open() {
      let next = 0;
      return {
        async read() {
          const n = next++;
          if (n >= BATCHES) return new Promise(() => {});
          await batches[n];
          const position = { rows: n + 1 };
          return { size: 1, position, done: n + 1, decode: (row: (r: Row) => void) => row({ n }) };
        },
        identity: async () => undefined,
        close: async () => {},
      };
    },
  };
  const h = harness([stage], {
    source: source as never,
    environment: { clock, random: () => 0 },
    pipeline: { maxInFlight: BATCHES + 1, checkpointInterval: 1 },
  });
  const { executor } = h;
  const stageActor = () => {
    const { children } = executor.actor.getSnapshot();
    return (children as Record<string, unknown>)['stage:s'] as {
      getSnapshot(): Snapshot;
      send(event: StageEvent): void;
    };
  };
  return {
    executor,
    async begin() {
      h.start();
      await settled();
    },
    async make(event: StageEvent) {
      if (event.type === 'process') {
        for (const batch of event.batches) releases[batch]?.();
      } else if (event.type === 'hold') executor.pause().catch(() => {});
      else if (event.type === 'release') executor.resume().catch(() => {});
      else if (event.type === 'retry.due') goOff(retries.get(event.batch));
      // As the data plane answers. The attempt that the world has begun never answers.
      else if (event.type === 'attempt.deferred') stageActor().send(sealEvent(event));
      else if (event.type === 'abort') {
        const isLegal = executor.can('cancel');
        const cancelling = executor.cancel();
        if (isLegal) cancelling.catch(() => {});
        else await expect(cancelling).rejects.toMatchObject({ code: 'ILLEGAL_COMMAND' });
      } else if ('attempt' in event) {
        const of = (batch: number) => attempts.get(`${batch}/${event.attempt}`) as Attempt;
        if (event.type === 'attempts.done') for (const batch of event.batches) of(batch).answer();
        else if (event.type === 'attempt.failed') of(event.batch).fail();
        else if (event.type === 'attempt.held') of(event.batch).exhaust();
        else of(event.batch).timeOut();
      }
      await settled();
      if (event.type === 'attempt.failed' || event.type === 'attempt.timedOut')
        retries.set(event.batch, newest(RETRY_MS));
      if (event.type === 'attempt.deferred') retries.set(event.batch, newest(PERMIT_MS));
    },
    where(): Where {
      return where(stageActor().getSnapshot());
    },
    async end() {
      if (executor.can('cancel')) await executor.cancel();
    },
  };
}
