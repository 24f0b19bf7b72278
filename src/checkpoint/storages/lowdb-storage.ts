/**
 * Checkpoints in a state directory, through lowdb:
 *
 *     <directory>/<session id>/checkpoint.json             the newest
 *     <directory>/<session id>/checkpoint.previous.json    the one before it
 *     <directory>/<session id>/checkpoint.next.json        only between two steps of a write
 *     <directory>/<session id>/journal/                    outputs of durable stages
 *     <directory>/<session id>/state/                      keyed state of `fold` and `distinct`
 *     <directory>/<session id>/recording/                  the recording, if any
 *
 * 1. (I6) A write: the whole text is durable as `next`; `checkpoint` is renamed to `previous`; `next` is renamed to `checkpoint`.
 *    Whichever renames survive a crash, a reader that tries `next`, `checkpoint`, `previous` finds the newest durable text
 *    first.
 * 2. (I9) Reading is bounded and follows no symlinks. The text is not trusted.
 * 3. (I10) Besides the lock: a write is refused if `checkpoint` is not the file that this process wrote.
 * 4. Directories are 0700, files 0600, made when first written.
 */
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { Low } from 'lowdb';
import { CheckpointWriteError, InvalidOptionError, SessionLockedError } from '../../errors.js';
import { isObject, type JsonObject, parseUntrusted } from '../../formats/json.js';
import type { FileStat, FileSystem } from '../../platform/file-system.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { codeOf } from '../../platform/thrown.js';
import { openFileJournal } from '../journal/file-journal.js';
import type { Journal } from '../journal/journal.js';
import type { LockHandlers, SessionLock } from '../lock/lock.js';
import { acquireSessionLock } from '../lock/session-lock.js';
import { openFileRecordingLog, recordingSegments } from '../recording-log/file-recording-log.js';
import type { RecordingLog, RecordingLogOptions } from '../recording-log/recording-log.js';
import { assertSessionId, isSessionId } from '../session-id.js';
import { fileStateLogs } from '../state-logs/file-state-logs.js';
import type { StateLogs } from '../state-logs/state-logs.js';
import type { CheckpointStorage, StoredCheckpoint } from '../storage.js';
import type { StoredPaths } from '../stored-paths.js';
import { DurableTextFile, isTempName, tempNameOf } from './durable-text-file.js';
import { openFileInFlightMarker } from './file-in-flight-marker.js';
import { inWords, MAX_BYTES, removedDuringRun, unreadable } from './file-messages.js';
import type { InFlightMarker } from './in-flight-marker.js';
import { directoryExists, listDirectory, makeDirectory, removeTree, usable } from './state-directory.js';

const NEXT = 'checkpoint.next.json';
const NEWEST = 'checkpoint.json';
const PREVIOUS = 'checkpoint.previous.json';
const OUTPUTS = 'outputs.json';

/** Options of `lowdbStorage`. */
export interface LowdbStorageOptions {
  /** Default: the real one. */
  readonly fileSystem?: FileSystem;
  /** How a session is locked. Default: by the kernel. */
  readonly acquireLock?: AcquireLock;
  /** Bytes of a journal file, after which a new one begins, so that the older one can be removed. Default 8 MiB. */
  readonly journalSegmentBytes?: number;
}

/** Locks a session; rejects with `SessionLockedError` if it has an owner. */
export type AcquireLock = (session: {
  readonly fileSystem: FileSystem;
  /** The session's directory; it exists. */
  readonly directory: string;
  readonly sessionId: string;
  readonly handlers: LockHandlers;
}) => Promise<SessionLock>;

/**
 * Keeps sessions in a directory, one small lowdb file each, written so that power loss cannot tear it.
 *
 * @param directory made when the first checkpoint is written.
 * @example new StateManager(lowdbStorage('.xstate-pipeline'))
 */
export function lowdbStorage(directory: string, options: LowdbStorageOptions = {}): CheckpointStorage {
  if (typeof directory !== 'string' || directory === '')
    throw new InvalidOptionError(
      'The state directory is the path of a directory, .xstate-pipeline for example.',
    );
  return new LowdbStorage(
    directory,
    options.fileSystem ?? nodeFileSystem,
    options.acquireLock ?? acquireSessionLock,
    options.journalSegmentBytes === undefined ? {} : { segmentBytes: options.journalSegmentBytes },
  );
}

