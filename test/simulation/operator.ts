/**
 * Whoever sits before a simulated process: begins and resumes runs, gives commands at any moment, legal or not, and holds
 * the executor to what it answers. (I2, I12, I16, I17)
 */
import { codeOf, IllegalCommandError, messageOf } from '../../src/errors.js';
import type { ExecutionResult } from '../../src/index.js';
import { LEGAL } from '../support/legal.js';
import { storedCheckpoint } from './checks.js';
import { resultProblem } from './outcome.js';
import type { SimulatedProcess } from './process.js';
import { sessionId, type World } from './world.js';

/** Beyond these a seed is let go on in peace. */
const MAX_COMMANDS = 12;
const MAX_LIVELY_STEPS = 3_000;

type CommandName = 'execute' | 'pause' | 'resume' | 'cancel';

/** What is awaited of an executor: a command's answer, or the end of a run. */
interface Awaited_ {
  readonly what: string;
  isSettled: boolean;
}

export class Operator {
  #run: Awaited_ | undefined;
  #awaited: Awaited_[] = [];

  constructor(
    private readonly process: SimulatedProcess,
    private readonly world: World,
  ) {}

  /** Where nobody but a user could make it go on, one does; elsewhere now and then. */
  act(): void {
    const { executor, scheduler } = this.process;
    const { world } = this;
    const isStuck = !scheduler.hasWork && executor.state !== 'EXECUTING' && executor.state !== 'INITIALIZING';
    const isBusy = this.#awaited.some(({ isSettled }) => !isSettled);
    if (this.#run === undefined || (isStuck && !isBusy)) {
      this.#goOn();
    } else if (world.commands < MAX_COMMANDS && this.#chance(world.plan.odds.command)) {
      // Sometimes two in one breath.
      do {
        world.commands++;
        this.#command();
      } while (this.#chance(0.25));
    }
    this.#awaited = this.#awaited.filter(({ isSettled }) => !isSettled);
    if (world.commands >= MAX_COMMANDS || world.steps > MAX_LIVELY_STEPS) this.process.isCalm = true;
  }

  /** What was not answered yet. */
  get openPromises(): string {
    const all = this.#run === undefined ? this.#awaited : [this.#run, ...this.#awaited];
    return all
      .filter(({ isSettled }) => !isSettled)
      .map(({ what }) => what)
      .join(', ');
  }

  #chance(odds: number): boolean {
    return this.world.random() < odds;
  }

