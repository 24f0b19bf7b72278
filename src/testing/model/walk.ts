/**
 * Walks one command path with a real executor over the user's own stages, and fails where it differs from the machine.
 *
 * At the end of the path, every illegal command is refused and changes nothing (I2). Then the process crashes. Another process
 * resumes: its output is that of an uninterrupted run (I7), and no durable batch is invoked again (I8). The crash is a `kill -9`,
 * which leaves bytes to truncate, or a power loss, which drops bytes without an fsync. A working process crashes at an operation
 * of the disk, another one for each path: batches are then read, journaled, written or half saved.
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
import { type CommandPath, legalIn } from './command-paths.js';
import { GatedSource } from './gated-source.js';

/** The crash at the end of a path. */
export interface WalkEnd {
  readonly powerLoss: boolean;
  /** Disk operations before the crash, if the process is working. */
  readonly operations: number;
}

export class Walk {
  readonly #source: GatedSource;
  readonly #test: TestExecutor<unknown>;
  /** A stage that can fail the run, also while it is pausing; undefined: the source fails. */
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

  /** @param end the crash. */
  async run(path: CommandPath, expected: unknown, end: WalkEnd): Promise<void> {
    let state: ExecutorState = 'IDLE';
    for (const step of path) {
      if (step.command !== undefined) this.#sendCommand(step.command);
      else {
        await this.#reachState(step.state);
        state = step.state;
      }
    }
    await this.#test.settle();
    strictEqual(
      this.#test.state,
      state,
      `at the end of the path the executor is ${this.#test.state}, not ${state}`,
    );
    await this.#assertIllegalRefused(state);
    const crash = await this.#crash(state, end);
    if (crash !== undefined) await this.#resumeAndFinish();
    deepStrictEqual(
      await outputOf(this.#test),
      expected,
      `the output is not that of an uninterrupted run, after the path${crash === undefined ? '' : `, ${crash} and a resume`}`,
    );
    if (this.#test.durableStages.length > 0) assertNoSecondInvocation(this.#test);
  }

  #sendCommand(command: Command): void {
    const { opening, reading } = this.#source;
    if (command === 'execute' || command === 'resume') {
      this.#isBreaking = false;
      this.#source.isBroken = false;
      opening.close();
      reading.close();
    }
    void this.#test[command]();
  }

  async #reachState(state: ExecutorState): Promise<void> {
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
    strictEqual(this.#test.state, state, `the executor is ${this.#test.state}, and the machine is ${state}`);
  }

  async #assertIllegalRefused(state: ExecutorState): Promise<void> {
    for (const command of COMMANDS) {
      const isLegal = legalIn(state).includes(command);
      strictEqual(this.#test.executor.can(command), isLegal, `can('${command}') in ${state}`);
      if (isLegal) continue;
      const answer = await Promise.race([
        this.#test[command]().then(
          () => 'accepted',
          (error: unknown) => (codeOf(error) === 'ILLEGAL_COMMAND' ? 'refused' : messageOf(error)),
        ),
        this.#test.settle().then(() => 'no answer'),
      ]);
      if (answer !== 'refused' || this.#test.state !== state)
        throw new AssertionError({
          message: `${command} in ${state} should be refused and change nothing. The state is ${this.#test.state}, and the command's answer was: ${answer}`,
        });
    }
  }

  /** @returns the crash in words; undefined: the run has completed. */
  async #crash(state: ExecutorState, { powerLoss, operations }: WalkEnd): Promise<string | undefined> {
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

  /** Another process resumes the session. */
  async #resumeAndFinish(): Promise<void> {
    const test = this.#test;
    this.#isBreaking = false;
    this.#source.isBroken = false;
    test.restart();
    this.#source.opening.open();
    this.#source.reading.open();
    strictEqual(await finishSession(test), undefined);
  }
}
