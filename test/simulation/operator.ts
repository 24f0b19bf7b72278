/**
 * The operator of a simulated process: starts and resumes runs, gives legal and illegal commands at any moment, and checks
 * the answers (I2, I12, I16, I17).
 */
import { IllegalCommandError } from '../../src/errors.js';
import type { ExecutionResult } from '../../src/index.js';
import { codeOf, messageOf } from '../../src/platform/thrown.js';
import { LEGAL } from '../support/legal.js';
import { storedCheckpoint } from './checks.js';
import { resultProblem } from './outcome.js';
import type { SimulatedProcess } from './process.js';
import { sessionId, type World } from './world.js';

/** After these limits, the run is left to finish undisturbed. */
const MAX_COMMANDS = 12;
const MAX_DISTURBED_STEPS = 3_000;

type CommandName = 'execute' | 'pause' | 'resume' | 'cancel';

/** A pending promise of the executor: a command's answer or the end of a run. */
interface PendingPromise {
  readonly what: string;
  isSettled: boolean;
}

export class Operator {
  #run: PendingPromise | undefined;
  #awaited: PendingPromise[] = [];

  constructor(
    private readonly process: SimulatedProcess,
    private readonly world: World,
  ) {}

  /** Gives a command when the run needs one to continue, and at random otherwise. */
  act(): void {
    const { executor, scheduler } = this.process;
    const { world } = this;
    const isStuck = !scheduler.hasWork && executor.state !== 'EXECUTING' && executor.state !== 'INITIALIZING';
    const isBusy = this.#awaited.some(({ isSettled }) => !isSettled);
    if (this.#run === undefined || (isStuck && !isBusy)) {
      this.#continueRun();
    } else if (world.commands < MAX_COMMANDS && this.#chance(world.plan.odds.command)) {
      // Sometimes several in one turn.
      do {
        world.commands++;
        this.#giveCommand();
      } while (this.#chance(0.25));
    }
    this.#awaited = this.#awaited.filter(({ isSettled }) => !isSettled);
    if (world.commands >= MAX_COMMANDS || world.steps > MAX_DISTURBED_STEPS) this.process.isCalm = true;
  }

  /** The unsettled promises, for messages. */
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

  #addViolation(what: string): void {
    this.world.ledger.addViolation(what);
  }

