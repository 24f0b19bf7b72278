/**
 * When to checkpoint, saving and loading, over any `CheckpointStorage`. The name and the members are the reference's.
 *
 * 1. (I6) One write in flight, the newest waiting; after a failed one nothing more is written for that session until it
 *    is locked anew.
 * 2. (I9) What is loaded went through `decodeCheckpoint` and the caller's own test; a damaged newest generation gives
 *    way to the one before it, with a warning, and a session without any good one is named, not hidden.
 * 3. (I10) Nothing is removed that somebody runs.
 * 4. (I14) The time is the injected clock's.
 */

import {
  CheckpointNotFoundError,
  CheckpointWriteError,
  CorruptCheckpointError,
  InvalidOptionError,
  messageOf,
  SessionLockedError,
} from '../errors.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { type CheckpointSummary, isSound, newestFirst, summaryOf } from './checkpoint-summary.js';
import { chooseCheckpoint, type LoadedCheckpoint } from './choose-checkpoint.js';
import { type Checkpoint, checkpointBytes, encodeCheckpoint } from './envelope.js';
import type { Journal } from './journal/journal.js';
import type { LockHandlers, SessionLock } from './lock/lock.js';
import { SaveLane } from './save-lane.js';
import { assertSessionId } from './session-id.js';
import type { CheckpointStorage } from './storage.js';
import type { InFlightMarker } from './storages/in-flight-marker.js';
import { withStoredPaths } from './stored-paths.js';

/** How often checkpoints are saved. */
export interface StateManagerOptions {
  /** Rows between checkpoints, from 1. Default 500. */
  readonly checkpointInterval?: number;
  /** Milliseconds after which a checkpoint is due though the rows are fewer; `false`: never by time. Default 5,000. */
  readonly checkpointEveryMs?: number | false;
  /** The system's unless told. */
  readonly clock?: Clock;
}

/** When checkpoints are due. */
export interface CheckpointRhythm {
  /** Rows. */
  readonly checkpointInterval: number;
  /** Milliseconds; `false` or undefined: never by time. */
  readonly checkpointEveryMs: number | false | undefined;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Keeps the checkpoints of sessions in a storage, and decides which of them can be trusted. */
export class StateManager {
  readonly storage: CheckpointStorage;
  /** Rows. */
  readonly checkpointInterval: number;
  /** Milliseconds; `false`: never by time; undefined: the run's default. */
  readonly checkpointEveryMs: number | false | undefined;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, SaveLane>();

  /**
   * @example new StateManager(lowdbStorage('.xstate-pipeline'), { checkpointInterval: 10_000 })
   * @throws {InvalidOptionError}
   */
  constructor(storage: CheckpointStorage, options: StateManagerOptions = {}) {
    const { checkpointInterval = 500, checkpointEveryMs, clock = systemClock } = options;
    if (!Number.isSafeInteger(checkpointInterval) || checkpointInterval < 1) {
      throw new InvalidOptionError('checkpointInterval is a whole number of rows, from 1.');
    }
    if (
      typeof checkpointEveryMs === 'number' &&
      !(checkpointEveryMs > 0 && Number.isFinite(checkpointEveryMs))
    ) {
      throw new InvalidOptionError('checkpointEveryMs is a number of milliseconds above 0.');
    }
    this.storage = storage;
    this.checkpointInterval = checkpointInterval;
    this.checkpointEveryMs = checkpointEveryMs;
    this.#clock = clock;
  }

  /** Whether a checkpoint is due: by rows or by time, whichever comes first. A run asks it every `checkpointEveryMs`.
   * @param settings of the run, where they differ from this object's. */
  shouldCheckpoint(rowsSinceLast: number, msSinceLast = 0, settings: CheckpointRhythm = this): boolean {
    if (rowsSinceLast >= settings.checkpointInterval) return true;
    const everyMs = settings.checkpointEveryMs ?? false;
    return everyMs !== false && rowsSinceLast > 0 && msSinceLast >= everyMs;
  }

