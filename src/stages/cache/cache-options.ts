import { amount, callable, optional, options, text, withDefault } from '../../formats/shape.js';

/** Options of a stage's `cache`. Node only. */
export interface CacheOptions<P> {
  /** Folder, made if it is missing. Any number of stages and processes may share it. */
  readonly dir: string;
  /** Milliseconds for which an answer is used. Default: 30 days. */
  readonly ttlMs?: number;
  /** What the answer depends on: a JSON value of the row. Default: the whole row; of `llm()`, the prompt. A stage that passes
   * other fields of the row on must not leave them out. */
  readonly key?: (row: P) => unknown;
}

const DEFAULT_TTL_MS = 30 * 24 * 60 * 60 * 1000;
export const cacheOptions = options({
  dir: text(4096, 1),
  ttlMs: withDefault(amount(0, Number.MAX_SAFE_INTEGER, 'milliseconds'), DEFAULT_TTL_MS),
  key: optional(callable),
});
