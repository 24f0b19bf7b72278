/**
 * The pipeline at one moment as lanes: queue, batches in flight, counters and speed of each stage. Pure.
 *
 * Counters come from the actors' contexts in the frame; rate and time per batch from the records just before it.
 */

import { at, fields, list, number, text } from '../../job/read.js';
import type { Frame, Point, RecordingRecord } from '../records.js';
import { stateText } from './state-value.js';

export interface Lane {
  readonly stage: string;
  readonly actor: string;
  /** State of the stage's machine; empty before the stage starts. */
  readonly state: string;
  /** Batches. */
  readonly queued: number;
  readonly inFlight: number;
  readonly retrying: number;
  /** Batches that wait for a permit of a limiter. */
  readonly awaitingPermit: number;
  /** Over all processes. */
  readonly done: number;
  /** Attempts after the first. */
  readonly retried: number;
  /** Rows that errors cost. */
  readonly rowsLost: number;
  readonly concurrency: number;
  /** Rows a second over the last seconds; null: unknown, or nothing runs. */
  readonly rate: number | null;
  /** Mean milliseconds per batch over the loaded records; null: unknown. */
  readonly latencyMs: number | null;
  readonly error: string;
}

export interface WindowCell {
  readonly batch: number;
  /** Index of the stage; the number of stages: waiting for the sink. */
  readonly at: number;
}

export interface ExecutorMetrics {
  readonly state: string;
  /** The activity: reading, writing, committing, pausing, publishing. */
  readonly doing: readonly string[];
  /** Read from the source. */
  readonly rowsRead: number;
  /** Before the last batch that was handed to the sink. */
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly lost: number;
  /** Batches: read, handed to the sink, durable and covered by a checkpoint. */
  readonly read: number;
  readonly written: number;
  readonly committed: number;
  readonly window: readonly WindowCell[];
  readonly maxInFlight: number;
  /** Bytes of the sink's file; null: unknown. */
  readonly sinkBytes: number | null;
  /** 0: not started. */
  readonly startedAt: number;
  readonly error: string;
  /** Why the run paused by itself; null: it did not. */
  readonly reason: { readonly kind: string; readonly message: string; readonly advice: string } | null;
}

/** What the activity of the context says, in words. */
function doingOf({
  reader,
  writer,
  committer,
  goal,
  publisher,
}: Readonly<Record<string, unknown>>): string[] {
  const isCommitting = committer === 'flushing' || committer === 'saving';
  return [
    ...(reader === 'reading' ? ['reading'] : []),
    ...(writer === 'writing' ? ['writing'] : []),
    ...(isCommitting ? ['committing'] : []),
    ...(goal === 'pause' ? ['pausing'] : []),
    ...(publisher === 'publishing' || publisher === 'delivering' ? [publisher] : []),
  ];
}

export function executorMetrics(frame: Frame): ExecutorMetrics {
  const executor = frame.actors.executor;
  const context = fields(executor?.context);
  const sink = at(context, 'flushed', 'sink');
  const cells = list(context.window);
  const rowsIn = number(at(context, 'written', 'rowsIn'));
  const position = number(at(sink, 'bytes'), number(at(sink, 'position', 'bytes'), -1));
  return {
    state: stateText(executor?.state),
    doing: doingOf(fields(context.activity)),
    rowsRead: cells.reduce<number>((sum, cell) => sum + number(at(cell, 'rows')), rowsIn),
    rowsIn,
    rowsOut: number(at(context, 'written', 'rowsOut')),
    lost: number(at(context, 'written', 'losses', 'total')),
    read: number(context.next),
    written: number(at(context, 'written', 'batches')),
    committed: number(context.committed),
    window: cells.map((cell) => ({
      batch: number(at(cell, 'batch')),
      at: number(at(cell, 'at')),
    })),
    maxInFlight: number(at(context, 'settings', 'maxInFlight')),
    sinkBytes: position < 0 ? null : position,
    startedAt: number(context.startedAt),
    error: errorText(context.error),
    reason: reasonOf(context.pauseReason),
  };
}

function reasonOf(reason: unknown): ExecutorMetrics['reason'] {
  const { kind, message, advice } = fields(reason);
  return text(kind) === '' ? null : { kind: text(kind), message: text(message), advice: text(advice) };
}

