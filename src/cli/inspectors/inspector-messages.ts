/** Messages between a run and the child process that serves its page. */
import type { SerializedError } from '../../executor/fusion/serialized-error.js';

/** From the child process. */
export type FromInspector =
  /** The first message, unless the start failed. */
  | { readonly type: 'listening'; readonly url: string }
  | { readonly type: 'failed'; readonly error: SerializedError }
  /** Connected pages. */
  | { readonly type: 'viewers'; readonly count: number }
  /** A page asks to resume the run that is paused in its own process. The answer is `resumed` with the same number. */
  | { readonly type: 'resume'; readonly number: number; readonly session: string };

/** From the run. */
export type ToInspector =
  /** The run's session, which the page shows first. */
  | { readonly type: 'session'; readonly session: string }
  /** `isDone` false: the run is not paused in its process. */
  | { readonly type: 'resumed'; readonly number: number; readonly isDone: boolean };
