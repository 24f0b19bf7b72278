/** The snapshot at any moment of a recorded run, as test material. */
import { encodeCheckpoint } from '../checkpoint/envelope.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import type { PipelineLike } from '../executor/definition.js';
import { openRecording } from '../history/open-recording.js';
import { type Moment, recordedCheckpoint, recordedMoment } from '../history/snapshot-at.js';
import type { AnyStage } from '../stages/stage.js';
import { type LoadedSnapshot, readSnapshot } from './load-snapshot.js';
import { placeOf, type RecordedRun } from './replay.js';

/** What `snapshotAt` gives: a `LoadedSnapshot`, and which moment it is of. */
export interface RecordedSnapshotAt extends LoadedSnapshot {
  /** Number of the record. */
  readonly event: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What the executor was at a moment of a recorded run: after an event, when a batch had been committed, when a state had
 * been entered, at a time. `snapshot` is what `createActor` resumes from; with a pipeline it is a whole checkpoint, which
 * `createTestExecutor` resumes from.
 * @param run as for `replay`.
 * @param pipeline what is to go on: sizes of batches, source and sink are its own.
 * @throws {RecordingError} where there is no such recording or moment.
 * @example
 * const { stages, snapshot } = await snapshotAt({ session: id }, { state: 'PAUSED' });
 * const actor = createActor(createExecutorMachine(stages), { snapshot, input: {} }).start(); */
export async function snapshotAt(
  run: RecordedRun,
  when: Moment,
  pipeline?: PipelineLike & { readonly stages: readonly AnyStage[] },
): Promise<RecordedSnapshotAt> {
  const place = placeOf(run);
  const moment = recordedMoment(await openRecording(place), when);
  const { event, at, snapshot } = moment;
  if (pipeline === undefined) return { ...readSnapshot(JSON.stringify(snapshot)), event, at };
  const checkpoint = recordedCheckpoint(moment, pipeline);
  const stored =
    typeof place === 'object' && 'session' in place
      ? await new StateManager(
          lowdbStorage(place.stateDir ?? '.xstate-pipeline', { ...fileSystemOf(place) }),
        ).loadCheckpoint(place.session)
      : undefined;
  // Batches begin and end where they did.
  const { settings = checkpoint.settings } = stored?.checkpoint ?? {};
  return { ...readSnapshot(encodeCheckpoint({ ...checkpoint, settings }), pipeline.stages), event, at };
}

const fileSystemOf = ({
  fileSystem,
}: {
  fileSystem?: NonNullable<Parameters<typeof lowdbStorage>[1]>['fileSystem'];
}) => (fileSystem === undefined ? {} : { fileSystem });
