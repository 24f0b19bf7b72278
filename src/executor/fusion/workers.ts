/** The option `workers` of a run: checks it, widens the first stage for the threads, and starts them. */

import { defaults } from '#defaults';
import { InvalidOptionError } from '../../errors.js';
import { readOption, whole } from '../../formats/shape.js';
import { isUrl } from '../../platform/tagged.js';
import { stageFingerprints } from '../../stages/pipeline-fingerprint.js';
import type { AnyStage } from '../../stages/stage.js';
import type { PipelineDefinition } from '../definition.js';
import { FusionPlan } from './fusion-plan.js';
import { BATCHES_PER_THREAD, type FusionThreads } from './thread-job.js';

/** Threads for the synchronous stages at the head of a pipeline. */
export interface WorkerOptions {
  /** Threads that process rows at once, 1 to 64: the run's own thread, and `count - 1` worker threads. Two threads use two
   * cores. */
  readonly count: number;
  /** The pipeline file. Each thread imports it and uses the pipeline that is its default export. */
  readonly file: string | URL;
  /** What the file's default export is called with, if it is a function. Default: nothing. */
  readonly arguments?: readonly string[];
}

/** @throws {InvalidOptionError} */
export function checkWorkers(workers: WorkerOptions): WorkerOptions {
  const { count, file, arguments: given = [] } = workers;
  readOption('workers (--threads)', 'count', whole(1, 64), count);
  if (typeof file !== 'string' && !isUrl(file))
    throw new InvalidOptionError(
      "workers: each thread imports the pipeline file; name it: workers: { count: 2, file: new URL('./pipeline.js', import.meta.url) }.",
    );
  return { count, file, arguments: given };
}

/** The stages, of which the first may have as many batches at once as the threads can take.
 * @throws {InvalidOptionError} when the first stage cannot run in threads. */
export function widenForWorkers(
  stages: readonly AnyStage[],
  workers: WorkerOptions | undefined,
): readonly AnyStage[] {
  if (workers === undefined) return stages;
  const fused = new FusionPlan(stages).fusedStagesAt(0);
  if (fused === undefined)
    throw new InvalidOptionError(
      `workers (--threads): threads run the synchronous map, filter and flatMap stages at the head of a pipeline, and ${
        stages[0] === undefined
          ? 'this one has none'
          : `its first stage, "${stages[0].name}", is not one that they can run`
      }: without retries, timeouts, schemas, hooks, durability. Leave it out.`,
    );
  const width = BATCHES_PER_THREAD * workers.count;
  // The stages fused with it run in the same attempt.
  return stages.map((stage, i) =>
    i === 0 ? { ...stage, concurrency: Math.max(stage.concurrency, width) } : stage,
  );
}

/** @throws {InvalidOptionError} */
export function assertThreadsAvailable({ source }: Pick<PipelineDefinition, 'source'>): void {
  if (defaults.threads === undefined)
    throw new InvalidOptionError(
      'workers (--threads): there are no worker threads in this environment. Leave it out.',
    );
  if (source.decodeRaw === undefined)
    throw new InvalidOptionError(
      `workers (--threads): threads are given the bytes of a file, and ${source.kind} has none: read from jsonl() or csv(), or leave it out.`,
    );
}

/** Starts the threads; they load while the run works.
 * @param fail ends the run: a thread cannot work at all. */
export function openThreads(
  workers: WorkerOptions | undefined,
  stages: readonly AnyStage[],
  fail: (error: unknown) => void,
): Promise<FusionThreads> | undefined {
  if (workers === undefined || workers.count === 1) return undefined;
  const fingerprints = stageFingerprints(stages);
  return defaults.threads?.({ ...workers, count: workers.count - 1, fingerprints, onUnfit: fail });
}
