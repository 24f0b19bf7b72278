/** Which calls need nothing of the service, because the cache has all their answers: they ask for no permit and no reservation. */
import type { AnyStage } from '../stage.js';
import type { CachedAnswers } from './cached-answers.js';

const caches = new WeakMap<AnyStage, CachedAnswers>();

export function rememberCache<S extends AnyStage>(stage: S, cached: CachedAnswers | undefined): S {
  // With an input schema, the key is that of the parsed row.
  if (cached !== undefined && stage.input === undefined) caches.set(stage, cached);
  return stage;
}

/** The rows that the cache of a stage does not have. @returns undefined: the stage has no cache.
 * @param now milliseconds since the epoch */
export function uncachedRows(
  stage: AnyStage,
  rows: readonly unknown[],
  now: number,
): Promise<readonly unknown[]> | undefined {
  const cached = caches.get(stage);
  return cached?.has(rows, now).then((has) => rows.filter((_, i) => has[i] !== true));
}

export function hasCache(stage: AnyStage): boolean {
  return caches.has(stage);
}
