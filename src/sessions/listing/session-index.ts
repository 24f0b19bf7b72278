/**
 * What each stored session was last listed as, and from which files: a list of many sessions reads only the checkpoints that have
 * changed.
 *
 * 1. An entry is used only while the session's directory and its checkpoint are those that were read: same inode, same time of
 *    modification, same size. Every save, every new owner and every removal changes the directory.
 * 2. No entry is made of a session that changed right before it was read: the clock of a file system has ticks, and a second change
 *    in the same tick would not show. Nor of one that a process runs, or that cannot be used.
 * 3. The index is never needed. One that is missing, damaged, of another place or of another format is ignored. It is never fsynced.
 */
import { join, resolve } from 'node:path';
import { tempNameOf } from '../../checkpoint/storages/durable-text-file.js';
import { isObject, type JsonObject, parseUntrusted } from '../../formats/json.js';
import {
  amount,
  flag,
  type Infer,
  object,
  oneOf,
  optional,
  ShapeError,
  text,
  whole,
} from '../../formats/shape.js';
import type { FileStat } from '../../platform/file-system.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';

/** In the state directory. */
const INDEX_FILE = 'sessions-index.json';
const CHECKPOINT_FILE = 'checkpoint.json';
/** To be raised when a session is listed otherwise than before. */
const FORMAT = 1;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_DEPTH = 8;
/** No file system in use has longer ticks: FAT has two seconds. */
const SETTLED_MS = 3_000;

const SESSION = object({
  sessionId: text(36),
  state: oneOf(['paused', 'interrupted', 'cancelled', 'failed', 'completed']),
  canResume: flag,
  pipeline: text(1000),
  pipelineFile: optional(text(4096)),
  batches: whole(0),
  rowsIn: whole(0),
  rowsOut: whole(0),
  startedAt: amount(0),
  savedAt: amount(0),
  error: optional(object({ name: text(1000), code: text(1000), message: text(1000) })),
});

/** A session as the index keeps it. */
export type IndexedSession = Infer<typeof SESSION>;

/** The entries of a state directory: some read from the index, some new. */
export class SessionIndex {
  readonly #path: string;
  readonly #entries = new Map<string, { readonly stamp: string; readonly session: unknown }>();
  #added = 0;

  private constructor(private readonly stateDir: string) {
    this.#path = join(stateDir, INDEX_FILE);
  }

  static async read(stateDir: string): Promise<SessionIndex> {
    const index = new SessionIndex(resolve(stateDir));
    await index.#load().catch(() => undefined);
    return index;
  }

  /** Identifies the files of a session as they are now; undefined: they are absent, or have only just changed. */
  async stamp(sessionId: string): Promise<string | undefined> {
    const home = join(this.stateDir, sessionId);
    const stats = await Promise.all([home, join(home, CHECKPOINT_FILE)].map(statIfAny));
    const latest = Date.now() - SETTLED_MS;
    const pieces: string[] = [];
    for (const stat of stats) {
      if (stat === undefined || stat.inode === 0 || stat.modifiedAtMs > latest) return undefined;
      pieces.push(`${stat.inode}:${stat.modifiedAtMs}:${stat.size}`);
    }
    return pieces.join(' ');
  }

  /** The session, if its files are those that it was read from. */
  find(sessionId: string, stamp: string): IndexedSession | undefined {
    const entry = this.#entries.get(sessionId);
    if (entry?.stamp !== stamp) return undefined;
    try {
      const session = SESSION.read(entry.session, '');
      return session.sessionId === sessionId ? session : undefined;
    } catch (error) {
      if (error instanceof ShapeError) return undefined;
      throw error;
    }
  }

  /** @param stamp from before the session was read. */
  add(stamp: string, session: IndexedSession): void {
    this.#entries.set(session.sessionId, { stamp, session });
    this.#added++;
  }

  /** Stores the entries of the sessions that exist, unless little has changed. A failure costs only time.
   * @param atLeast how many new entries are worth it. */
  async save(sessionIds: readonly string[], atLeast: number): Promise<void> {
    const kept = sessionIds.filter((id) => this.#entries.has(id));
    if (this.#added < atLeast && kept.length === this.#entries.size) return;
    const sessions = Object.fromEntries(kept.map((id) => [id, this.#entries.get(id)]));
    const text = JSON.stringify({ format: FORMAT, stateDir: this.stateDir, sessions });
    const temp = tempNameOf(this.#path);
    try {
      const handle = await nodeFileSystem.open(temp, 'create');
      await handle.write([new TextEncoder().encode(text)], 0).finally(() => handle.close());
      await nodeFileSystem.rename(temp, this.#path);
    } catch {
      await nodeFileSystem.unlink(temp).catch(() => undefined);
    }
  }

  async #load(): Promise<void> {
    const bytes = await nodeFileSystem.readFile(this.#path, MAX_BYTES);
    const limits = { maxLength: MAX_BYTES, maxDepth: MAX_DEPTH };
    const stored = parseUntrusted(new TextDecoder().decode(bytes), limits) as JsonObject;
    // Paths of pipeline files are relative to the directory.
    if (stored.format !== FORMAT || stored.stateDir !== this.stateDir || !isObject(stored.sessions)) return;
    for (const [sessionId, entry] of Object.entries(stored.sessions))
      if (isObject(entry) && typeof entry.stamp === 'string')
        this.#entries.set(sessionId, { stamp: entry.stamp, session: entry.session });
  }
}

/** Removes the index of a state directory. */
export async function removeSessionIndex(stateDir: string): Promise<void> {
  await nodeFileSystem.unlink(join(stateDir, INDEX_FILE)).catch(() => undefined);
}

function statIfAny(path: string): Promise<FileStat | undefined> {
  return nodeFileSystem.stat(path).catch(() => undefined);
}
