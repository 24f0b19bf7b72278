/** One simulated process: an executor with its locks and its clock over a simulated disk. Only the disk survives a crash. */

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

/** Small: the rows of a test fill several journal files, so that trimming is tested as well. */
const JOURNAL_SEGMENT_BYTES = 600;

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
  readonly onEvent: (event: PipelineEvent) => void;
}

export class TestProcess<T> implements StageHost {
  readonly executor: PipelineExecutor<T>;
  readonly clock: ManualClock;
  #hasCrashed = false;
  #rejectCommands: (error: TestingError) => void = () => {};
  readonly #crashed: Promise<never>;

  constructor(private readonly options: TestProcessOptions) {
    const { disk, random, startMs, stages, newSessionId, onEvent, checkpointInterval } = options;
    this.clock = manualClock(startMs);
    this.#crashed = new Promise<never>((_, reject) => {
      this.#rejectCommands = reject;
    });
    this.#crashed.catch(() => {});
    // The locks belong to the process.
    const lock = memoryLock();
    const storage = lowdbStorage(STATE_DIRECTORY, {
      fileSystem: disk,
      journalSegmentBytes: JOURNAL_SEGMENT_BYTES,
      acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
    });
    const stateManager = new StateManager(storage, {
      clock: this.clock,
      ...(checkpointInterval === undefined ? {} : { checkpointInterval }),
    });
    const observer = { next: (event: PipelineEvent) => void (this.#hasCrashed || onEvent(event)) };
    this.executor = new PipelineExecutor<T>(stages.stagesFor(this), stateManager, [observer], {
      ...{ fileSystem: disk, clock: this.clock, random, newSessionId, logger: silentLogger },
    });
  }

  get number(): number {
    return this.options.number;
  }

  get disk(): SimulatedDisk {
    return this.options.disk;
  }

  get hasCrashed(): boolean {
    return this.#hasCrashed;
  }

  /** The outcome of a command; a crash rejects it. Never an unhandled rejection. */
  untilCrash<R>(command: () => Promise<R>): Promise<R> {
    if (this.#hasCrashed)
      return Promise.reject(new TestingError('The process has crashed: call restart() first.'));
    const outcome = Promise.race([command(), this.#crashed]);
    outcome.catch(() => {});
    return outcome;
  }

  /** Rejects open commands and ignores later events. */
  crash(): void {
    this.#hasCrashed = true;
    this.#rejectCommands(new TestingError('The process crashed before the command ended.'));
  }
}
