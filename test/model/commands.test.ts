/**
 * Paths that `xstate/graph` generates from the executor machine, walked by the real executor.
 *
 * The machine is explored with its effects answered by events that the graph may choose; what a person or another machine
 * can send are the four commands, and a stage's success or failure. Each path to a state, and each command from there, legal
 * or not, is then given to a real `PipelineExecutor` over real stages behind gates.
 *
 * Pinned: I1 and I2: every state is reached, every command is tried in every state, and the executor goes where the machine goes.
 */
import { describe, expect, test } from 'vitest';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { defineStage, IllegalCommandError } from 'xstate-pipeline';
import {
  createExecutorMachine,
  EXECUTOR_STATES,
  type ExecutorEvent,
  type ExecutorState,
  stageMachine,
} from '../../machines/index.js';
import { COMMANDS, type Command } from '../../src/executor/commands.js';
import { type Harness, harness, type Row } from '../support/runs.js';

const error = { name: 'Error', code: 'Error', message: 'broken' };
const facts = {
  rowsIn: 10,
  rowsOut: 10,
  malformed: 0,
  done: 1,
  source: { rows: 10 },
  stages: [],
  losses: { total: 0, named: [], reasons: [] },
};

/** What the world may answer, next to the commands: one batch, and the end. */
const WORLD: readonly ExecutorEvent[] = [
  { type: 'opened' },
  { type: 'source.batch', batch: 0, rows: 10, at: 0 },
  { type: 'stage.done', stage: 0, batch: 0 },
  { type: 'stage.failed', stage: 0, batch: 0, error },
  { type: 'source.end' },
  { type: 'sink.written', upTo: 0, facts },
  { type: 'sink.flushed', sink: { rows: 10 }, deadLetter: null, elapsedMs: 0 },
  { type: 'checkpoint.saved' },
  { type: 'sink.published' },
];

const machine = createExecutorMachine([{ name: 's', concurrency: 1, attempts: 1 }]);

/** A batch is read, passed on, written and committed once: answers to what was not asked are left out. */
function isAsked(
  event: ExecutorEvent,
  context: ReturnType<typeof machine.getInitialSnapshot>['context'],
): boolean {
  const { flow, window, next } = context;
  switch (event.type) {
    case 'source.batch':
      return flow.reading && next === 0;
    case 'source.end':
      return flow.reading && next === 1;
    case 'stage.done':
    case 'stage.failed':
      return window[0]?.at === 0;
    case 'sink.written':
      return flow.writing;
    case 'sink.flushed':
      return flow.committing && context.flushing !== null;
    case 'checkpoint.saved':
      return flow.committing && context.flushing === null;
    case 'sink.published':
      return flow.publishing;
    default:
      return true;
  }
}

const commands = COMMANDS.map((type) => ({ type }) as ExecutorEvent);

const paths = getShortestPaths(machine as never, {
  input: {} as never,
  events: ((snapshot: { context: never }) => [
    ...commands,
    ...WORLD.filter((event) => isAsked(event, snapshot.context)),
  ]) as never,
  limit: 5_000,
  serializeState: ((snapshot: {
    value: string;
    context: { flow: object; window: unknown; next: number; flushed: { batches: number } };
  }) =>
    JSON.stringify([
      snapshot.value,
      snapshot.context.flow,
      snapshot.context.window,
      snapshot.context.next,
      snapshot.context.flushed.batches,
    ])) as never,
}) as unknown as readonly {
  readonly state: { readonly value: ExecutorState };
  readonly steps: readonly {
    readonly event: ExecutorEvent;
    readonly state: { readonly value: ExecutorState };
  }[];
}[];

/** The commands of a path, with the states they lead to: what a real executor can be told. */
interface Walk {
  readonly moves: readonly { readonly command: Command; readonly from: ExecutorState }[];
  readonly fails: boolean;
  readonly end: ExecutorState;
}

function walkOf(path: (typeof paths)[number]): Walk {
  const moves: { command: Command; from: ExecutorState }[] = [];
  let from: ExecutorState = 'IDLE';
  for (const { event, state } of path.steps) {
    if ((COMMANDS as readonly string[]).includes(event.type)) {
      const command = event.type as Command;
      if (legalIn(from).includes(command)) moves.push({ command, from });
    }
    from = state.value;
  }
  const fails = path.steps.some(({ event }) => event.type === 'stage.failed');
  return { moves, fails, end: path.state.value };
}

/** Each path as it is, and with every further command that is legal at its end. */
const extended = paths.flatMap((path) => [
  path,
  ...legalIn(path.state.value).map((type) => {
    const [state] = transition(machine, path.state as never, { type });
    return { state, steps: [...path.steps, { event: { type }, state }] } as unknown as (typeof paths)[number];
  }),
]);

function legalIn(state: ExecutorState): Command[] {
  return COMMANDS.filter((command) => machine.states[state]?.ownEvents.some((event) => event === command));
}

/** Where a pause ends is the world's choice, when everything was let through before: such walks are not for a script. */
function isScripted({ moves, end }: Walk): boolean {
  const pauses = moves.filter(({ command }) => command === 'pause').length;
  const endsPausing = moves.at(-1)?.command === 'pause';
  return !(endsPausing && (end === 'COMPLETED' || (end === 'EXECUTING' && pauses > 1)));
}

/** One walk for each sequence of commands and end. */
const walks = [
  ...new Map(
    extended
      .map(walkOf)
      .filter(isScripted)
      .map((walk) => [JSON.stringify([walk.moves, walk.fails, walk.end]), walk] as const),
  ).values(),
];

