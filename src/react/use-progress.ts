import { useMemo, useSyncExternalStore } from 'react';
import type { Observable } from 'rxjs';
import type { Progress } from '../observers/progress/progress.js';
import { ThrottledStore } from './throttled-store.js';

const NO_PROGRESS: Progress = {
  ...{
    state: 'IDLE',
    pipeline: '',
    sessionId: '',
    rowsIn: 0,
    rowsOut: 0,
    rowsSkipped: 0,
    rowsDeadLettered: 0,
  },
  ...{
    retries: 0,
    rowsPerSecond: 0,
    fraction: undefined,
    etaMs: undefined,
    committedBatches: 0,
    elapsedMs: 0,
  },
  stages: [],
};

/**
 * The progress of an executor, for a component: rows, rate, ETA, stages, spending. Renders at most ten times a second.
 *
 * @param executor a `PipelineExecutor`; for example that of `usePipeline`.
 * @example
 * const { rowsIn, rowsPerSecond, etaMs } = useProgress(executor);
 */
export function useProgress(executor: { readonly progress$: Observable<Progress> }): Progress {
  const store = useMemo(
    () => new ThrottledStore<Progress, Progress>(executor.progress$, NO_PROGRESS, (_, progress) => progress),
    [executor],
  );
  return useSyncExternalStore(store.subscribe, store.snapshot, store.initialSnapshot);
}