  /**
   * Makes a checkpoint durable. While one is being written, only the newest of those that come waits; one that was
   * overtaken is saved when its successor is.
   *
   * @returns the bytes of what was written.
   * @throws {CheckpointWriteError} for good: later saves of the session are rejected too, until it is locked anew. Only
   * a checkpoint that is itself impossible (larger than 64 KB) leaves the others their chance.
   * @throws {SessionLockedError} when another process has written.
   */
  async saveCheckpoint(checkpoint: Checkpoint): Promise<{ readonly bytes: number }> {
    const { sessionId } = checkpoint;
    const text = encodeCheckpoint(withStoredPaths(checkpoint, this.storage.paths));
    let lane = this.#lanes.get(sessionId);
    if (lane === undefined) {
      lane = new SaveLane((next) => this.#write(sessionId, next));
      this.#lanes.set(sessionId, lane);
    }
    return { bytes: checkpointBytes(await lane.save(text)) };
  }

  /**
   * The newest checkpoint that can be trusted.
   *
   * @param accept throws to refuse a checkpoint whose snapshot it does not believe: the one before it is tried then.
   * @throws {CheckpointNotFoundError}
   * @throws {CorruptCheckpointError} with the reasons of every generation.
   */
  async loadCheckpoint(
    sessionId: string,
    accept: (checkpoint: Checkpoint) => void = () => {},
  ): Promise<LoadedCheckpoint> {
    assertSessionId(sessionId, this.storage.label);
    const stored = await this.storage.read(sessionId);
    if (stored === undefined) throw new CheckpointNotFoundError(sessionId, this.storage.label);
    return chooseCheckpoint(sessionId, stored, accept, this.storage.paths);
  }

  /** Whether there is a checkpoint to go on from: stored, sound and not of a completed run. */
  async canResume(sessionId: string): Promise<boolean> {
    try {
      return (await this.loadCheckpoint(sessionId)).checkpoint.state !== 'COMPLETED';
    } catch (error) {
      if (error instanceof CheckpointNotFoundError || error instanceof CorruptCheckpointError) return false;
      throw error;
    }
  }

  /** All stored sessions, newest first, those that cannot be used last. */
  async listCheckpoints(): Promise<readonly CheckpointSummary[]> {
    const summaries: CheckpointSummary[] = [];
    for (const sessionId of await this.storage.list()) {
      const summary = await this.#summary(sessionId);
      if (summary !== undefined) summaries.push(summary);
    }
    return summaries.sort(newestFirst);
  }

  /** Removes a session with its journal. No effect if there is none.
   * @param discard removes what the session wrote elsewhere; called by the owner, before anything is removed here.
   * @throws {SessionLockedError} if a process runs it. */
  async cleanupCheckpoints(sessionId: string, discard?: () => Promise<void>): Promise<void> {
    const lock = await this.lock(sessionId, {});
    try {
      await discard?.();
      await this.storage.remove(sessionId);
    } finally {
      await lock.release();
    }
  }

  /**
   * Removes the sessions that were last saved more than `days` ago, and those that were killed before their first
   * checkpoint. Not those that somebody runs, and not damaged ones, whose age nobody knows.
   *
   * @returns how many were removed.
   */
  async cleanupOldCheckpoints(days: number): Promise<number> {
    if (!(days >= 0))
      throw new InvalidOptionError('The age of checkpoints to remove is a number of days, from 0.');
    const before = this.#clock.now() - days * DAY_MS;
    let removed = 0;
    for (const sessionId of await this.storage.list()) {
      if (await this.#removeIfOlder(sessionId, before)) removed++;
    }
    return removed;
  }

  /** Becomes the owner of a session; a failure of its earlier owner's writes is forgotten with it.
   * @throws {SessionLockedError} */
  async lock(sessionId: string, handlers: LockHandlers): Promise<SessionLock> {
    const lock = await this.storage.lock(sessionId, handlers);
    this.#lanes.delete(sessionId);
    return lock;
  }

  /** What was in flight at the last death; undefined where nothing outlives the process. */
  async witness(sessionId: string): Promise<InFlightMarker | undefined> {
    return this.storage.witness?.(sessionId);
  }

  /** Opens the session's journal, for an owner of this epoch. */
  journal(sessionId: string, epoch: number): Promise<Journal> {
    return this.storage.journal(sessionId, epoch);
  }

  async #write(sessionId: string, text: string): Promise<void> {
    try {
      await this.storage.write(sessionId, text);
    } catch (cause) {
      if (cause instanceof SessionLockedError || cause instanceof CheckpointWriteError) throw cause;
      throw new CheckpointWriteError(
        `The checkpoint of session ${sessionId} could not be made durable in ${this.storage.label}: ${messageOf(cause)}. The earlier one is kept: mend that, then resume.`,
        { cause },
      );
    }
  }

  async #summary(sessionId: string): Promise<CheckpointSummary | undefined> {
    try {
      return summaryOf((await this.loadCheckpoint(sessionId)).checkpoint);
    } catch (error) {
      // Removed meanwhile, or never checkpointed.
      if (error instanceof CheckpointNotFoundError) return undefined;
      if (error instanceof CorruptCheckpointError)
        return { sessionId, state: 'CORRUPT', reasons: error.reasons };
      throw error;
    }
  }

  async #removeIfOlder(sessionId: string, before: number): Promise<boolean> {
    if (!isOlder(await this.#summary(sessionId), before)) return false;
    let lock: SessionLock;
    try {
      lock = await this.lock(sessionId, {});
    } catch (error) {
      if (error instanceof SessionLockedError) return false;
      throw error;
    }
    try {
      // Asked again as its owner: it may have been run between.
      if (!isOlder(await this.#summary(sessionId), before)) return false;
      await this.storage.remove(sessionId);
      return true;
    } finally {
      await lock.release();
    }
  }
}

/** @param summary undefined: there is no checkpoint, so nothing that could be resumed. */
function isOlder(summary: CheckpointSummary | undefined, before: number): boolean {
  return summary === undefined || (isSound(summary) && summary.savedAt < before);
}
