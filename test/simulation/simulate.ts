/**
 * One seed, from the first process to the right output: processes begin, are commanded, fail, are killed and begin again,
 * until one of them completes; everything that the design promises is asserted on the way. (I1–I8, I11–I14, I16, I17, I19)
 */
import { seededRandom } from '../../src/platform/clock.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { INPUT, STATE } from './checks.js';
import { goldenOf } from './golden.js';
import { Ledger } from './ledger.js';
import { Operator } from './operator.js';
import { outputProblems } from './outcome.js';
import { MAX_DEATHS, type Plan, planOf, ROW_MARK } from './plan.js';
import { type Death, SimulatedProcess } from './process.js';
import { settled } from './scheduler.js';
import { sessionId, type World } from './world.js';

export interface SimulationOutcome {
  readonly seed: number;
  /** Broken invariants; none: all is well. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly plan: Plan;
  /** Of both statecharts, as `transitions.ts` names them. */
  readonly transitions: ReadonlySet<string>;
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
/** Timers that may go off in a row, with nobody at work in between, before a run counts as hanging. */
const MAX_IDLE_STEPS = 300;
const MAX_FAULTS = 4;

class Simulation {
  readonly #world: World;
  readonly #transitions = new Set<string>();
  #disk: SimulatedDisk;
  #process!: SimulatedProcess;
  #deaths = 0;
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
      while (this.#isUnderWay) await this.#live();
      if (ledger.violations.length === 0) this.#checkOutput();
    } catch (error) {
      ledger.violated(`the simulation itself: ${error instanceof Error ? error.stack : error}`);
    }
    const { violations, trace, invocations } = ledger;
    const { steps, commands } = this.#world;
    const figures = {
      ...{ steps, commands, invocations },
      ...{ deaths: this.#deaths, faults: this.#faults, operations: this.#operations },
    };
    return { seed: this.seed, violations, trace, plan, transitions: this.#transitions, figures };
  }

  get #isUnderWay(): boolean {
    return this.#world.completed === undefined && this.#world.ledger.violations.length === 0;
  }

  #chance(odds: number): boolean {
    return this.#world.random() < odds;
  }

  /** One process, until it dies or has completed the run. */
  async #live(): Promise<void> {
    const world = this.#world;
    const process = this.#begin();
    const operator = new Operator(process, world);
    while (this.#isUnderWay && !process.isDead) {
      if (world.steps++ > MAX_STEPS) world.ledger.violated(`no end after ${MAX_STEPS} steps`);
      this.#perhapsDie();
      if (!process.isDead) operator.act();
      await process.scheduler.step();
      if (this.#disk.isDead && !process.isDead) process.die(this.#death());
      if (process.isDead) break;
      process.checks.afterStep();
      if (this.#chance(0.02)) process.checks.snapshot();
      if (process.scheduler.idleSteps > MAX_IDLE_STEPS)
        world.ledger.violated(`it hangs in ${process.executor.state}, awaiting ${operator.openPromises}`);
    }
    this.#operations += this.#disk.operations.length;
    if (process.remains !== undefined) this.#disk = process.remains;
    // What the dead process was about to do runs into nothing.
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
      dieAtPromise: () =>
        this.#mayDie && this.#chance(4 * world.plan.odds.death) ? this.#death() : undefined,
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
    this.#world.ledger.trace.push(`fault: ${code}, ${manner}, ${at} operations from here`);
    this.#disk.fail(at, code, manner);
  }

  get #mayDie(): boolean {
    return this.#deaths < MAX_DEATHS && this.#world.plan.odds.death > 0;
  }

  #death(): Death {
    this.#deaths++;
    if (this.#chance(0.4)) return { kind: 'kill' };
    const seed = this.#chance(0.3) ? undefined : Math.floor(this.#world.random() * 2 ** 31);
    return { kind: 'power', seed };
  }

  #perhapsDie(): void {
    if (!this.#mayDie || !this.#chance(this.#world.plan.odds.death)) return;
    // In the middle of an operation to come, or between two.
    if (this.#chance(0.4)) this.#disk.cutAt(1 + Math.floor(this.#world.random() * 12));
    else this.#process.die(this.#death());
  }

  /** As it is, and as it is after the power went now. */
  #checkOutput(): void {
    for (const disk of [this.#disk, this.#disk.crash(this.#chance(0.5) ? undefined : this.seed)]) {
      for (const problem of outputProblems(disk, this.#world)) this.#world.ledger.violated(problem);
    }
  }
}
