/**
 * A cache across sessions: a folder with one file for each answer, shared by any number of processes.
 *
 * 1. The cache does no harm: what cannot be read, written or trusted is a miss, and the stage is called.
 * 2. A file is written under another name and renamed: a reader, in any process, sees all of it or nothing. Of two writers, the
 *    last one wins; their answers are to the same question.
 * 3. A file has a checksum: a damaged one is a miss, and the next answer replaces it.
 * 4. It is bounded by time: an answer older than `ttlMs` is a miss, and its file is removed when an answer is put beside it.
 */
import { sha256 } from '#sha256';
import { isObject, type Json, parseUntrusted } from '../../formats/json.js';
import type { FileSystem } from '../../platform/file-system.js';

/** An answer of the cache; absent: there is none. */
export interface Cached {
  readonly value: Json;
}

const MAX_BYTES = 16_777_216;
const LIMITS = { maxLength: MAX_BYTES, maxDepth: 1_000 };
const CHECKSUM_LENGTH = 16;
const FOLDER_LENGTH = 2;

export class AnswerCache {
  /** Folders from which this process has removed what is too old. */
  readonly #pruned = new Set<string>();

  /** @param dir made when the first answer is put. */
  constructor(
    private readonly files: FileSystem,
    private readonly dir: string,
    private readonly ttlMs: number,
  ) {}

  /** @param key SHA-256 of the question, in hexadecimal. @param now milliseconds since the epoch */
  async get(key: string, now: number): Promise<Cached | undefined> {
    try {
      const bytes = await this.files.readFile(this.#place(key).file, MAX_BYTES);
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      const json = text.slice(CHECKSUM_LENGTH + 1);
      if (checksum(json) !== text.slice(0, CHECKSUM_LENGTH)) return undefined;
      const entry = parseUntrusted(json, LIMITS);
      if (!isObject(entry) || entry.key !== key || typeof entry.at !== 'number') return undefined;
      return now - entry.at > this.ttlMs ? undefined : { value: entry.value as Json };
    } catch {
      return undefined;
    }
  }

  /** @param value anything; what is not JSON is not kept. */
  async put(key: string, value: unknown, now: number): Promise<void> {
    const { folder, file } = this.#place(key);
    try {
      const json = JSON.stringify({ key, at: now, value });
      if (value === undefined) return;
      const bytes = new TextEncoder().encode(`${checksum(json)} ${json}`);
      if (bytes.length > MAX_BYTES) return;
      await this.files.mkdir(folder);
      const other = `${file}.${crypto.randomUUID()}`;
      const handle = await this.files.open(other, 'create');
      try {
        await handle.write([bytes], 0);
      } finally {
        await handle.close();
      }
      await this.files.rename(other, file);
      if (!this.#pruned.has(folder)) await this.#prune(folder, now);
    } catch {
      // Invariant 1.
    }
  }

  /** Removes what is too old, and what a killed writer left. */
  async #prune(folder: string, now: number): Promise<void> {
    this.#pruned.add(folder);
    for (const name of await this.files.list(folder)) {
      const stat = await this.files.stat(`${folder}/${name}`);
      if (stat !== undefined && now - stat.modifiedAtMs > this.ttlMs)
        await this.files.unlink(`${folder}/${name}`).catch(() => undefined);
    }
  }

  #place(key: string): { readonly folder: string; readonly file: string } {
    const folder = `${this.dir}/${key.slice(0, FOLDER_LENGTH)}`;
    return { folder, file: `${folder}/${key.slice(FOLDER_LENGTH)}.json` };
  }
}

const checksum = (json: string): string => sha256(json).slice(0, CHECKSUM_LENGTH);
