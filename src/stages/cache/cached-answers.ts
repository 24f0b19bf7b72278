/**
 * The option `cache` of a stage: its answers by row, across sessions.
 *
 * The key is the stage's fingerprint and the row: with another version, prompt or schema, each row is a miss. A hit calls nothing
 * and spends nothing; it is counted as spending named `cacheHits`.
 */
import { platform } from '#platform';
import { sha256 } from '#sha256';
import { InvalidOptionError } from '../../errors.js';
import { canonicalJson, type Json } from '../../formats/json.js';
import { optional, readOption } from '../../formats/shape.js';
import { type AttemptContext, clockOf } from '../attempt-context.js';
import type { StageContext } from '../stage.js';
import { AnswerCache, type Cached } from './answer-cache.js';
import { cacheOptions } from './cache-options.js';

export class CachedAnswers {
  #fingerprint: string | undefined;

  constructor(
    private readonly cache: AnswerCache,
    private readonly keyOf: (row: unknown) => unknown,
    private readonly makeFingerprint: () => Json,
  ) {}

  /** The key of a row's answer. */
  key(row: unknown): string {
    this.#fingerprint ??= canonicalJson(this.makeFingerprint());
    // JSON first: an undefined field is none.
    const json = JSON.stringify(this.keyOf(row)) ?? 'null';
    return sha256(`${this.#fingerprint}\n${canonicalJson(JSON.parse(json) as Json)}`);
  }

  async get(keys: readonly string[], context: StageContext): Promise<(Cached | undefined)[]> {
    const now = clockOf(context as AttemptContext).now();
    const found = await Promise.all(keys.map((key) => this.cache.get(key, now)));
    const cacheHits = found.filter((one) => one !== undefined).length;
    if (cacheHits > 0) context.spend({ cacheHits });
    return found;
  }

  /** Whether there is an answer, for each row. */
  async has(rows: readonly unknown[], now: number): Promise<readonly boolean[]> {
    const found = await Promise.all(rows.map((row) => this.cache.get(this.key(row), now)));
    return found.map((one) => one !== undefined);
  }

  put(key: string, value: unknown, context: StageContext): Promise<void> {
    return this.cache.put(key, value, clockOf(context as AttemptContext).now());
  }
}

/** @param keyOf the default for `key`. @param fingerprint of the stage; asked for when the stage runs.
 * @returns undefined: no cache was asked for. @throws {InvalidOptionError} */
export function cachedAnswers(
  stage: string,
  isDurable: boolean,
  given: unknown,
  keyOf: (row: unknown) => unknown,
  fingerprint: () => Json,
): CachedAnswers | undefined {
  const of = `Stage "${stage}"`;
  const read = readOption(of, 'cache', optional(cacheOptions), given);
  if (read === undefined) return undefined;
  if (!isDurable) throw new InvalidOptionError(`${of}: cache needs durable: true.`);
  const { fileSystem } = platform;
  if (fileSystem === undefined)
    throw new InvalidOptionError(`${of}: cache needs files; there are none here.`);
  const key = read.key as ((row: unknown) => unknown) | undefined;
  return new CachedAnswers(new AnswerCache(fileSystem, read.dir, read.ttlMs), key ?? keyOf, fingerprint);
}