  #continueRun(): void {
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
        this.#addViolation(`I6: session ${session} was started, and is not stored`);
      this.#track(executor.execute(this.process.definition()));
    }
  }

  /** Sometimes returns to an earlier, unfinished session. */
  #chooseSession(): void {
    const { world } = this;
    if (world.sessions < 2 || !this.#chance(0.4)) return;
    const chosen = sessionId(1 + Math.floor(world.random() * world.sessions));
    if (storedCheckpoint(this.process.disk, chosen) !== undefined) world.session = chosen;
  }

  /** Checks how a run ends. */
  #track(promise: Promise<ExecutionResult>): void {
    const run: PendingPromise = { what: 'the run', isSettled: false };
    const { process, world } = this;
    this.#run = run;
    promise.then(
      (result) => {
        run.isSettled = true;
        if (process.hasCrashed) return;
        world.completed = result;
        const problem = resultProblem(result, world);
        if (problem !== undefined) this.#addViolation(problem);
      },
      (error: unknown) => {
        run.isSettled = true;
        if (!process.hasCrashed) this.#runFailed(error, run === this.#run);
      },
    );
  }

  /** @param isCurrent no other run was started in the meantime. */
  #runFailed(error: unknown, isCurrent: boolean): void {
    const { golden, ledger } = this.world;
    const code = codeOf(error);
    ledger.trace.push(`the run ended: ${code} ${messageOf(error)}`);
    if (code === 'CANCELLED' || (code === 'ILLEGAL_COMMAND' && !isCurrent)) return;
    if (code === 'NO_USABLE_OUTPUT' && golden.isHopeless) {
      this.world.completed = 'hopeless';
      return;
    }
    const isStageError = ['STAGE_FAILED', 'ROW_FAILED', 'STAGE_TIMEOUT'].includes(code);
    if (isStageError && /refused|took longer/.test(messageOf(error))) return;
    const isDiskError = DISK_ERRORS.has(code);
    if (isDiskError && (this.process.isFaulty || this.process.disk.isOffline)) return;
    this.#addViolation(`I12: unexpected error ${error instanceof Error ? error.stack : String(error)}`);
  }

  #giveCommand(): void {
    const { executor } = this.process;
    const { plan, session, ledger, random } = this.world;
    const name = COMMANDS[Math.floor(random() * COMMANDS.length)] as CommandName;
    const { state } = executor;
    ledger.trace.push(`command ${name} in ${state}`);
    // A new session next to a resumable one is not possible when its target was started by another.
    const isRefused = state === 'IDLE' && (plan.publish === 'direct' || session === undefined);
    if (!LEGAL[state].includes(name)) this.#illegal(name);
    else if (name === 'pause') this.#pause();
    else if (name === 'cancel') this.#cancel();
    else if (name === 'resume') this.#track(executor.resume());
    else if (!isRefused) this.#track(executor.execute(this.process.definition()));
  }

  /** I2: an illegal command rejects, names the legal ones and changes nothing. */
  #illegal(name: CommandName): void {
    const { executor } = this.process;
    const { state } = executor;
    const snapshot = () => JSON.stringify(executor.actor.getPersistedSnapshot());
    const before = snapshot();
    const promise: Promise<unknown> =
      name === 'execute' ? executor.execute(this.process.definition()) : executor[name]();
    if (executor.state !== state || snapshot() !== before)
      this.#addViolation(`I2: ${name} in ${state} changed something`);
    const watch = this.#watch(`the refusal of ${name}`);
    promise.then(
      () => this.#addViolation(`I2: ${name} in ${state} was accepted`),
      (error: unknown) => {
        watch.isSettled = true;
        const isRight = error instanceof IllegalCommandError && String(error.legal) === String(LEGAL[state]);
        if (!isRight) this.#addViolation(`I2: ${name} in ${state} was refused with ${String(error)}`);
      },
    );
  }

  /** I16: when the pause resolves, its receipt is correct. */
  #pause(): void {
    const { process, world } = this;
    const { executor } = process;
    const watch = this.#watch('the pause');
    const { commands } = world;
    const { sessionId: paused = '' } = executor;
    // A session paused again before it starts announces nothing, but its stored batches are committed.
    const before = storedCheckpoint(process.disk, paused)?.snapshot.context.flushed.batches ?? 0;
    executor.pause().then(
      ({ sessionId: session, batches }) => {
        watch.isSettled = true;
        if (process.hasCrashed) return;
        const stored = storedCheckpoint(process.disk, session);
        const covered = stored?.snapshot.context.flushed.batches ?? -1;
        // Unless another command came between PAUSED and its checkpoint.
        const isUndisturbed = executor.state === 'PAUSED' && world.commands === commands;
        if (isUndisturbed && process.running.count > 0)
          this.#addViolation('I16: a receipt while a batch is in flight');
        if (isUndisturbed && stored?.state !== 'PAUSED')
          this.#addViolation(`I16: the stored state is ${stored?.state}`);
        if (covered < batches)
          this.#addViolation(`I16: the receipt covers ${batches} batches, the stored checkpoint ${covered}`);
        if (Math.max(before, world.ledger.committed(session)) < batches)
          this.#addViolation('I16: a receipt for batches that were not committed');
      },
      () => {
        watch.isSettled = true;
      },
    );
    if (executor.state !== 'EXECUTING' && executor.state !== 'PAUSED')
      this.#addViolation(`I16: pausing led to ${executor.state}`);
  }

  /** I17: a cancel takes effect at once, with any batches in flight. */
  #cancel(): void {
    const { process } = this;
    const watch = this.#watch('the cancel');
    const promise = process.executor.cancel();
    if (process.executor.state !== 'IDLE')
      this.#addViolation(`I17: cancelled, but the state is ${process.executor.state}`);
    if (process.running.count > 0) this.#addViolation('I17: cancelled, but a signal is not aborted');
    promise.then(
      () => {
        watch.isSettled = true;
      },
      (error: unknown) => {
        watch.isSettled = true;
        if (!process.isFaulty && !process.hasCrashed)
          this.#addViolation(`I17: the cancel failed: ${String(error)}`);
      },
    );
  }

  #watch(what: string): PendingPromise {
    const watch = { what, isSettled: false };
    this.#awaited.push(watch);
    return watch;
  }
}

/** Weighted: a command that stands twice is twice as frequent. */
const COMMANDS: readonly CommandName[] = [
  'execute',
  'execute',
  'pause',
  'pause',
  'resume',
  'cancel',
  'cancel',
];

/** Error codes of a run with a faulty disk. */
const DISK_ERRORS = new Set([
  'SINK',
  'SOURCE',
  'CHECKPOINT_WRITE',
  'CORRUPT_CHECKPOINT',
  'STATE_DIRECTORY',
  'EIO',
  'ENOSPC',
]);
