/**
 * Every command in every state, legal and illegal (I2).
 *
 * Pinned: a command that the state does not take throws `IllegalCommandError` naming state, command and what is legal,
 * and changes nothing; `can` answers the same without throwing.
 */
import { describe, expect, test } from 'vitest';
import { CheckpointNotFoundError, defineStage, IllegalCommandError } from 'xstate-pipeline';
import { EXECUTOR_STATES, type ExecutorState } from '../../machines/index.js';
import { COMMANDS, type Command } from '../../src/executor/commands.js';
import { LEGAL } from '../support/legal.js';
import { gate, type Harness, harness, type Row } from '../support/runs.js';

/** How the real executor is brought into each state, to stay there. */
const reach: Record<ExecutorState, () => Promise<Harness>> = {
  async IDLE() {
    return harness([pass()]);
  },
  async INITIALIZING() {
    const h = harness([pass()], { source: neverOpening() });
    h.start();
    return h;
  },
  async EXECUTING() {
    const { opened } = gate();
    const h = harness([waiting(opened)]);
    const started = h.event('batch.started');
    h.start();
    await started;
    return h;
  },
  async PAUSED() {
    const door = gate();
    const h = harness([waiting(door.opened)]);
    const started = h.event('batch.started');
    h.start();
    await started;
    const paused = h.executor.pause();
    door.open();
    await paused;
    return h;
  },
  async COMPLETED() {
    const h = harness([pass()]);
    await h.start();
    return h;
  },
  async FAILED() {
    const h = harness([
      defineStage({
        name: 's',
        process: () => {
          throw new Error('no');
        },
      }),
    ]);
    await h.start().catch(() => {});
    return h;
  },
};

describe.each([...EXECUTOR_STATES])('in %s', (state) => {
  test.each([...COMMANDS])('%s', async (command) => {
    const h = await reach[state]();
    expect(h.executor.state).toBe(state);
    const legal = LEGAL[state];
    expect(h.executor.can(command)).toBe(legal.includes(command));
    if (legal.includes(command)) {
      issue(h, command).catch(() => {});
      expect(h.executor.state !== state || command === 'pause').toBe(true);
      return;
    }
    const error = await issue(h, command).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(IllegalCommandError);
    expect(error).toMatchObject({ code: 'ILLEGAL_COMMAND', command, state, legal });
    const names = legal.length === 0 ? 'nothing' : legal.join(', ');
    expect((error as Error).message).toBe(`Cannot ${command} while ${state}: legal now: ${names}.`);
    expect(h.executor.state).toBe(state);
  });

  test('resume of a session that is not this one', async () => {
    const h = await reach[state]();
    const error = state === 'IDLE' ? CheckpointNotFoundError : IllegalCommandError;
    await expect(h.executor.resume('00000000-0000-4000-8000-000000000000')).rejects.toThrow(error);
    expect(h.executor.state).toBe(state);
  });
});

function issue({ executor, sink }: Harness, command: Command): Promise<unknown> {
  if (command === 'execute') return executor.execute({ name: 'test', source: [{ n: 1 }], sink });
  return executor[command]();
}

const pass = () => defineStage({ name: 's', process: (rows: Row[]) => rows });

const waiting = (opened: Promise<void>) =>
  defineStage({
    name: 's',
    process: async (rows: Row[]) => {
      await opened;
      return rows;
    },
  });

function neverOpening() {
  return {
    kind: 'never',
    onMalformed: 'fail',
    describe: () => undefined,
    open: () => new Promise(() => {}),
  } as unknown as Iterable<Row>;
}
