/** The last transition of an actor. Pure. */
import type { Frame, RecordingRecord } from '../records.js';

interface Moment {
  readonly frame: Pick<Frame, 'index'>;
  readonly recent: readonly { readonly index: number; readonly record: RecordingRecord }[];
}

export interface Taken {
  readonly transition: number;
  /** The record at the cursor took it. */
  readonly isFresh: boolean;
}

/** Among the loaded records, back to the actor's start. An ignored event takes no transition. */
export function takenBy(actor: string, { frame, recent }: Moment): Taken | undefined {
  for (let i = recent.length - 1; i >= 0; i--) {
    const { index, record } = recent[i] as Moment['recent'][number];
    if (index > frame.index) continue;
    if (record.type === 'actor' && record.actor === actor) return undefined;
    if (record.type === 'step' && record.actor === actor && record.transition !== null)
      return { transition: record.transition, isFresh: index === frame.index };
  }
  return undefined;
}
