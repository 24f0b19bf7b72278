/**
 * Decides when to checkpoint; saves and loads checkpoints in any `CheckpointStorage`. Name and members are the reference's.
 *
 * 1. (I6) One write in flight, the newest waiting. After a failed write, nothing is written for that session until it is
 *    locked again.
 * 2. (I9) A loaded checkpoint passed `decodeCheckpoint` and the caller's test. A damaged newest generation is replaced by
 *    the previous one, with a warning. A session without a usable generation is listed as corrupt.
 * 3. (I10) A session that a process runs is never removed.
 * 4. (I14) The time is the injected clock's.
 * 5. (I25) `newestCheckpoints`, `findNewest` and `removeOldest` read no more sessions than they need, however many are stored.
 */

import {
  CheckpointNotFoundError,
  CheckpointWriteError,
  CorruptCheckpointError,
  hasErrorCode,
  InvalidOptionError,
  StateDirectoryError,
} from '../errors.js';
import { optional, readOption, shape, whole, withDefault } from '../formats/shape.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { concurrently } from '../platform/concurrently.js';
import { messageOf } from '../platform/thrown.js';
import { type CheckpointSummary, isSound, newestFirst, summaryOf } from './checkpoint-summary.js';
import { chooseCheckpoint, type LoadedCheckpoint } from './choose-checkpoint.js';
import { type Checkpoint, checkpointBytes, encodeCheckpoint } from './envelope.js';
import type { Journal } from './journal/journal.js';
import type { LockHandlers, SessionLock } from './lock/lock.js';
import { SaveLane } from './save-lane.js';
import { assertSessionId, newestIdsFirst } from './session-id.js';
import type { StateLogs } from './state-logs/state-logs.js';
import type { CheckpointStorage } from './storage.js';
import type { InFlightMarker } from './storages/in-flight-marker.js';
import { withStoredPaths } from './stored-paths.js';

