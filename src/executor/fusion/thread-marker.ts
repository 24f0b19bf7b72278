/**
 * A pipeline file that also calls `run()` must not start itself again in every thread, for ever. In a worker thread, `run()`
 * gives the thread its pipeline and stays pending.
 *
 * The mark is on `globalThis`, because the file may use another copy of the package.
 */
import { InvalidOptionError } from '../../errors.js';
import { Deferred } from '../../platform/deferred.js';
import type { AnyStage } from '../../stages/stage.js';
import type { PipelineLike } from '../definition.js';

export type ThreadPipeline = PipelineLike & { readonly stages: readonly AnyStage[] };

const MARK = Symbol.for('xstate-pipeline.worker-thread');

interface Marked {
  /** @returns whether the thread works on this pipeline. */
  [MARK]?: (pipeline: ThreadPipeline) => boolean;
}

/** Marks this thread. @param isOwn whether a pipeline is the one that this thread works on.
 * @returns the pipeline, when the file calls its `run()`. */
export function markThread(isOwn: (pipeline: ThreadPipeline) => boolean): Promise<ThreadPipeline> {
  const given = new Deferred<ThreadPipeline>();
  (globalThis as Marked)[MARK] = (pipeline) => {
    if (!isOwn(pipeline)) return false;
    given.resolve(pipeline);
    return true;
  };
  return given.promise;
}

/** @returns in a worker thread, a promise that never settles; else undefined.
 * @throws {InvalidOptionError} in a worker thread that works on another pipeline. */
export function runInThread(pipeline: ThreadPipeline): Promise<never> | undefined {
  const give = (globalThis as Marked)[MARK];
  if (give === undefined) return undefined;
  if (give(pipeline)) return new Promise(() => {});
  throw new InvalidOptionError(
    `The pipeline file calls run() of "${pipeline.name}" while a worker thread loads it. Move the call to another file, or call it only if isMainThread (node:worker_threads) is true.`,
  );
}
