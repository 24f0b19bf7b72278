/**
 * Walks one trail with a real executor over the user's own stages, and says where it goes another way than the machine.
 *
 * At the end of each trail: every command that is not legal there is refused and changes nothing (I2); then the process dies,
 * and what another one makes of the session is the output of an uninterrupted run (I7), without a durable batch being paid for
 * again (I8). It dies in two ways, by `kill -9` and with the power: one leaves what should be cut, the other takes what was not
 * fsynced. Where it is at work, it goes on to work until some operation of the disk, another one for each trail, so that it dies
 * with batches in all conditions: read, journaled, written, half saved.
 */
import { AssertionError, deepStrictEqual, strictEqual } from 'node:assert';
import type { ExecutorState } from '../../../machines/context.js';
import { COMMANDS, type Command } from '../../executor/commands.js';
import { toSource } from '../../executor/endpoints/endpoints.js';
import type { Pipeline } from '../../executor/pipeline.js';
import { codeOf, messageOf } from '../../platform/thrown.js';
import { assertNoSecondInvocation } from '../assertions.js';
import type { TestExecutorOptions } from '../executor/options.js';
import { finishSession, LONG_MS, outputOf, workToEnd } from '../executor/run-to-end.js';
import { fail, type StageScript, succeed } from '../executor/stage-outcomes.js';
import { createTestExecutor, type TestExecutor } from '../executor/test-executor.js';
import { GatedSource } from './gated-source.js';
import { legalIn, type CommandPath } from './trails.js';

/** How a process dies at the end of a trail. */
export interface WalkEnd {
  readonly powerLoss: boolean;
  /** Operations of the disk that it is let do before, where it is at work. */
  readonly operations: number;
}

export class Walk {
  readonly #source: GatedSource;
  readonly #test: TestExecutor<unknown>;
  /** A stage that can fail a run, also while it is pausing: no other attempt follows. Without one, the source fails. */
  readonly #breakable: string | undefined;
  #isBreaking = false;

  constructor(pipeline: Pipeline<unknown>, options: TestExecutorOptions) {
    this.#source = new GatedSource(toSource(pipeline.source));
    const script = options.script ?? {};
    this.#breakable = pipeline.stages.find(
      ({ name, onError, retry }) => onError === 'fail' && retry.attempts === 1 && script[name] === undefined,
    )?.name;
    const isBreaking = () => this.#isBreaking;
    const breaking: StageScript = {
      get otherwise() {
        return isBreaking() ? fail('The stage fails, because this path says so.') : succeed();
      },
    };
    this.#test = createTestExecutor<unknown>(
      { ...pipeline, source: this.#source },
      {
        ...options,
        script: { ...script, ...(this.#breakable === undefined ? {} : { [this.#breakable]: breaking }) },
      },
    );
  }

  /** @param end how the process dies. */
  async run(trail: CommandPath, expected: unknown, end: WalkEnd): Promise<void> {
    let state: ExecutorState = 'IDLE';
    for (const step of trail) {
      if (step.command !== undefined) this.#send(step.command);
      else {
        await this.#reach(step.state);
        state = step.state;
      }
    }
    await this.#test.settle();
    strictEqual(this.#test.state, state, `at the end of the path it is ${this.#test.state}, not ${state}`);
    await this.#refuses(state);
    const death = await this.#die(state, end);
    if (death !== undefined) await this.#finish();
    deepStrictEqual(
      await outputOf(this.#test),
      expected,
      `the output is not that of an uninterrupted run, after the path${death === undefined ? '' : `, ${death} and a resume`}`,
    );
    if (this.#test.durableStages.length > 0) assertNoSecondInvocation(this.#test);
  }

  #send(command: Command): void {
    const { opening, reading } = this.#source;
    if (command === 'execute' || command === 'resume') {
      this.#isBreaking = false;
      this.#source.isBroken = false;
      opening.close();
      reading.close();
    }
    void this.#test[command]();
  }

  async #reach(state: ExecutorState): Promise<void> {
    const { opening, reading } = this.#source;
    if (this.#test.state === state) return;
    if (state === 'FAILED') {
      if (this.#breakable === undefined || this.#test.state === 'INITIALIZING') this.#source.isBroken = true;
      else this.#isBreaking = true;
    }
    for (let tries = 0; tries < 1_000 && this.#test.state !== state; tries++) {
      if (state !== 'INITIALIZING') opening.open();
      if (state === 'COMPLETED' || state === 'FAILED') reading.open();
      if (state === 'PAUSED') reading.letThrough();
      await this.#test.settle();
      if (this.#test.state !== state && tries > 2) await this.#test.advance(LONG_MS);
    }
    strictEqual(this.#test.state, state, `it is ${this.#test.state} where the machine is ${state}`);
  }

  async #refuses(state: ExecutorState): Promise<void> {
    for (const command of COMMANDS) {
      const isLegal = legalIn(state).includes(command);
      strictEqual(this.#test.executor.can(command), isLegal, `can('${command}') in ${state}`);
      if (isLegal) continue;
      const answer = await Promise.race([
        this.#test[command]().then(
          () => 'taken',
          (error: unknown) => (codeOf(error) === 'ILLEGAL_COMMAND' ? 'refused' : messageOf(error)),
        ),
        this.#test.settle().then(() => 'no answer'),
      ]);
      if (answer !== 'refused' || this.#test.state !== state)
        throw new AssertionError({
          message: `${command} in ${state} should be refused and change nothing; it is ${this.#test.state} now, and the command came to: ${answer}`,
        });
    }
  }

  /** @returns how, in words; undefined: it has completed. */
  async #die(state: ExecutorState, { powerLoss, operations }: WalkEnd): Promise<string | undefined> {
    const test = this.#test;
    if (state === 'COMPLETED') return undefined;
    const isAtWork = state === 'EXECUTING' || state === 'INITIALIZING';
    if (isAtWork) {
      test.disk.cutAt(operations);
      this.#source.opening.open();
      this.#source.reading.open();
      await workToEnd(test);
      if (test.state === 'COMPLETED') return undefined;
    }
    test.crash({ powerLoss });
    return `${isAtWork ? `${operations} more operations of the disk, ` : ''}${powerLoss ? 'a power loss' : 'a kill -9'}`;
  }

  /** Another process takes over from wherever this one was. */
  async #finish(): Promise<void> {
    const test = this.#test;
    this.#isBreaking = false;
    this.#source.isBroken = false;
    test.restart();
    this.#source.opening.open();
    this.#source.reading.open();
    strictEqual(await finishSession(test), undefined);
  }
}
