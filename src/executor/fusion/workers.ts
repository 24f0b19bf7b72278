/** The `workers` of a run: what is asked for, whether this pipeline can use it, and how wide that makes its first stages. */
import { defaults } from '#defaults';
import { InvalidOptionError } from '../../errors.js';
import { stageFingerprints } from '../../stages/pipeline-fingerprint.js';
import type { AnyStage } from '../../stages/stage.js';
import type { PipelineDefinition } from '../definition.js';
import { FusionPlan } from './fusion-plan.js';
import { BATCHES_PER_THREAD, type FusionThreads } from './thread-job.js';

/** Threads for the synchronous stages at the head of a pipeline. */
export interface WorkerOptions {
  /** Threads that work on rows at once, 1 to 64: the run's own, which takes what the others have no room for, and worker
   * threads. Two are what two cores can use. */
  readonly count: number;
  /** The pipeline file: each thread imports it, and takes the pipeline from its default export. */
  readonly file: string | URL;
}

/** @throws {InvalidOptionError} */
export function checkWorkers(workers: WorkerOptions): WorkerOptions {
  const { count, file } = workers;
  if (!Number.isSafeInteger(count) || count < 1 || count > 64)
    throw new InvalidOptionError(
      'workers (--threads): the number of threads must be a whole number from 1 to 64.',
    );
  if (typeof file !== 'string' && !(file instanceof URL))
    throw new InvalidOptionError(
      "workers: each thread imports the pipeline file; say which it is: workers: { count: 2, file: new URL('./pipeline.js', import.meta.url) }.",
    );
  return { count, file };
}

/** The stages, the first with room for as many batches at once as threads can take.
 * @throws {InvalidOptionError} where threads would have nothing to do. */
export function widenForWorkers(
  stages: readonly AnyStage[],
  workers: WorkerOptions | undefined,
): readonly AnyStage[] {
  if (workers === undefined) return stages;
  const chain = new FusionPlan(stages).fusedStagesAt(0);
  if (chain === undefined)
    throw new InvalidOptionError(
      `workers (--threads): threads run the synchronous map, filter and flatMap stages at the head of a pipeline, and ${
        stages[0] === undefined
          ? 'this one has none'
          : `its first stage, "${stages[0].name}", is not one that they can run`
      }: without retries, timeouts, schemas, hooks, durability. Leave it out.`,
    );
  const width = BATCHES_PER_THREAD * workers.count;
  // Those after it pass with it.
  return stages.map((stage, i) =>
    i === 0 ? { ...stage, concurrency: Math.max(stage.concurrency, width) } : stage,
  );
}

/** @throws {InvalidOptionError} */
export function assertThreadsAvailable({ source }: Pick<PipelineDefinition, 'source'>): void {
  if (defaults.threads === undefined)
    throw new InvalidOptionError('workers (--threads): there are no worker threads here; leave it out.');
  if (source.decodeRaw === undefined)
    throw new InvalidOptionError(
      `workers (--threads): threads are given the bytes of a file, and ${source.kind} has none: read from jsonl() or csv(), or leave it out.`,
    );
}

/** Starts the threads; they get ready while the run works.
 * @param fail ends the run: the threads cannot do what they are for. */
export function openThreads(
  workers: WorkerOptions | undefined,
  stages: readonly AnyStage[],
  fail: (error: unknown) => void,
): Promise<FusionThreads> | undefined {
  if (workers === undefined || workers.count === 1) return undefined;
  const fingerprints = stageFingerprints(stages);
  return defaults.threads?.({ ...workers, count: workers.count - 1, fingerprints, onUnfit: fail });
}
