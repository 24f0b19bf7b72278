/**
 * One simulated process: an executor over a simulated disk, with its own scheduler, clock and locks. Only the disk survives.
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

/** How a process crashes: `kill` keeps all written bytes; `power` keeps the fsynced bytes and, by the seed, some of the rest. */
export type Crash = { readonly kind: 'kill' } | { readonly kind: 'power'; readonly seed: number | undefined };

export interface ProcessOptions {
  readonly plan: Plan;
  readonly golden: Golden;
  readonly ledger: Ledger;
  readonly disk: SimulatedDisk;
  readonly random: Random;
  readonly startMs: number;
  readonly newSessionId: () => string;
  /** Collects the transitions of the statecharts. */
  readonly transitions: Set<string>;
  /** Called at every announcement. @returns a crash to happen at once. */
  readonly crashAtPromise: () => Crash | undefined;
}

export class SimulatedProcess implements Workplace {
  readonly executor: PipelineExecutor;
  readonly stateManager: StateManager;
  readonly scheduler: Scheduler;
  readonly running = new Running();
  readonly checks: Checks;
  /** The disk of the next process; set by a crash. */
  diskAfterCrash: SimulatedDisk | undefined;
  /** Its disk has a planned fault. */
  isFaulty = false;
  /** Stages no longer wait: the run is to finish. */
  isCalm = false;
  #observed = 0;
  readonly #acquireLock = lockOf();

  constructor(readonly options: ProcessOptions) {
    const { plan, golden, ledger, disk, random, startMs, newSessionId } = options;
    this.scheduler = new Scheduler(random, startMs);
    this.stateManager = this.newStateManager();
    this.checks = new Checks(plan, golden, ledger, disk, () => this.executor);
    const transitions = new TransitionLog(options.transitions);
    const observe = (event: Parameters<Checks['checkEvent']>[0]) => {
      if (this.hasCrashed) return;
      this.#observed++;
      this.checks.checkEvent(event);
      const isPromise =
        event.type === 'batches.committed' || (event.type === 'batch.completed' && event.durable);
      const crash = isPromise ? options.crashAtPromise() : undefined;
      if (crash !== undefined) this.crash(crash);
    };
    const throwing = {
      next: () => {
        if (random() < 0.02) throw new Error('an observer that throws');
      },
    };
    const rejecting = {
      next: async () => {
        if (random() < 0.02) throw new Error('an observer that rejects');
      },
    };
    const observers = [throwing, { next: observe }, rejecting];
    this.executor = new PipelineExecutor(stagesOf(plan, this, this.running), this.stateManager, observers, {
      fileSystem: disk,
      clock: this.scheduler.clock,
      random,
      newSessionId,
      logger: silentLogger,
    });
    this.executor.state$.subscribe((state) => {
      transitions.follow(this.executor.actor);
      if (!this.hasCrashed) this.checks.checkStateChange(state);
    });
    let all = 0;
    this.executor.events$.subscribe(() => {
      if (this.hasCrashed) return;
      if (++all !== this.#observed)
        ledger.addViolation(`I11: an observer got ${this.#observed} of ${all} events`);
    });
  }

  get hasCrashed(): boolean {
    return this.diskAfterCrash !== undefined;
  }

  get disk(): SimulatedDisk {
    return this.options.disk;
  }

  get ledger(): Ledger {
    return this.options.ledger;
  }

  /** A state manager with this process's locks. */
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
        maxCrashes: plan.maxCrashes,
        ...(plan.sample !== undefined && { sample: plan.sample }),
      },
    };
  }

  turn(): Promise<void> {
    return this.scheduler.turn();
  }

  async waitSomeTurns(): Promise<void> {
    if (this.isCalm) return;
    for (let turns = Math.floor(this.options.random() * 4); turns > 0; turns--) await this.turn();
  }

  crash(crash: Crash): void {
    if (this.hasCrashed) return;
    const { disk, ledger } = this.options;
    ledger.trace.push(`crashes: ${JSON.stringify(crash)}`);
    this.diskAfterCrash = crash.kind === 'kill' ? disk.kill() : disk.crash(crash.seed);
    this.scheduler.end();
  }
}

/** Locks within one process; they end with it. */
function lockOf(): NonNullable<NonNullable<Parameters<typeof lowdbStorage>[1]>['acquireLock']> {
  const lock = memoryLock();
  return ({ sessionId, handlers }) => lock(sessionId, handlers);
}
