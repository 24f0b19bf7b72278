/**
 * One simulated process: an executor with its locks and its clock over a simulated disk. When it dies, nothing of it but the
 * disk goes on.
 */

import { resolve } from 'node:path';
import { memoryLock } from '../../checkpoint/lock/memory-lock.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY } from '../../checkpoint/storages/state-directory.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import type { PipelineEvent } from '../../observers/events.js';
import type { Random } from '../../platform/clock.js';
import { silentLogger } from '../../platform/logger.js';
import type { SimulatedDisk } from '../disk/simulated-disk.js';
import { TestingError } from '../errors.js';
import { type ManualClock, manualClock } from '../manual-clock.js';
import type { ScriptedStages, StageHost } from './scripted-stages.js';

export const STATE_DIRECTORY = resolve(DEFAULT_STATE_DIRECTORY);

export interface TestProcessOptions {
  /** From 1. */
  readonly number: number;
  readonly disk: SimulatedDisk;
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  /** Rows. */
  readonly checkpointInterval: number | undefined;
  readonly stages: ScriptedStages;
  readonly newSessionId: () => string;
  readonly told: (event: PipelineEvent) => void;
}

export class TestProcess<T> implements StageHost {
  readonly executor: PipelineExecutor<T>;
  readonly clock: ManualClock;
  #isDead = false;
  #die: (error: TestingError) => void = () => {};
  readonly #died: Promise<never>;

  constructor(private readonly options: TestProcessOptions) {
    const { disk, random, startMs, stages, newSessionId, told, checkpointInterval } = options;
    this.clock = manualClock(startMs);
    this.#died = new Promise<never>((_, reject) => {
      this.#die = reject;
    });
    this.#died.catch(() => {});
    // Locks die with the process.
    const lock = memoryLock();
    const storage = lowdbStorage(STATE_DIRECTORY, {
      fileSystem: disk,
      acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
    });
    const stateManager = new StateManager(storage, {
      clock: this.clock,
      ...(checkpointInterval === undefined ? {} : { checkpointInterval }),
    });
    const observer = { next: (event: PipelineEvent) => void (this.#isDead || told(event)) };
    this.executor = new PipelineExecutor<T>(stages.of(this), stateManager, [observer], {
      ...{ fileSystem: disk, clock: this.clock, random, newSessionId, logger: silentLogger },
    });
  }

  get number(): number {
    return this.options.number;
  }

  get disk(): SimulatedDisk {
    return this.options.disk;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** What a command came to; a crash ends the waiting. Never an unhandled rejection. */
  outcomeOf<R>(command: () => Promise<R>): Promise<R> {
    if (this.#isDead)
      return Promise.reject(new TestingError('The process has crashed: call restart() first.'));
    const outcome = Promise.race([command(), this.#died]);
    outcome.catch(() => {});
    return outcome;
  }

  /** @param remains the disk as the next process finds it. */
  die(): void {
    this.#isDead = true;
    this.#die(new TestingError('The process crashed before the command had ended.'));
  }
}