/** @param recent the records before the frame, oldest first; a few hundred are enough. */
export function lanes(
  frame: Frame,
  stages: readonly string[],
  recent: readonly { readonly record: RecordingRecord }[],
): readonly Lane[] {
  const executor = frame.actors.executor;
  const written = fields(at(executor?.context, 'written'));
  const window = list(at(executor?.context, 'window'));
  const pace = paces(recent, frame.at);
  const isExecuting = stateText(executor?.state) === 'EXECUTING';
  return stages.map((stage, index) => {
    const actor = `stage:${stage}`;
    const own = frame.actors[actor];
    const context = fields(own?.context);
    const waiting = list(context.waiting);
    const awaitingPermit = waiting.filter((wait) => text(at(wait, 'waitingFor')) !== '').length;
    const counters = fields(list(written.stages)[index]);
    const { rate, latencyMs } = pace.get(stage) ?? { rate: null, latencyMs: null };
    const error = errorText(context.error);
    return {
      stage,
      actor,
      // A failed run stops its stages, the one that failed as well.
      state: error === '' ? stateText(own?.state) : 'failed',
      queued: list(context.queue).length,
      inFlight: list(context.running).length,
      retrying: waiting.length - awaitingPermit,
      awaitingPermit,
      // The counters cover all processes, up to the written batches; the window has those that follow.
      done: number(counters.batches) + window.filter((cell) => number(at(cell, 'at')) > index).length,
      retried: Math.max(number(context.retried), number(counters.retries)),
      rowsLost: number(counters.skipped) + number(counters.deadLettered),
      concurrency: number(context.concurrency),
      rate: isExecuting ? rate : null,
      latencyMs,
      error,
    };
  });
}

interface Pace {
  readonly rate: number | null;
  readonly latencyMs: number | null;
}

/** A rate is over these milliseconds before the moment, or over what is loaded of them. */
const RATE_MS = 10_000;
/** A shorter span has no rate. */
const SHORTEST_MS = 100;

function paces(recent: readonly { readonly record: RecordingRecord }[], now: number): Map<string, Pace> {
  const sums = new Map<string, { rows: number; ms: number; batches: number }>();
  let since = Math.max(now - RATE_MS, recent[0]?.record.at ?? now);
  for (const { record } of recent) {
    if (record.type === 'begin' || isResume(record)) {
      for (const sum of sums.values()) sum.rows = 0;
      since = Math.max(since, record.at);
    }
    if (record.type !== 'event' || record.event.type !== 'batch.completed' || record.at > now) continue;
    const stage = text(record.event.stage);
    const sum = sums.get(stage) ?? { rows: 0, ms: 0, batches: 0 };
    if (record.at > since) sum.rows += number(record.event.rowsIn);
    sum.ms += number(record.event.durationMs);
    sum.batches++;
    sums.set(stage, sum);
  }
  const span = now - since;
  return new Map(
    [...sums].map(([stage, { rows, ms, batches }]) => [
      stage,
      { rate: span < SHORTEST_MS ? null : (rows * 1000) / span, latencyMs: ms / batches },
    ]),
  );
}

const isResume = (record: RecordingRecord): boolean =>
  record.type === 'step' && record.actor === 'executor' && record.from === 'PAUSED' && record.to !== 'PAUSED';

function errorText(error: unknown): string {
  const { code, message } = fields(error);
  const said = text(message);
  return said === '' ? '' : text(code) === '' ? said : `${text(code)}: ${said}`;
}

/** At the last commit before the moment, at the resolution of the series; undefined: unknown. */
export function journalBytes(series: readonly Point[], now: number): number | undefined {
  return series.findLast((point) => point.journalBytes !== undefined && point.at <= now)?.journalBytes;
}

export interface Checkpoint {
  readonly bytes: number;
  /** Before the frame. */
  readonly ageMs: number;
}

/** The newest checkpoint among the loaded records; null: none. */
export function lastCheckpoint(
  recent: readonly { readonly record: RecordingRecord }[],
  now: number,
): Checkpoint | null {
  const record = recent.findLast(
    (each) => each.record.type === 'event' && each.record.event.type === 'checkpoint.saved',
  )?.record;
  if (record?.type !== 'event') return null;
  return { bytes: number(record.event.bytes), ageMs: Math.max(0, now - record.at) };
}
