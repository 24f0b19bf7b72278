import { useMemo, useRef, useSyncExternalStore } from 'react';
import type { Observable } from 'rxjs';
import type { PipelineEvent } from '../observers/events.js';
import { ThrottledStore } from './throttled-store.js';

/** What `useEvents` keeps. */
export interface UseEventsOptions {
  /** How many events are kept, the newest. Default 100. */
  readonly limit?: number | undefined;
  /** Which events are kept. Default: all. Read at each event, so that an inline function is fine. */
  readonly filter?: ((event: PipelineEvent) => boolean) | undefined;
}

const NO_EVENTS: readonly PipelineEvent[] = [];

/**
 * The latest events of an executor, for a component, oldest first; from the component's first render on. Renders at most ten times
 * a second.
 *
 * @param executor a `PipelineExecutor`; for example that of `usePipeline`.
 * @example
 * const losses = useEvents(executor, { filter: ({ type }) => type === 'row.failed', limit: 20 });
 */
export function useEvents(
  executor: { readonly events$: Observable<PipelineEvent> },
  { limit = 100, filter }: UseEventsOptions = {},
): readonly PipelineEvent[] {
  const latestFilter = useRef(filter);
  latestFilter.current = filter;
  const store = useMemo(
    () =>
      new ThrottledStore<PipelineEvent, readonly PipelineEvent[]>(
        executor.events$,
        NO_EVENTS,
        (events, event) =>
          latestFilter.current?.(event) === false ? events : [...events, event].slice(-limit),
      ),
    [executor, limit],
  );
  return useSyncExternalStore(store.subscribe, store.snapshot, store.initialSnapshot);
}
