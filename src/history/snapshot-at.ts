/**
 * The machine's snapshot at any moment of a recorded run, and the checkpoint to resume from.
 *
 * It contains the actors' states at that moment. As with any snapshot, a restore rewinds the batches in flight (I18).
 */
import { EXECUTOR_STATES, type ExecutorContext, type ExecutorState } from '../../machines/context.js';
import type { RestoredSnapshot } from '../../machines/restore/restore.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import { RecordingError } from '../errors.js';
import { definePipeline, type PipelineLike } from '../executor/definition.js';
import { DEFAULT_CHECKPOINT_EVERY_MS } from '../executor/session/checkpoints/checkpoint-settings.js';
import type { JsonObject } from '../formats/json.js';
import { isDate } from '../platform/tagged.js';
import { EXECUTOR, type RecordingRecord } from '../recording/format.js';
import type { RecordingReader } from '../recording/reader.js';
import { pipelineFingerprint } from '../stages/pipeline-fingerprint.js';
import type { AnyStage } from '../stages/stage.js';

/** A moment of a recorded run. */
export type Moment =
  /** After the record with this number, as `replay` prints it. */
  | { readonly event: number }
  /** After the commit of this batch and all before it. */
  | { readonly batch: number }
  /** After the executor entered this state for the nth time, from 1. Default: the last time. */
  | { readonly state: ExecutorState; readonly nth?: number }
  /** Milliseconds since the epoch, or a date. */
  | { readonly time: number | Date };

/** The value of `actor.getPersistedSnapshot()` at that moment. */
export type RecordedSnapshot = Omit<RestoredSnapshot, 'output' | 'error'>;

export interface RecordedMoment {
  /** Number of the record. */
  readonly event: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly snapshot: RecordedSnapshot;
}

/** @throws {RecordingError} when the recording has no such moment, or is damaged there. */
export function recordedMoment(reader: RecordingReader, when: Moment): RecordedMoment {
  assertMoment(when);
  const index = indexOf(reader, when);
  if (index === undefined)
    throw new RecordingError(`The recording has no such moment: ${textOf(when)}. ${momentsOf(reader)}`);
  const { actors, isUncertain, record } = reader.frameAt(index);
  const frame = actors[EXECUTOR];
  const value = EXECUTOR_STATES.find((state) => state === frame?.state);
  if (frame === undefined || value === undefined || isUncertain)
    throw new RecordingError(
      `The recording is damaged before event ${record.n}. Choose an earlier or a later moment.`,
    );
  const children = Object.entries(actors).flatMap(([id, { parent, state, status, context }]) => {
    const snapshot = { status, value: state, context, children: {}, historyValue: {} };
    return parent === EXECUTOR ? [[id, { src: id, syncSnapshot: false, snapshot }] as const] : [];
  });
  return {
    event: record.n,
    at: record.at,
    snapshot: {
      status: frame.status === 'done' ? 'done' : 'active',
      value,
      context: frame.context as unknown as ExecutorContext,
      children: Object.fromEntries(children),
      historyValue: {},
    },
  };
}

/** The session's checkpoint, as if saved at that moment.
 * @param pipeline the pipeline that will resume, with its batch size, source and sink. */
export function recordedCheckpoint(
  { at, snapshot }: RecordedMoment,
  pipeline: PipelineLike & { readonly stages: readonly AnyStage[] },
): Checkpoint {
  const { stages } = pipeline;
  const definition = definePipeline(pipeline, stages);
  const { sessionId, settings, startedAt, error } = snapshot.context;
  const { maxInFlight, checkpointInterval } = settings;
  const { batchSize, checkpointEveryMs = DEFAULT_CHECKPOINT_EVERY_MS } = definition;
  return {
    ...{ sessionId, startedAt, savedAt: at, epoch: 1, pipeline: definition.name, state: snapshot.value },
    fingerprint: pipelineFingerprint(stages),
    settings: { batchSize, checkpointEveryMs: checkpointEveryMs || null, maxInFlight, checkpointInterval },
    source: definition.source.describe() ?? null,
    sink: definition.sink.describe() ?? null,
    deadLetter: definition.deadLetter?.describe() ?? null,
    // The recording does not contain the input's identity.
    sourceIdentity: null,
    ...(error === null ? {} : { error }),
    snapshot: JSON.parse(JSON.stringify(snapshot)) as JsonObject,
  };
}