/** How often checkpoints are saved. */
export interface StateManagerOptions {
  /** Rows between checkpoints, from 1. Default 500. */
  readonly checkpointInterval?: number;
  /** Milliseconds after which a checkpoint is due though the rows are fewer; `false`: never by time. Default 5,000. */
  readonly checkpointEveryMs?: number | false;
  /** Default: the system's. */
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
/** Sessions that are read at once. */
const AT_ONCE = 32;
/** Sessions that one `removeOldest` looks at. */
const MAX_LOOKED_AT = 64;

/** @param summary undefined: there is no checkpoint, so nothing that could be resumed. */
type IsDue = (summary: CheckpointSummary | undefined, isRecorded: boolean) => boolean;

const rowsBetween = withDefault(whole(1, undefined, ' of rows'), 500);

/** The shape of `checkpointEveryMs`. A timer cannot wait longer. */
export const everyMs = shape(
  'a whole number of milliseconds from 1, or false',
  (value): value is number | false =>
    value === false || (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 31),
);

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
    const { checkpointInterval, checkpointEveryMs, clock = systemClock } = options;
    const of = 'StateManager';
    this.storage = storage;
    this.checkpointInterval = readOption(of, 'checkpointInterval', rowsBetween, checkpointInterval);
    this.checkpointEveryMs = readOption(of, 'checkpointEveryMs', optional(everyMs), checkpointEveryMs);
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
   * @returns what was written, and its bytes.
   * @throws {CheckpointWriteError} for good: later saves of the session are rejected too, until it is locked anew. Only
   * a checkpoint that is itself impossible (larger than 64 KB) leaves the others their chance.
   * @throws {SessionLockedError} when another process has written.
   */
  async saveCheckpoint(checkpoint: Checkpoint): Promise<{ readonly bytes: number; readonly text: string }> {
    const { sessionId } = checkpoint;
    const text = encodeCheckpoint(withStoredPaths(checkpoint, this.storage.paths));
    let lane = this.#lanes.get(sessionId);
    if (lane === undefined) {
      lane = new SaveLane((next) => this.#write(sessionId, next));
      this.#lanes.set(sessionId, lane);
    }
    const written = await lane.save(text);
    return { bytes: checkpointBytes(written), text: written };
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

  /** Whether a checkpoint can be resumed: stored, sound and not of a completed run. */
  async canResume(sessionId: string): Promise<boolean> {
    try {
      return (await this.loadCheckpoint(sessionId)).checkpoint.state !== 'COMPLETED';
    } catch (error) {
      if (error instanceof CheckpointNotFoundError || error instanceof CorruptCheckpointError) return false;
      throw error;
    }
  }

  /** One session as a list shows it; undefined: it has no checkpoint. */
  async readSummary(sessionId: string): Promise<CheckpointSummary | undefined> {
    try {
      return summaryOf(await this.#readNewest(sessionId));
    } catch (error) {
      // Removed meanwhile, or never checkpointed.
      if (error instanceof CheckpointNotFoundError) return undefined;
      if (error instanceof CorruptCheckpointError)
        return { sessionId, state: 'CORRUPT', reasons: error.reasons };
      if (error instanceof StateDirectoryError)
        return { sessionId, state: 'CORRUPT', reasons: [messageOf(error)], isUnreadable: true };
      throw error;
    }
  }

  /** All stored sessions, newest first, those that cannot be used last. */
  async listCheckpoints(): Promise<readonly CheckpointSummary[]> {
    return this.#summaries(await this.storage.list());
  }

  /** The sessions that were started last, newest first; the cost does not grow with what is stored (I25).
   * @param limit how many sessions are read at most. */
  async newestCheckpoints(limit = 32): Promise<readonly CheckpointSummary[]> {
    return this.#summaries(newestIdsFirst(await this.storage.list()).slice(0, limit));
  }

  /** The newest session that fits: of the 32 that were started last, the one that was saved last. Older ones are read only if none of
   * these fits (I25). */
  async findNewest<S extends CheckpointSummary>(
    fits: (summary: CheckpointSummary) => summary is S,
  ): Promise<S | undefined> {
    const ids = newestIdsFirst(await this.storage.list());
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const found = (await this.#summaries(ids.slice(from, from + AT_ONCE))).find(fits);
      if (found !== undefined) return found;
    }
    return undefined;
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
   * checkpoint. Keeps sessions that a process runs, and corrupt ones, whose age is unknown.
   *
   * @returns how many were removed.
   */
  async cleanupOldCheckpoints(days: number): Promise<number> {
    if (!(days >= 0))
      throw new InvalidOptionError('The age of checkpoints to remove is a number of days, from 0.');
    const before = this.#clock.now() - days * DAY_MS;
    return this.#removeAll(await this.storage.list(), (summary) => isOlder(summary, before));
  }

  /**
   * Removes completed sessions, the oldest first, until `keep` sessions are stored. Keeps unfinished, recorded, corrupt and
   * running sessions. One call looks at 64 sessions at most (I25); the next call continues.
   *
   * @param keep sessions, from 0. @returns how many were removed.
   */
  async removeOldest(keep: number): Promise<number> {
    readOption('removeOldest', 'keep', whole(0, Number.MAX_SAFE_INTEGER, ' of sessions'), keep);
    const ids = newestIdsFirst(await this.storage.list());
    const oldest = ids.slice(keep).reverse().slice(0, MAX_LOOKED_AT);
    return this.#removeAll(oldest, (summary, isRecorded) => summary?.state === 'COMPLETED' && !isRecorded);
  }

  /** Becomes the owner of a session. Failed writes of its earlier owner do not matter any more.
   * @throws {SessionLockedError} */
  async lock(sessionId: string, handlers: LockHandlers): Promise<SessionLock> {
    const lock = await this.storage.lock(sessionId, handlers);
    this.#lanes.delete(sessionId);
    return lock;
  }

  /** The in-flight marker of the last process; undefined where none outlives the process. */
  async inFlightMarker(sessionId: string): Promise<InFlightMarker | undefined> {
    return this.storage.inFlightMarker?.(sessionId);
  }

  /** Opens the session's journal, for an owner of this epoch. */
  journal(sessionId: string, epoch: number): Promise<Journal> {
    return this.storage.journal(sessionId, epoch);
  }

  /** Opens the session's logs of keyed state, for an owner of this epoch.
   * @throws {InvalidOptionError} if the storage keeps none. */
  async stateLogs(sessionId: string, epoch: number): Promise<StateLogs> {
    const logs = await this.storage.stateLogs?.(sessionId, epoch);
    if (logs !== undefined) return logs;
    throw new InvalidOptionError(
      `The storage ${this.storage.label} keeps no keyed state, which fold and distinct need. Give it stateLogs, or use another storage.`,
    );
  }

  async #write(sessionId: string, text: string): Promise<void> {
    try {
      await this.storage.write(sessionId, text);
    } catch (cause) {
      if (hasErrorCode(cause, 'SESSION_LOCKED') || hasErrorCode(cause, 'CHECKPOINT_WRITE')) throw cause;
      throw new CheckpointWriteError(
        `The checkpoint of session ${sessionId} could not be made durable in ${this.storage.label}: ${messageOf(cause)}. The previous checkpoint is kept. Fix the cause, then resume.`,
        { cause },
      );
    }
  }

  /** For lists: the older generation is read only where the newest cannot be used. */
  async #readNewest(sessionId: string): Promise<Checkpoint> {
    const stored = await this.storage.read(sessionId, 'newest');
    if (stored === undefined) throw new CheckpointNotFoundError(sessionId, this.storage.label);
    try {
      return chooseCheckpoint(sessionId, stored, () => {}, this.storage.paths).checkpoint;
    } catch {
      return (await this.loadCheckpoint(sessionId)).checkpoint;
    }
  }

  async #summaries(ids: readonly string[]): Promise<CheckpointSummary[]> {
    const summaries = await concurrently(ids, AT_ONCE, (sessionId) => this.readSummary(sessionId));
    return summaries.filter((summary) => summary !== undefined).sort(newestFirst);
  }

  async #removeAll(ids: readonly string[], isDue: IsDue): Promise<number> {
    const removed = await concurrently(ids, AT_ONCE, (sessionId) => this.#removeIf(sessionId, isDue));
    return removed.filter(Boolean).length;
  }

  async #isDue(sessionId: string, isDue: IsDue): Promise<boolean> {
    const isRecorded = (await this.storage.isRecorded?.(sessionId)) ?? false;
    return isDue(await this.readSummary(sessionId), isRecorded);
  }

  async #removeIf(sessionId: string, isDue: IsDue): Promise<boolean> {
    if (!(await this.#isDue(sessionId, isDue))) return false;
    let lock: SessionLock;
    try {
      lock = await this.lock(sessionId, {});
    } catch (error) {
      if (hasErrorCode(error, 'SESSION_LOCKED')) return false;
      throw error;
    }
    try {
      // Again as its owner: it may have been run meanwhile.
      if (!(await this.#isDue(sessionId, isDue))) return false;
      await this.storage.remove(sessionId);
      return true;
    } finally {
      await lock.release();
    }
  }
}

function isOlder(summary: CheckpointSummary | undefined, before: number): boolean {
  return summary === undefined || (isSound(summary) && summary.savedAt < before);
}
