/**
 * One seed, from the first process to the expected output: processes start, get commands, fail, crash and restart until one
 * completes. All invariants are asserted on the way (I1–I8, I11–I14, I16, I17, I19).
 */
import { seededRandom } from '../../src/platform/clock.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { INPUT, STATE } from './checks.js';
import { goldenOf } from './golden.js';
import { Ledger } from './ledger.js';
import { Operator } from './operator.js';
import { outputProblems } from './outcome.js';
import { MAX_CRASHES, type Plan, planOf, ROW_MARK } from './plan.js';
import { type Crash, SimulatedProcess } from './process.js';
import { settled } from './scheduler.js';
import { sessionId, type World } from './world.js';

export interface SimulationOutcome {
  readonly seed: number;
  /** Broken invariants; empty: none. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly plan: Plan;
  /** Transitions of both statecharts, named as in `transitions.ts`. */
  readonly transitions: ReadonlySet<string>;
  readonly figures: {
    readonly steps: number;
    readonly crashes: number;
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
/** Consecutive idle steps after which a run counts as hanging: a limiter whose service refuses again and again waits for 30 s. */
const MAX_IDLE_STEPS = 3_000;
const MAX_FAULTS = 4;

class Simulation {
  readonly #world: World;
  readonly #transitions = new Set<string>();
  #disk: SimulatedDisk;
  #process!: SimulatedProcess;
  #crashes = 0;
  #faults = 0;
  #operations = 0;

  constructor(readonly seed: number) {
    const plan = planOf(seed);
    this.#world = {
      plan,
      golden: goldenOf(plan),
      ledger: new Ledger(plan),
      random: seededRandom(seed ^ 0x5bd1e995),
      session: undefined,
      sessions: 0,
      commands: 0,
      steps: 0,
      completed: undefined,
    };
    this.#disk = new SimulatedDisk({ turn: () => this.#process.turn() });
    const lines = plan.input.map((row) => (row ? JSON.stringify(row) : `{"${ROW_MARK}`));
    this.#disk.put(INPUT, lines.map((line) => `${line}\n`).join(''));
    this.#disk.putDirectory(STATE);
  }

  async run(): Promise<SimulationOutcome> {
    const { plan, ledger } = this.#world;
    try {
      while (this.#isUnderWay) await this.#runProcess();
      if (ledger.violations.length === 0) this.#checkOutput();
    } catch (error) {
      ledger.addViolation(`the simulation itself: ${error instanceof Error ? error.stack : error}`);
    }
    const { violations, trace, invocations } = ledger;
    const { steps, commands } = this.#world;
    const figures = {
      ...{ steps, commands, invocations },
      ...{ crashes: this.#crashes, faults: this.#faults, operations: this.#operations },
    };
    return { seed: this.seed, violations, trace, plan, transitions: this.#transitions, figures };
  }

  get #isUnderWay(): boolean {
    return this.#world.completed === undefined && this.#world.ledger.violations.length === 0;
  }

  #chance(odds: number): boolean {
    return this.#world.random() < odds;
  }

  /** Runs one process until it crashes or completes the run. */
  async #runProcess(): Promise<void> {
    const world = this.#world;
    const process = this.#begin();
    const operator = new Operator(process, world);
    while (this.#isUnderWay && !process.hasCrashed) {
      if (world.steps++ > MAX_STEPS) world.ledger.addViolation(`not finished after ${MAX_STEPS} steps`);
      this.#maybeCrash();
      if (!process.hasCrashed) operator.act();
      await process.scheduler.step();
      if (this.#disk.isOffline && !process.hasCrashed) process.crash(this.#newCrash());
      if (process.hasCrashed) break;
      process.checks.checkStep();
      if (this.#chance(0.02)) process.checks.checkSnapshot();
      if (process.scheduler.idleSteps > MAX_IDLE_STEPS)
        world.ledger.addViolation(
          `the run hangs in ${process.executor.state}, waiting for ${operator.openPromises}`,
        );
    }
    this.#operations += this.#disk.operations.length;
    if (process.diskAfterCrash !== undefined) this.#disk = process.diskAfterCrash;
    // Pending work of the crashed process has no effect.
    await settled();
  }

  #begin(): SimulatedProcess {
    const world = this.#world;
    this.#process = new SimulatedProcess({
      plan: world.plan,
      golden: world.golden,
      ledger: world.ledger,
      random: world.random,
      disk: this.#disk,
      transitions: this.#transitions,
      startMs: 1_000_000 + world.steps * 100,
      newSessionId: () => {
        world.session = sessionId(++world.sessions);
        return world.session;
      },
      crashAtPromise: () =>
        this.#mayCrash && this.#chance(4 * world.plan.odds.crash) ? this.#newCrash() : undefined,
    });
    if (this.#faults < MAX_FAULTS && this.#chance(world.plan.odds.fault)) this.#planFault();
    return this.#process;
  }

  #planFault(): void {
    this.#faults++;
    this.#process.isFaulty = true;
    const at = 1 + Math.floor(this.#world.random() * 120);
    const code = this.#chance(0.5) ? 'EIO' : 'ENOSPC';
    const manner = this.#chance(0.5) ? 'short' : 'clean';
    this.#world.ledger.trace.push(`fault: ${code}, ${manner}, in ${at} operations`);
    this.#disk.fail(at, code, manner);
  }

  get #mayCrash(): boolean {
    return this.#crashes < MAX_CRASHES && this.#world.plan.odds.crash > 0;
  }

  #newCrash(): Crash {
    this.#crashes++;
    if (this.#chance(0.4)) return { kind: 'kill' };
    const seed = this.#chance(0.3) ? undefined : Math.floor(this.#world.random() * 2 ** 31);
    return { kind: 'power', seed };
  }

  #maybeCrash(): void {
    if (!this.#mayCrash || !this.#chance(this.#world.plan.odds.crash)) return;
    // During one of the next operations, or between two.
    if (this.#chance(0.4)) this.#disk.cutAt(1 + Math.floor(this.#world.random() * 12));
    else this.#process.crash(this.#newCrash());
  }

  /** Checks the disk as it is, and after a power loss now. */
  #checkOutput(): void {
    for (const disk of [this.#disk, this.#disk.crash(this.#chance(0.5) ? undefined : this.seed)]) {
      for (const problem of outputProblems(disk, this.#world)) this.#world.ledger.addViolation(problem);
    }
  }
}
