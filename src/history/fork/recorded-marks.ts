import type { CheckpointMark } from '../../../machines/context.js';
import { EXECUTOR } from '../../recording/format.js';
import type { RecordingReader } from '../../recording/reader.js';

/** Every committed point of a recorded run: the values of `flushed`. */
export function* recordedMarks(reader: RecordingReader): Generator<CheckpointMark> {
  for (let index = 0; index < reader.length; index++) {
    const record = reader.record(index);
    if (record.type !== 'step' || record.actor !== EXECUTOR) continue;
    const { set, in: inside } = record.patch;
    if (set?.flushed === undefined && inside?.flushed === undefined) continue;
    const { actors, isUncertain } = reader.frameAt(index);
    if (!isUncertain) yield actors[EXECUTOR]?.context.flushed as unknown as CheckpointMark;
  }
}
