/**
 * One seed, from the first process to the right output: processes begin, are commanded, fail, are killed and begin again,
 * until one of them completes; everything that the design promises is asserted on the way. (I1–I8, I11–I14, I16, I17, I19)
 */
import { seededRandom } from '../../src/clock.js';
import { codeOf, IllegalCommandError, messageOf } from '../../src/errors.js';
import type { ExecutionResult } from '../../src/index.js';
import { SimulatedDisk } from '../support/faulty-file-system.js';
import { DEAD_LETTERS, INPUT, LEGAL, OUTPUT, STATE, storedCheckpoint } from './checks.js';
import { type Golden, goldenOf } from './golden.js';
import { Ledger } from './ledger.js';
import { MAX_DEATHS, type Plan, planOf, ROW_MARK } from './plan.js';
import { type Death, SimulatedProcess } from './process.js';
import { settled } from './scheduler.js';

export interface SimulationOutcome {
  readonly seed: number;
  /** Broken invariants; none: all is well. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly plan: Plan;
  readonly figures: {
    readonly steps: number;
    readonly deaths: number;
    readonly commands: number;
    readonly faults: number;
    readonly operations: number;
    readonly invocations: number;
  };
}

export function simulate(seed: number): Promise<SimulationOutcome> {
  return new Simulation(seed).run();
}

const MAX_STEPS = 60_000;
/** Steps in which nothing but time moved, half a second each, before a run counts as hanging. */
const MAX_IDLE_STEPS = 300;
/** Beyond these a seed is let go on in peace. */
const MAX_COMMANDS = 12;
const MAX_FAULTS = 4;

/** What is awaited of an executor: a command's answer, or the end of a run. */
interface Awaited_ {
  readonly what: string;
  isSettled: boolean;
}

const sessionId = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

class Simulation {
  readonly #plan: Plan;
  readonly #golden: Golden;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  #disk: SimulatedDisk;
  #process!: SimulatedProcess;
  #sessions = 0;
  /** The session that is to be completed. */
  #session: string | undefined;
  #run: Awaited_ | undefined;
  #awaited: Awaited_[] = [];
  #completed: ExecutionResult | 'hopeless' | 'before' | undefined;
  #steps = 0;
  #deaths = 0;
  #commands = 0;
  #faults = 0;
  #operations = 0;

  constructor(readonly seed: number) {
    this.#plan = planOf(seed);
    this.#golden = goldenOf(this.#plan);
    this.#ledger = new Ledger(this.#plan);
    this.#random = seededRandom(seed ^ 0x5bd1e995);
    this.#disk = new SimulatedDisk({ turn: () => this.#process.turn() });
    const lines = this.#plan.input.map((row) => (row ? JSON.stringify(row) : `{"${ROW_MARK}`));
    this.#disk.put(INPUT, lines.map((line) => `${line}\n`).join(''));
    this.#disk.putDirectory(STATE);
  }

  async run(): Promise<SimulationOutcome> {
    try {
      while (this.#completed === undefined && this.#isSound) await this.#live();
      if (this.#isSound) this.#checkOutput();
    } catch (error) {
      this.#violated(`the simulation itself: ${error instanceof Error ? error.stack : error}`);
    }
    const { violations, trace, invocations } = this.#ledger;
    const figures = {
      steps: this.#steps,
      deaths: this.#deaths,
      commands: this.#commands,
      faults: this.#faults,
      operations: this.#operations,
      invocations,
    };
    return { seed: this.seed, violations, trace, plan: this.#plan, figures };
  }

  get #isSound(): boolean {
    return this.#ledger.violations.length === 0;
  }

  #violated(what: string): void {
    this.#ledger.violated(what);
  }

  #chance(odds: number): boolean {
    return this.#random() < odds;
  }