function indexOf(reader: RecordingReader, when: Moment): number | undefined {
  if ('time' in when) {
    const time = Number(when.time);
    const { from } = reader.summary();
    return time < from ? undefined : reader.indexAtTime(time);
  }
  if ('event' in when) return indexOfNumber(reader, when.event);
  if ('batch' in when) return first(reader, (record) => committedOf(record) > when.batch);
  const entered = (record: RecordingRecord) =>
    record.type === 'step' &&
    record.actor === EXECUTOR &&
    record.to === when.state &&
    record.from !== record.to;
  const { nth } = when;
  const all = reader.find({ types: ['step'], actor: EXECUTOR }, 0, Number.POSITIVE_INFINITY);
  const found = all.filter(({ record }) => entered(record));
  return (nth === undefined ? found.at(-1) : found[nth - 1])?.index;
}

/** Earlier records may have been dropped. */
function indexOfNumber(reader: RecordingReader, n: number): number | undefined {
  let [low, high] = [0, reader.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reader.record(middle).n < n) low = middle + 1;
    else high = middle;
  }
  return reader.length > 0 && reader.record(low).n === n ? low : undefined;
}

function committedOf(record: RecordingRecord): number {
  if (record.type === 'step' && record.actor === EXECUTOR) return Number(record.patch.set?.committed ?? -1);
  if (record.type === 'keyframe') return Number(record.actors[EXECUTOR]?.context.committed ?? -1);
  return -1;
}

function first(reader: RecordingReader, fits: (record: RecordingRecord) => boolean): number | undefined {
  for (let index = 0; index < reader.length; index++) if (fits(reader.record(index))) return index;
  return undefined;
}

/** Checks the argument for callers without types. */
function assertMoment(when: Moment): void {
  const { event, batch, state, nth, time } = (when ?? {}) as Readonly<Record<string, unknown>>;
  const asked = [event, batch, state, time].filter((value) => value !== undefined);
  const numbers = [event, batch, nth].filter((value) => value !== undefined);
  const isRight =
    asked.length === 1 &&
    numbers.every((value) => Number.isSafeInteger(value) && Number(value) >= 0) &&
    (state === undefined || EXECUTOR_STATES.some((known) => known === state)) &&
    (time === undefined || Number.isFinite(Number(time)));
  if (isRight) return;
  throw new RecordingError(
    `A moment is one of { event: 17 }, { batch: 3 }, { state: '${EXECUTOR_STATES.join("' | '")}', nth: 1 } and { time: milliseconds or Date }; not ${textOf(when)}.`,
  );
}

/** The existing moments, for the message. */
function momentsOf(reader: RecordingReader): string {
  const { from, to } = reader.summary();
  const numberAt = (index: number) => reader.stampAt(index).n;
  const committed = Number(reader.frameAt(reader.length - 1).actors[EXECUTOR]?.context.committed ?? 0);
  const batches = committed === 0 ? 'no batch' : `batches up to ${committed - 1}`;
  const time = (at: number) => new Date(at).toISOString();
  return `It has events ${numberAt(0)} to ${numberAt(reader.length - 1)}, ${batches} committed, ${time(from)} to ${time(to)}.`;
}

function textOf(when: Moment): string {
  const { time } = (when ?? {}) as { time?: unknown };
  const isTime = isDate(time) && Number.isFinite(Number(time));
  return JSON.stringify(isTime ? { time: time.toISOString() } : when) ?? String(when);
}
