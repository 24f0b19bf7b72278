import type { PipelineEvent } from '../observers/events.js';

type WithoutStamp<E> = E extends unknown ? Omit<E, 'sessionId' | 'at'> : never;

/** An event before the run stamps it with session and time. */
export type EventDraft = WithoutStamp<PipelineEvent>;
