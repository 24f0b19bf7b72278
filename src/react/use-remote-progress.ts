import { useMemo, useSyncExternalStore } from 'react';
import { type EventSourceLike, NOTHING_RECEIVED, type RemoteProgress, RemoteRun } from './remote-progress.js';

export type { RemoteProgress };

/** How a run elsewhere is followed. */
export interface RemoteProgressOptions {
  /** How many events are kept, the newest. Default 100. */
  readonly limit?: number | undefined;
  /** Sends cookies to another origin. Default false. */
  readonly withCredentials?: boolean | undefined;
}

/**
 * Follows a run on a server that answers `url` with `progressStream(executor)`. A lost connection is opened again by the browser, and
 * continues with the next event.
 *
 * @param url of the same origin, or of one that allows it.
 * @example
 * const { status, progress } = useRemoteProgress('/runs/labels/progress');
 */
export function useRemoteProgress(
  url: string | URL,
  { limit = 100, withCredentials = false }: RemoteProgressOptions = {},
): RemoteProgress {
  const address = String(url);
  const run = useMemo(
    () => new RemoteRun(() => new EventSource(address, { withCredentials }) as EventSourceLike, limit),
    [address, limit, withCredentials],
  );
  return useSyncExternalStore(run.subscribe, run.snapshot, () => NOTHING_RECEIVED);
}