  /** One process, until it dies or has completed the run. */
  async #live(): Promise<void> {
    this.#run = undefined;
    this.#awaited = [];
    const process = this.#begin();
    while (this.#completed === undefined && this.#isSound && !process.isDead) {
      if (this.#steps++ > MAX_STEPS) return this.#violated(`no end after ${MAX_STEPS} steps`);
      this.#perhapsDie();
      if (!process.isDead) this.#perhapsCommand();
      await process.scheduler.step();
      if (this.#disk.isDead && !process.isDead) process.die(this.#death());
      if (process.isDead) break;
      process.checks.afterStep();
      if (this.#chance(0.02)) process.checks.snapshot();
      if (process.scheduler.idleSteps > MAX_IDLE_STEPS)
        this.#violated(`it hangs in ${process.executor.state}, awaiting ${this.#openPromises()}`);
    }
    this.#operations += this.#disk.operations.length;
    if (process.remains !== undefined) this.#disk = process.remains;
    // What the dead process was about to do runs into nothing.
    await settled();
  }

  #begin(): SimulatedProcess {
    this.#process = new SimulatedProcess({
      plan: this.#plan,
      golden: this.#golden,
      ledger: this.#ledger,
      disk: this.#disk,
      random: this.#random,
      startMs: 1_000_000 + this.#steps * 100,
      newSessionId: () => this.#newSession(),
      dieAtPromise: () =>
        this.#mayDie && this.#chance(4 * this.#plan.odds.death) ? this.#death() : undefined,
    });
    if (this.#faults < MAX_FAULTS && this.#chance(this.#plan.odds.fault)) this.#planFault();
    return this.#process;
  }

  #newSession(): string {
    this.#session = sessionId(++this.#sessions);
    return this.#session;
  }

  #planFault(): void {
    this.#faults++;
    this.#process.isFaulty = true;
    const at = 1 + Math.floor(this.#random() * 120);
    const code = this.#chance(0.5) ? 'EIO' : 'ENOSPC';
    const manner = this.#chance(0.5) ? 'short' : 'clean';
    this.#ledger.trace.push(`fault: ${code}, ${manner}, ${at} operations from here`);
    this.#disk.fail(at, code, manner);
  }