  #violated(what: string): void {
    this.world.ledger.violated(what);
  }

  #goOn(): void {
    const { executor } = this.process;
    if (executor.state === 'PAUSED') this.#track(executor.resume());
    else if (executor.state === 'FAILED' && this.#chance(0.5)) this.#track(executor.resume());
    else if (executor.state === 'FAILED') this.#track(executor.execute(this.process.definition()));
    else if (executor.state === 'IDLE' && (this.#run === undefined || this.#run.isSettled)) this.#begin();
  }

  #begin(): void {
    const { executor, disk } = this.process;
    const { world } = this;
    this.#chooseSession();
    const { session } = world;
    const stored = session === undefined ? undefined : storedCheckpoint(disk, session);
    if (stored?.state === 'COMPLETED') {
      world.completed = 'before';
    } else if (stored !== undefined && session !== undefined) {
      this.#track(executor.resume(session, this.#chance(0.5) ? this.process.definition() : undefined));
    } else {
      if (session !== undefined && world.ledger.started.has(session))
        this.#violated(`I6: session ${session} had started, and is not stored`);
      this.#track(executor.execute(this.process.definition()));
    }
  }

  /** Now and then one that was left for another comes to be completed after all. */
  #chooseSession(): void {
    const { world } = this;
    if (world.sessions < 2 || !this.#chance(0.4)) return;
    const chosen = sessionId(1 + Math.floor(world.random() * world.sessions));
    if (storedCheckpoint(this.process.disk, chosen) !== undefined) world.session = chosen;
  }

  /** Follows a run to its end. */
  #track(promise: Promise<ExecutionResult>): void {
    const run: Awaited_ = { what: 'the run', isSettled: false };
    const { process, world } = this;
    this.#run = run;
    promise.then(
      (result) => {
        run.isSettled = true;
        if (process.isDead) return;
        world.completed = result;
        const problem = resultProblem(result, world);
        if (problem !== undefined) this.#violated(problem);
      },
      (error: unknown) => {
        run.isSettled = true;
        if (!process.isDead) this.#runFailed(error, run === this.#run);
      },
    );
  }

  /** @param isCurrent no other run was begun meanwhile. */
  #runFailed(error: unknown, isCurrent: boolean): void {
    const { golden, ledger } = this.world;
    const code = codeOf(error);
    ledger.trace.push(`the run ended: ${code} ${messageOf(error)}`);
    if (code === 'CANCELLED' || (code === 'ILLEGAL_COMMAND' && !isCurrent)) return;
    if (code === 'NO_USABLE_OUTPUT' && golden.isHopeless) {
      this.world.completed = 'hopeless';
      return;
    }
    const isOfStage = ['STAGE_FAILED', 'ROW_FAILED', 'STAGE_TIMEOUT'].includes(code);
    if (isOfStage && /refused|took longer/.test(messageOf(error))) return;
    const isOfDisk = OF_DISK.has(code);
    if (isOfDisk && (this.process.isFaulty || this.process.disk.isDead)) return;
    this.#violated(`I12: nothing explains ${error instanceof Error ? error.stack : String(error)}`);
  }

  #command(): void {
    const { executor } = this.process;
    const { plan, session, ledger, random } = this.world;
    const name = COMMANDS[Math.floor(random() * COMMANDS.length)] as CommandName;
    const { state } = executor;
    ledger.trace.push(`command ${name} in ${state}`);
    // A fresh session beside one that could be resumed: not where it would find its target begun by another.
    const isUnwise = state === 'IDLE' && (plan.publish === 'direct' || session === undefined);
    if (!LEGAL[state].includes(name)) this.#illegal(name);
    else if (name === 'pause') this.#pause();
    else if (name === 'cancel') this.#cancel();
    else if (name === 'resume') this.#track(executor.resume());
    else if (!isUnwise) this.#track(executor.execute(this.process.definition()));
  }

  /** I2: it throws, naming what is legal, and changes nothing. */
  #illegal(name: CommandName): void {
    const { executor } = this.process;
    const { state } = executor;
    const snapshot = () => JSON.stringify(executor.actor.getPersistedSnapshot());
    const before = snapshot();
    const promise: Promise<unknown> =
      name === 'execute' ? executor.execute(this.process.definition()) : executor[name]();
    if (executor.state !== state || snapshot() !== before)
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
    const { process, world } = this;
    const { executor } = process;
    const watch = this.#watch('the pause');
    const { commands } = world;
    const { sessionId: paused = '' } = executor;
    // A session that is paused again before it has begun announces nothing: what it had stored is committed all the same.
    const before = storedCheckpoint(process.disk, paused)?.snapshot.context.flushed.batches ?? 0;
    executor.pause().then(
      ({ sessionId: session, batches }) => {
        watch.isSettled = true;
        if (process.isDead) return;
        const stored = storedCheckpoint(process.disk, session);
        const covered = stored?.snapshot.context.flushed.batches ?? -1;
        // Unless something else was commanded in the moment between PAUSED and its checkpoint.
        const isUndisturbed = executor.state === 'PAUSED' && world.commands === commands;
        if (isUndisturbed && process.running.count > 0)
          this.#violated('I16: a receipt while a batch is being worked on');
        if (isUndisturbed && stored?.state !== 'PAUSED') this.#violated(`I16: stored is ${stored?.state}`);
        if (covered < batches)
          this.#violated(`I16: the receipt is for ${batches} batches, stored are ${covered}`);
        if (Math.max(before, world.ledger.committed(session)) < batches)
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
    const { process } = this;
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
}

/** The more interesting ones more often. */
const COMMANDS: readonly CommandName[] = [
  'execute',
  'execute',
  'pause',
  'pause',
  'resume',
  'cancel',
  'cancel',
];

/** What a run may end with when something is wrong with its disk. */
const OF_DISK = new Set([
  'SINK',
  'SOURCE',
  'CHECKPOINT_WRITE',
  'CORRUPT_CHECKPOINT',
  'STATE_DIRECTORY',
  'EIO',
  'ENOSPC',
]);
