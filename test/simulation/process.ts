/**
 * One simulated process: an executor over a simulated disk, with its scheduler, its clock and its memory, all of which are
 * gone when it dies.
 */
import { memoryLock } from '../../src/checkpoint/lock/memory-lock.js';
import { PipelineExecutor, type PipelineLike, StateManager, silentLogger } from '../../src/index.js';
import { jsonl, lowdbStorage } from '../../src/node.js';
import type { Random } from '../../src/platform/clock.js';
import type { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { Checks, INPUT, OUTPUT, STATE } from './checks.js';
import type { Golden } from './golden.js';
import type { Ledger } from './ledger.js';
import type { Plan } from './plan.js';
import { Scheduler } from './scheduler.js';
import { Running, stagesOf, type Workplace } from './stages.js';
import { TransitionLog } from './transitions.js';

/** How a process ends: `kill` keeps what it wrote, `power` only what was fsynced and, by the seed, some of the rest. */
export type Death = { readonly kind: 'kill' } | { readonly kind: 'power'; readonly seed: number | undefined };

export interface ProcessOptions {
  readonly plan: Plan;
  readonly golden: Golden;
  readonly ledger: Ledger;
  readonly disk: SimulatedDisk;
  readonly random: Random;
  readonly startMs: number;
  readonly newSessionId: () => string;
  /** Where transitions of the statecharts are noted. */
  readonly transitions: Set<string>;
  /** Asked at every promise that is announced: to die at once? */
  readonly dieAtPromise: () => Death | undefined;
}

export class SimulatedProcess implements Workplace {
  readonly executor: PipelineExecutor;
  readonly stateManager: StateManager;
  readonly scheduler: Scheduler;
  readonly running = new Running();
  readonly checks: Checks;
  /** The disk as the next process finds it; set when this one is dead. */
  remains: SimulatedDisk | undefined;
  /** Something was done to its disk. */
  isFaulty = false;
  /** From here on nobody is slow: what is left is to finish. */
  isCalm = false;
  #told = 0;
  readonly #acquireLock = lockOf();

  constructor(readonly options: ProcessOptions) {
    const { plan, golden, ledger, disk, random, startMs, newSessionId } = options;
    this.scheduler = new Scheduler(random, startMs);
    this.stateManager = this.newStateManager();
    this.checks = new Checks(plan, golden, ledger, disk, () => this.executor);
    const transitions = new TransitionLog(options.transitions);
    const told = (event: Parameters<Checks['event']>[0]) => {
      if (this.isDead) return;
      this.#told++;
      this.checks.event(event);
      const isPromise =
        event.type === 'batches.committed' || (event.type === 'batch.completed' && event.durable);
      const death = isPromise ? options.dieAtPromise() : undefined;
      if (death !== undefined) this.die(death);
    };
    const hostile = {
      next: () => {
        if (random() < 0.02) throw new Error('an observer that throws');
      },
    };
    const rejecting = {
      next: async () => {
        if (random() < 0.02) throw new Error('an observer that rejects');
      },
    };
    const observers = [hostile, { next: told }, rejecting];
    this.executor = new PipelineExecutor(stagesOf(plan, this, this.running), this.stateManager, observers, {
      fileSystem: disk,
      clock: this.scheduler.clock,
      random,
      newSessionId,
      logger: silentLogger,
    });
    this.executor.state$.subscribe((state) => {
      transitions.follow(this.executor.actor);
      if (!this.isDead) this.checks.stateChanged(state);
    });
    let all = 0;
    this.executor.events$.subscribe(() => {
      if (this.isDead) return;
      if (++all !== this.#told)
        ledger.violated(`I11: an observer was told of ${this.#told} of ${all} events`);
    });
  }

  get isDead(): boolean {
    return this.remains !== undefined;
  }

  get disk(): SimulatedDisk {
    return this.options.disk;
  }

  get ledger(): Ledger {
    return this.options.ledger;
  }

  /** Of this process: the same locks. */
  newStateManager(): StateManager {
    const { disk, plan } = this.options;
    const storage = lowdbStorage(STATE, { fileSystem: disk, acquireLock: this.#acquireLock });
    return new StateManager(storage, {
      checkpointInterval: plan.checkpointInterval,
      clock: this.scheduler.clock,
    });
  }

  definition(): PipelineLike {
    const { plan } = this.options;
    return {
      name: 'simulated',
      source: jsonl(INPUT, { onMalformed: plan.onMalformed }),
      sink: jsonl(OUTPUT, { publish: plan.publish }),
      options: {
        batchSize: plan.batchSize,
        maxInFlight: plan.maxInFlight,
        checkpointEveryMs: plan.checkpointEveryMs,
        maxDeaths: plan.maxDeaths,
      },
    };
  }

  turn(): Promise<void> {
    return this.scheduler.turn();
  }

  async dawdle(): Promise<void> {
    if (this.isCalm) return;
    for (let turns = Math.floor(this.options.random() * 4); turns > 0; turns--) await this.turn();
  }

  die(death: Death): void {
    if (this.isDead) return;
    const { disk, ledger } = this.options;
    ledger.trace.push(`dies: ${JSON.stringify(death)}`);
    this.remains = death.kind === 'kill' ? disk.kill() : disk.crash(death.seed);
    this.scheduler.end();
  }
}

/** Locks among what runs in one process: they die with it. */
function lockOf(): NonNullable<NonNullable<Parameters<typeof lowdbStorage>[1]>['acquireLock']> {
  const lock = memoryLock();
  return ({ sessionId, handlers }) => lock(sessionId, handlers);
}
