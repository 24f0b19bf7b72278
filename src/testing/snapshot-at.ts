/** The snapshot at any moment of a recorded run, as a test fixture. */
import { encodeCheckpoint } from '../checkpoint/envelope.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import type { PipelineLike } from '../executor/definition.js';
import { openRecording } from '../history/open-recording.js';
import { type Moment, recordedCheckpoint, recordedMoment } from '../history/snapshot-at.js';
import type { AnyStage } from '../stages/stage.js';
import { type LoadedSnapshot, readSnapshot } from './load-snapshot.js';
import { type RecordedRun, recordingPlaceOf } from './replay.js';

/** What `snapshotAt` returns: a `LoadedSnapshot` and its moment. */
export interface RecordedSnapshotAt extends LoadedSnapshot {
  /** Number of the record. */
  readonly event: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The executor's snapshot at a moment of a recorded run: after an event, after the commit of a batch, on entry into a
 * state, or at a time. `createActor` resumes from `snapshot`; with a pipeline the result is a whole checkpoint, from which
 * `createTestExecutor` resumes.
 * @param run as for `replay`.
 * @param pipeline the pipeline that will resume, with its batch size, source and sink.
 * @throws {RecordingError} when there is no such recording or moment.
 * @example
 * const { stages, snapshot } = await snapshotAt({ session: id }, { state: 'PAUSED' });
 * const actor = createActor(createExecutorMachine(stages), { snapshot, input: {} }).start(); */
export async function snapshotAt(
  run: RecordedRun,
  when: Moment,
  pipeline?: PipelineLike & { readonly stages: readonly AnyStage[] },
): Promise<RecordedSnapshotAt> {
  const place = recordingPlaceOf(run);
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
  // The batch borders stay the recorded ones.
  const { settings = checkpoint.settings } = stored?.checkpoint ?? {};
  return { ...readSnapshot(encodeCheckpoint({ ...checkpoint, settings }), pipeline.stages), event, at };
}

const fileSystemOf = ({
  fileSystem,
}: {
  fileSystem?: NonNullable<Parameters<typeof lowdbStorage>[1]>['fileSystem'];
}) => (fileSystem === undefined ? {} : { fileSystem });