const covered = new Set<string>();

describe('the paths of the machine', () => {
  test('they reach every state, and there are enough of them', () => {
    expect(new Set(paths.map(({ state }) => state.value))).toEqual(new Set(EXECUTOR_STATES));
    expect(walks.length).toBeGreaterThan(18);
  });

  test.each(walks.map((walk) => [nameOf(walk), walk] as const))('%s', async (_, walk) => {
    const world = scriptedExecutor(walk.fails);
    for (const { command, from } of walk.moves) {
      await world.reach(from);
      covered.add(`${from} ${command}`);
      world.send(command);
    }
    await world.reach(walk.end);
    for (const command of COMMANDS) {
      if (legalIn(walk.end).includes(command)) continue;
      covered.add(`${walk.end} ${command}`);
      await expect(world.issue(command)).rejects.toBeInstanceOf(IllegalCommandError);
      expect(world.harness.executor.state).toBe(walk.end);
    }
    await world.end();
  });

  test('every command was tried in every state', () => {
    const all = EXECUTOR_STATES.flatMap((state) => COMMANDS.map((command) => `${state} ${command}`));
    expect([...covered].sort()).toEqual(all.sort());
  });
});

test('the stage machine: every state is reached', () => {
  const stagePaths = getShortestPaths(stageMachine.provide({ actions: { report: () => {} } }) as never, {
    input: { name: 's', index: 0, concurrency: 1, attempts: 2 } as never,
    events: ((snapshot: { context: { queue: readonly unknown[] } }) => [
      ...(snapshot.context.queue.length === 0 ? [{ type: 'process', batch: 0 }] : []),
      { type: 'attempt.done', batch: 0, attempt: 1 },
      { type: 'attempt.done', batch: 0, attempt: 2 },
      { type: 'attempt.failed', batch: 0, attempt: 1, error, delayMs: 1, dueAt: 1 },
      { type: 'attempt.timedOut', batch: 0, attempt: 2, error, delayMs: 1, dueAt: 1 },
      { type: 'retry.due', batch: 0 },
      { type: 'abort' },
    ]) as never,
    limit: 5_000,
    serializeState: ((snapshot: {
      value: string;
      context: { queue: unknown; running: unknown; waiting: readonly unknown[] };
    }) => {
      const { queue, running, waiting } = snapshot.context;
      return JSON.stringify([snapshot.value, queue, running, waiting.length > 1 ? 2 : waiting.length]);
    }) as never,
  }) as unknown as readonly { readonly state: { readonly value: string } }[];
  const reached = new Set(stagePaths.map(({ state }) => state.value));
  expect([...reached].sort()).toEqual(Object.keys(stageMachine.states).sort());
});

function nameOf({ moves, fails, end }: Walk): string {
  const steps = moves.map(({ command, from }) => `${from} ${command}`);
  return `${steps.join(', ') || 'nothing'} → ${end}${fails ? ', with a stage that fails' : ''}`;
}

/** A real executor that stays where it is until it is let on: its source opens, and its stage answers, when told. */
function scriptedExecutor(fails: boolean) {
  let openSource = () => {};
  let letThrough = () => {};
  let sourceIsOpen = new Promise<void>((resolve) => {
    openSource = resolve;
  });
  let isLetThrough = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  let mayFail = fails;
  const h: Harness = harness(
    [
      defineStage({
        name: 's',
        process: async (rows: Row[]) => {
          await isLetThrough;
          if (mayFail) throw new Error('broken');
          return rows;
        },
      }),
    ],
    {
      source: {
        kind: 'gated',
        onMalformed: 'fail',
        describe: () => undefined,
        async open(at: { rows?: number } | undefined) {
          await sourceIsOpen;
          let position = at?.rows ?? 0;
          return {
            async read() {
              if (position >= 10) return undefined;
              position = 10;
              const rows = Array.from({ length: 10 }, (_, n) => ({ n }));
              return {
                size: 10,
                position: { rows: 10 },
                done: 10,
                decode: (row: (r: Row) => void) => rows.forEach(row),
              };
            },
            identity: async () => undefined,
            close: async () => {},
          };
        },
      } as never,
    },
  );
  const { executor } = h;
  const settled: Promise<unknown>[] = [];
  const until = (state: ExecutorState) =>
    new Promise<void>((resolve) => {
      const subscription = executor.state$.subscribe((now) => {
        if (now !== state) return;
        queueMicrotask(() => {
          subscription.unsubscribe();
          resolve();
        });
      });
    });
  const issue = (command: Command): Promise<unknown> =>
    command === 'execute' ? h.start() : executor[command]();
  return {
    harness: h,
    issue,
    send(command: Command): void {
      // From FAILED and IDLE on it goes well, so that the way leads on.
      if (command === 'resume' || (command === 'execute' && executor.state === 'FAILED')) mayFail = false;
      settled.push(issue(command).catch(() => {}));
    },
    async reach(state: ExecutorState): Promise<void> {
      if (executor.state === state) return;
      const there = until(state);
      if (state !== 'INITIALIZING') openSource();
      if (state === 'PAUSED' || state === 'COMPLETED' || state === 'FAILED') letThrough();
      await there;
    },
    async end(): Promise<void> {
      openSource();
      letThrough();
      if (executor.can('cancel')) await executor.cancel();
      sourceIsOpen = Promise.resolve();
      isLetThrough = Promise.resolve();
      await Promise.all(settled);
    },
  };
}
