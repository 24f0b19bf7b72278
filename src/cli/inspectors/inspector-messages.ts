/** What a run and the process that serves its page say to each other, over the channel that Node gives to a child. */
import type { SerializedError } from '../../executor/fusion/serialized-error.js';

/** From the page's server. */
export type FromInspector =
  /** The first one, unless it failed. */
  | { readonly type: 'listening'; readonly url: string }
  | { readonly type: 'failed'; readonly error: SerializedError }
  /** Pages that are connected now. */
  | { readonly type: 'viewers'; readonly count: number }
  /** A page wants to resume what is paused in the run's process; answered with `resumed` and the same number. */
  | { readonly type: 'resume'; readonly number: number; readonly session: string };

/** From the run. */
export type ToInspector =
  /** The run has a session: the one to show first. */
  | { readonly type: 'session'; readonly session: string }
  /** False: nothing is paused there, it is for others to resume. */
  | { readonly type: 'resumed'; readonly number: number; readonly isDone: boolean };