class LowdbStorage implements CheckpointStorage {
  /** What this process wrote last, by session: its directory is ready, its files are in order. */
  readonly #written = new Map<string, FileStat>();
  /** Directories that were made durable through this object, and need not be again while they are there. */
  readonly #prepared = new Set<string>();

  /** Absolute: a stage may change the working directory. */
  readonly #directory: string;

  constructor(
    readonly label: string,
    private readonly fileSystem: FileSystem,
    private readonly acquireLock: AcquireLock,
    private readonly journalOptions: { readonly segmentBytes?: number },
  ) {
    this.#directory = resolve(label);
  }

  get paths(): StoredPaths {
    return {
      toStored: (path) => {
        const inProject = relative(dirname(this.#directory), path);
        if (!isAbsolute(path) || isAbsolute(inProject) || /^\.\.([\\/]|$)/.test(inProject)) return path;
        return relative(this.#directory, path).replaceAll(sep, '/');
      },
      fromStored: (path) => (isAbsolute(path) ? path : resolve(this.#directory, path)),
    };
  }

  async read(sessionId: string, depth: 'newest' | 'all' = 'all'): Promise<StoredCheckpoint | undefined> {
    const home = this.#home(sessionId);
    if (!(await directoryExists(this.fileSystem, this.#directory))) return undefined;
    const kind = (await this.fileSystem.stat(home))?.kind;
    if (kind === undefined) return undefined;
    if (kind !== 'directory') return { generations: [], problems: [`its directory is a ${kind}`] };

    const generations: { name: string; text: string }[] = [];
    const problems: string[] = [];
    for (const name of [NEXT, NEWEST, PREVIOUS]) {
      const low = new Low(this.#file(home, name), '');
      try {
        await low.read();
      } catch (error) {
        problems.push(`${name} ${unreadable(error, join(home, name))}`);
        continue;
      }
      const text = low.data;
      // The owner may have renamed between two of these reads: the same text under its second name.
      if (text !== '' && !generations.some((known) => known.text === text)) generations.push({ name, text });
      if (depth === 'newest' && generations.length > 0) break;
    }
    if (generations.length === 0 && problems.length === 0) return undefined;
    return { generations: generations.slice(0, 2), problems };
  }

  async write(sessionId: string, text: string): Promise<void> {
    const home = this.#home(sessionId);
    // lowdb would not write it, and would not say so.
    if (text === '')
      throw new CheckpointWriteError(`An empty checkpoint of session ${sessionId} was not written.`);
    const known = this.#written.get(sessionId);
    // Until this write is through, what is on the disk is not known.
    this.#written.delete(sessionId);
    if (known === undefined) {
      await this.#prepare(home);
      await this.#finishEarlierWrite(home);
    } else await this.#assertOwn(sessionId, home, known);

    const low = new Low(this.#file(home, NEXT), '');
    low.data = text;
    await inWords(home, async () => {
      await low.write();
      await this.#moveUp(home);
    });
    const written = await this.fileSystem.stat(join(home, NEWEST));
    if (written === undefined) throw removedDuringRun(home);
    this.#written.set(sessionId, written);
  }

  async list(): Promise<readonly string[]> {
    return (await listDirectory(this.fileSystem, this.#directory)).filter(isSessionId);
  }

  async remove(sessionId: string): Promise<void> {
    const home = this.#home(sessionId);
    this.#written.delete(sessionId);
    if (!(await directoryExists(this.fileSystem, this.#directory))) return;
    if ((await this.fileSystem.stat(home))?.kind === 'directory') {
      // The newest goes last, the journal after it: a removal cut short leaves nothing that would resume wrongly.
      for (const name of [PREVIOUS, NEWEST, NEXT]) await removeTree(this.fileSystem, join(home, name));
      await this.fileSystem.syncDirectory(home);
    }
    await removeTree(this.fileSystem, home);
    await this.fileSystem.syncDirectory(this.#directory);
  }

  async lock(sessionId: string, handlers: LockHandlers): Promise<SessionLock> {
    const home = this.#home(sessionId);
    const { fileSystem } = this;
    await this.#prepare(home);
    const lock = await usable(home, () =>
      this.acquireLock({ fileSystem, directory: home, sessionId, handlers }),
    );
    const release = async () => {
      await lock.release();
      this.#prepared.delete(home);
      await fileSystem.unlink(join(home, OUTPUTS)).catch(() => undefined);
      // Of a session that came to nothing, not even its directory stays. Any other is not empty.
      await fileSystem.rmdir(home).catch(() => undefined);
    };
    try {
      this.#written.delete(sessionId);
      await this.#clearLeftovers(home);
    } catch (error) {
      await release();
      throw error;
    }
    return { release };
  }

  async noteOutputs(sessionId: string, outputs: JsonObject): Promise<void> {
    const path = join(this.#home(sessionId), OUTPUTS);
    const temp = tempNameOf(path);
    const handle = await this.fileSystem.open(temp, 'create');
    try {
      const text = new TextEncoder().encode(JSON.stringify(outputs));
      await handle.write([text], 0).finally(() => handle.close());
      await this.fileSystem.rename(temp, path);
    } catch (error) {
      await this.fileSystem.unlink(temp).catch(() => undefined);
      throw error;
    }
  }

  async notedOutputs(sessionId: string): Promise<JsonObject | undefined> {
    try {
      const text = await this.#file(this.#home(sessionId), OUTPUTS).read();
      const noted = text === null ? undefined : parseUntrusted(text, { maxLength: MAX_BYTES, maxDepth: 8 });
      return isObject(noted) ? (noted as JsonObject) : undefined;
    } catch {
      return undefined;
    }
  }

  async inFlightMarker(sessionId: string): Promise<InFlightMarker> {
    return openFileInFlightMarker(this.fileSystem, this.#home(sessionId));
  }

  async isRecorded(sessionId: string): Promise<boolean> {
    return (await recordingSegments(this.fileSystem, this.#home(sessionId))).length > 0;
  }

  async recording(sessionId: string, options: RecordingLogOptions): Promise<RecordingLog> {
    return openFileRecordingLog(this.fileSystem, this.#home(sessionId), options);
  }

  async stateLogs(sessionId: string): Promise<StateLogs> {
    const home = this.#home(sessionId);
    await this.#prepare(home);
    return fileStateLogs(this.fileSystem, home);
  }

  async journal(sessionId: string, epoch: number): Promise<Journal> {
    const home = this.#home(sessionId);
    await this.#prepare(home);
    const { fileSystem } = this;
    return usable(join(home, 'journal'), () =>
      openFileJournal({ fileSystem, directory: home, sessionId, epoch, ...this.journalOptions }),
    );
  }

  #home(sessionId: string): string {
    assertSessionId(sessionId, this.label);
    return join(this.#directory, sessionId);
  }

  #file(home: string, name: string): DurableTextFile {
    return new DurableTextFile(this.fileSystem, join(home, name), { maxBytes: MAX_BYTES });
  }

  async #prepare(home: string): Promise<void> {
    if (this.#prepared.has(home) && (await directoryExists(this.fileSystem, home))) return;
    await makeDirectory(this.fileSystem, this.#directory);
    await makeDirectory(this.fileSystem, home, 'durable');
    this.#prepared.add(home);
  }

  /** @throws {SessionLockedError} if another process has written the checkpoint. */
  async #assertOwn(sessionId: string, home: string, known: FileStat): Promise<void> {
    const found = await this.fileSystem.stat(join(home, NEWEST));
    if (found === undefined) throw removedDuringRun(home);
    if (!sameFile(known, found)) throw new SessionLockedError(sessionId);
  }

  async #finishEarlierWrite(home: string): Promise<void> {
    if ((await this.fileSystem.stat(join(home, NEXT))) !== undefined) await this.#moveUp(home);
  }

  async #moveUp(home: string): Promise<void> {
    const path = (name: string) => join(home, name);
    try {
      await this.fileSystem.rename(path(NEWEST), path(PREVIOUS));
    } catch (error) {
      // The first checkpoint of a session, or a crash after this very rename.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    await this.fileSystem.rename(path(NEXT), path(NEWEST));
  }

  /** What a crashed owner left unfinished goes; what it renamed stays, for good. */
  async #clearLeftovers(home: string): Promise<void> {
    for (const name of await this.fileSystem.list(home)) {
      if (isTempName(name)) await this.fileSystem.unlink(join(home, name));
    }
    await this.fileSystem.syncDirectory(home);
  }
}

function sameFile(a: FileStat, b: FileStat | undefined): boolean {
  return b !== undefined && a.inode === b.inode && a.modifiedAtMs === b.modifiedAtMs && a.size === b.size;
}