  get #mayDie(): boolean {
    return this.#deaths < MAX_DEATHS && this.#plan.odds.death > 0;
  }

  #death(): Death {
    this.#deaths++;
    if (this.#chance(0.4)) return { kind: 'kill' };
    return { kind: 'power', seed: this.#chance(0.3) ? undefined : Math.floor(this.#random() * 2 ** 31) };
  }

  #perhapsDie(): void {
    if (!this.#mayDie || !this.#chance(this.#plan.odds.death)) return;
    // In the middle of an operation to come, or between two.
    if (this.#chance(0.4)) this.#disk.cutAt(1 + Math.floor(this.#random() * 12));
    else this.#process.die(this.#death());
  }

  /** Where nobody but a user could make it go on, one does; elsewhere now and then. */
  #perhapsCommand(): void {
    const { executor, scheduler } = this.#process;
    const isStuck = !scheduler.hasWork && executor.state !== 'EXECUTING' && executor.state !== 'INITIALIZING';
    const isBusy = this.#awaited.some(({ isSettled }) => !isSettled);
    if (this.#run === undefined || (isStuck && !isBusy)) {
      this.#goOn();
    } else if (this.#commands < MAX_COMMANDS && this.#chance(this.#plan.odds.command)) {
      // Sometimes two in one breath.
      do {
        this.#commands++;
        this.#command();
      } while (this.#chance(0.2));
    }
    this.#awaited = this.#awaited.filter(({ isSettled }) => !isSettled);
    if (this.#commands >= MAX_COMMANDS || this.#steps > MAX_STEPS / 20) this.#process.isCalm = true;
  }

  #goOn(): void {
    const { executor } = this.#process;
    if (executor.state === 'PAUSED') this.#track(executor.resume());
    else if (executor.state === 'FAILED' && this.#chance(0.5)) this.#track(executor.resume());
    else if (executor.state === 'FAILED') this.#track(executor.execute(this.#process.definition()));
    else if (executor.state === 'IDLE' && (this.#run === undefined || this.#run.isSettled)) this.#beginRun();
  }

  #beginRun(): void {
    const { executor } = this.#process;
    this.#chooseSession();
    const stored = this.#session === undefined ? undefined : storedCheckpoint(this.#disk, this.#session);
    if (stored?.state === 'COMPLETED') {
      this.#completed = 'before';
    } else if (stored !== undefined && this.#session !== undefined) {
      const definition = this.#chance(0.5) ? this.#process.definition() : undefined;
      this.#track(executor.resume(this.#session, definition));
    } else {
      if (this.#session !== undefined && this.#ledger.started.has(this.#session))
        this.#violated(`I6: session ${this.#session} had started, and is not stored`);
      this.#track(executor.execute(this.#process.definition()));
    }
  }

  /** Now and then one that was left for another comes to be completed after all. */
  #chooseSession(): void {
    if (this.#sessions < 2 || !this.#chance(0.3)) return;
    const chosen = sessionId(1 + Math.floor(this.#random() * this.#sessions));
    if (storedCheckpoint(this.#disk, chosen) !== undefined) this.#session = chosen;
  }

  /** Follows a run to its end. */
  #track(promise: Promise<ExecutionResult>): void {
    const run: Awaited_ = { what: 'the run', isSettled: false };
    const { isDead } = this.#process;
    const owner = this.#process;
    this.#run = run;
    promise.then(
      (result) => {
        run.isSettled = true;
        if (isDead || owner.isDead) return;
        this.#completed = result;
        this.#checkResult(result);
      },
      (error: unknown) => {
        run.isSettled = true;
        if (!owner.isDead) this.#runFailed(error, owner, run === this.#run);
      },
    );
  }

  /** @param isCurrent no other run was begun meanwhile. */
  #runFailed(error: unknown, process: SimulatedProcess, isCurrent: boolean): void {
    const code = codeOf(error);
    this.#ledger.trace.push(`the run ended: ${code} ${messageOf(error)}`);
    if (code === 'CANCELLED' || (code === 'ILLEGAL_COMMAND' && !isCurrent)) return;
    if (code === 'NO_USABLE_OUTPUT' && this.#golden.isHopeless) {
      this.#completed = 'hopeless';
      return;
    }
    const isOfStage = /^(STAGE_FAILED|ROW_FAILED|STAGE_TIMEOUT)$/.test(code);
    if (isOfStage && /refused|took longer/.test(messageOf(error))) return;
    const isOfDisk = /^(SINK|SOURCE|CHECKPOINT_WRITE|STATE_DIRECTORY|EIO|ENOSPC|CORRUPT_CHECKPOINT)$/.test(
      code,
    );
    if (isOfDisk && (process.isFaulty || this.#disk.isDead)) return;
    this.#violated(`I12: nothing explains ${error instanceof Error ? error.stack : String(error)}`);
  }

  #command(): void {
    const { executor } = this.#process;
    const name = (['execute', 'pause', 'resume', 'cancel', 'pause', 'cancel'] as const)[
      Math.floor(this.#random() * 6)
    ] as 'execute' | 'pause' | 'resume' | 'cancel';
    const { state } = executor;
    const isLegal = LEGAL[state].includes(name);
    this.#ledger.trace.push(`command ${name} in ${state}`);
    // A fresh session beside one that could be resumed: not where it would find its target begun by another.
    const isRefused = state === 'IDLE' && (this.#plan.publish === 'direct' || this.#session === undefined);
    if (!isLegal) this.#illegal(name, state);
    else if (name === 'pause') this.#pause();
    else if (name === 'cancel') this.#cancel();
    else if (name === 'resume') this.#track(executor.resume());
    else if (!isRefused) this.#track(executor.execute(this.#process.definition()));
  }

  /** I2: it throws, naming what is legal, and changes nothing. */
  #illegal(name: 'execute' | 'pause' | 'resume' | 'cancel', state: keyof typeof LEGAL): void {
    const { executor } = this.#process;
    const before = JSON.stringify(executor.actor.getPersistedSnapshot());
    const promise: Promise<unknown> =
      name === 'execute' ? executor.execute(this.#process.definition()) : executor[name]();
    if (executor.state !== state || JSON.stringify(executor.actor.getPersistedSnapshot()) !== before)
      this.#violated(`I2: ${name} in ${state} changed something`);
    const watch = this.#watch(`the refusal of ${name}`);
    promise.then(
      () => this.#violated(`I2: ${name} in ${state} was taken`),
      (error: unknown) => {
        watch.isSettled = true;
        const isRight = error instanceof IllegalCommandError && String(error.legal) === String(LEGAL[state]);
        if (!isRight) this.#violated(`I2: ${name} in ${state} was refused with ${String(error)}`);
      },
    );
  }

  /** I16: when it resolves, all of the receipt is true. */
  #pause(): void {
    const process = this.#process;
    const { executor } = process;
    const watch = this.#watch('the pause');
    const commands = this.#commands;
    executor.pause().then(
      (receipt) => {
        watch.isSettled = true;
        if (process.isDead) return;
        const stored = storedCheckpoint(this.#disk, receipt.sessionId);
        // Unless something else was commanded in the moment between PAUSED and its checkpoint.
        const isUndisturbed = executor.state === 'PAUSED' && this.#commands === commands;
        if (isUndisturbed && process.running.count > 0)
          this.#violated('I16: a receipt while a batch is being worked on');
        if (isUndisturbed && stored?.state !== 'PAUSED') this.#violated(`I16: stored is ${stored?.state}`);
        if ((stored?.snapshot.context.flushed.batches ?? -1) < receipt.batches)
          this.#violated(
            `I16: the receipt covers ${receipt.batches} batches, stored is ${JSON.stringify(stored?.snapshot.context.flushed)}`,
          );
        if (receipt.batches > 0 && this.#ledger.committed(receipt.sessionId) < receipt.batches)
          this.#violated('I16: a receipt for batches that were not committed');
      },
      () => {
        watch.isSettled = true;
      },
    );
    if (executor.state !== 'EXECUTING' && executor.state !== 'PAUSED')
      this.#violated(`I16: pausing went to ${executor.state}`);
  }

  /** I17: at once, whoever is still at work. */
  #cancel(): void {
    const process = this.#process;
    const watch = this.#watch('the cancel');
    const promise = process.executor.cancel();
    if (process.executor.state !== 'IDLE') this.#violated(`I17: cancelled, and ${process.executor.state}`);
    if (process.running.count > 0) this.#violated('I17: cancelled, and a signal is not aborted');
    promise.then(
      () => {
        watch.isSettled = true;
      },
      (error: unknown) => {
        watch.isSettled = true;
        if (!process.isFaulty && !process.isDead) this.#violated(`I17: the cancel failed: ${String(error)}`);
      },
    );
  }

  #watch(what: string): Awaited_ {
    const watch = { what, isSettled: false };
    this.#awaited.push(watch);
    return watch;
  }

  #openPromises(): string {
    const run = this.#run === undefined || this.#run.isSettled ? [] : [this.#run];
    return [...run, ...this.#awaited.filter(({ isSettled }) => !isSettled)]
      .map(({ what }) => what)
      .join(', ');
  }

  /** I12: the figures are those of plain code. */
  #checkResult({ success, isComplete, metrics, errors }: ExecutionResult): void {
    const { losses, rowsOut, batches, tallies } = this.#golden;
    const expected = {
      success: true,
      isComplete: losses.length === 0,
      rowsIn: this.#plan.input.length,
      rowsOut,
      rowsFailed: losses.length,
      batches,
      lost: losses.map(([stage, batch, row]) => [this.#plan.stages[stage]?.name ?? 'source', batch, row]),
      stages: tallies.map((stage, i) => {
        const sum = (of: 'rowsIn' | 'rowsOut' | 'lost') => stage.reduce((all, tally) => all + tally[of], 0);
        const isSetAside = this.#plan.stages[i]?.onError === 'dead-letter';
        const lost = sum('lost');
        return [batches, sum('rowsIn'), sum('rowsOut'), isSetAside ? 0 : lost, isSetAside ? lost : 0];
      }),
    };
    const found = {
      success,
      isComplete,
      rowsIn: metrics.rowsIn,
      rowsOut: metrics.rowsOut,
      rowsFailed: metrics.rowsFailed,
      batches: metrics.batches,
      lost: errors.map(({ stage, batch, row }) => [stage, batch, row]),
      stages: metrics.stages.map((t) => [t.batches, t.rowsIn, t.rowsOut, t.skipped, t.deadLettered]),
    };
    if (JSON.stringify(found) !== JSON.stringify(expected))
      this.#violated(
        `I12: the result is ${JSON.stringify(found)}, and should be ${JSON.stringify(expected)}`,
      );
  }

  /** I7, I19: as it is, and as it is after the power went now. */
  #checkOutput(): void {
    const isHopeless = this.#completed === 'hopeless';
    if (this.#golden.isHopeless !== isHopeless) this.#violated('I12: a run without usable output succeeded');
    for (const disk of [this.#disk, this.#disk.crash(this.#chance(0.5) ? undefined : this.seed)]) {
      const expected = isHopeless && this.#plan.publish === 'rename' ? undefined : this.#golden.text;
      const output = disk.text(OUTPUT);
      if (output !== expected) this.#violated(`I7: the output is ${output}, and should be ${expected}`);
      if (isHopeless) continue;
      const lines = (disk.text(DEAD_LETTERS) ?? '').split('\n').slice(0, -1);
      const letters = lines.map((line) => {
        const { stage, batch, row } = JSON.parse(line) as { stage: string; batch: number; row: number };
        return [this.#plan.stages.findIndex(({ name }) => name === stage), batch, row];
      });
      if (JSON.stringify(letters) !== JSON.stringify(this.#golden.deadLetters))
        this.#violated(
          `I7: dead letters are ${JSON.stringify(letters)}, not ${JSON.stringify(this.#golden.deadLetters)}`,
        );
    }
  }
}
