/**
 * Checkpoints in a browser's `localStorage`, through lowdb's adapter for it: one item a session, both generations in it,
 * so that the browser replaces them together.
 *
 * 1. (I9) Items are not trusted: a damaged item is a problem, not an exception.
 * 2. (I10) The lock is the browser's own (Web Locks), freed when the tab ends. Where there is none, it excludes only the
 *    executors of this page.
 * 3. The journal exists as long as the page: after a reload, the calls of durable stages are made again. Keyed state is stored, an
 *    item a log.
 */
import { LowSync } from 'lowdb';
import { LocalStorage } from 'lowdb/browser';
import { CheckpointWriteError, SessionLockedError } from '../../errors.js';
import { type Infer, nullable, object, ShapeError, text } from '../../formats/shape.js';
import { type MemoryRecords, memoryJournal } from '../journal/memory-journal.js';
import type { SessionLock } from '../lock/lock.js';
import { memoryLock } from '../lock/memory-lock.js';
import { assertSessionId, isSessionId } from '../session-id.js';
import { type KeptLogs, memoryStateLogs } from '../state-logs/memory-state-logs.js';
import type { CheckpointStorage } from '../storage.js';

/** Characters of one generation. */
const MAX_TEXT = 1024 * 1024;

/** An item. The checkpoints in it stay text: lowdb parses only the item. */
const GENERATIONS = object({ newest: text(MAX_TEXT), previous: nullable(text(MAX_TEXT)) });
type Generations = Infer<typeof GENERATIONS>;

/** Keeps sessions in `localStorage`.
 * @param prefix of the keys; default `xstate-pipeline`.
 * @example new StateManager(localStorageStorage()) */
export function localStorageStorage(prefix = 'xstate-pipeline'): CheckpointStorage {
  const label = 'localStorage';
  const journals = new Map<string, MemoryRecords>();
  const acquire = globalThis.navigator?.locks === undefined ? memoryLock() : webLock(prefix);
  const keyOf = (sessionId: string): string => {
    assertSessionId(sessionId, label);
    return `${prefix}:${sessionId}`;
  };
  const open = (key: string) => new LowSync<unknown>(new LocalStorage<unknown>(key), null);
  return {
    label,
    async read(sessionId) {
      const key = keyOf(sessionId);
      if (localStorage.getItem(key) === null) return undefined;
      const low = open(key);
      try {
        low.read();
      } catch {
        return { generations: [], problems: ['the item is not JSON'] };
      }
      const found = generationsIn(low.data);
      if (found === undefined) return { generations: [], problems: ['the item is not a checkpoint'] };
      const { newest, previous } = found;
      return {
        generations: [
          { name: 'newest', text: newest },
          ...(previous === null ? [] : [{ name: 'previous', text: previous }]),
        ],
        problems: [],
      };
    },
    async write(sessionId, text) {
      const key = keyOf(sessionId);
      if (text === '')
        throw new CheckpointWriteError(`An empty checkpoint of session ${sessionId} was not written.`);
      const low = open(key);
      try {
        low.read();
      } catch {
        // Damaged: it can only be replaced.
      }
      const previous = generationsIn(low.data)?.newest ?? null;
      low.data = { newest: text, previous } satisfies Generations;
      low.write();
    },
    async list() {
      const keys = Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i) ?? '');
      return keys
        .filter((key) => key.startsWith(`${prefix}:`))
        .map((key) => key.slice(prefix.length + 1))
        .filter(isSessionId);
    },
    async remove(sessionId) {
      localStorage.removeItem(keyOf(sessionId));
      const logs = itemLogs(`${keyOf(sessionId)}:state:`);
      for (const name of logs.keys()) logs.delete(name);
      journals.delete(sessionId);
    },
    async lock(sessionId, handlers) {
      assertSessionId(sessionId, label);
      return acquire(sessionId, handlers);
    },
    async stateLogs(sessionId) {
      return memoryStateLogs(itemLogs(`${keyOf(sessionId)}:state:`));
    },
    async journal(sessionId, epoch) {
      assertSessionId(sessionId, label);
      const records = journals.get(sessionId) ?? new Map();
      journals.set(sessionId, records);
      return memoryJournal({ records, sessionId, epoch });
    },
  };
}

/** An item holds the text of a log: logs are cut at line ends only. */
function itemLogs(prefix: string): KeptLogs {
  return {
    get(name) {
      const text = localStorage.getItem(prefix + name);
      return text === null ? undefined : new TextEncoder().encode(text);
    },
    set: (name, bytes) => localStorage.setItem(prefix + name, new TextDecoder().decode(bytes)),
    delete: (name) => localStorage.removeItem(prefix + name),
    keys: () =>
      Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i) ?? '')
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length)),
  };
}

function generationsIn(item: unknown): Generations | undefined {
  try {
    return GENERATIONS.read(item, '');
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}

function webLock(prefix: string): (sessionId: string) => Promise<SessionLock> {
  return (sessionId) =>
    new Promise((resolve, reject) => {
      const done = navigator.locks.request(`${prefix}:${sessionId}`, { ifAvailable: true }, (lock) => {
        if (lock === null) return reject(new SessionLockedError(sessionId));
        // Held until this promise settles.
        return new Promise<void>((free) => {
          resolve({
            async release() {
              free();
              await done;
            },
          });
        });
      });
      done.catch(reject);
    });
}
