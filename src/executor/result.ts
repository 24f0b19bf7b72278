/** The result of a completed run: metrics, losses, and the output rows, which are read from the sink. */
import type { CheckpointMark, ExecutorContext, StageCounters } from '../../machines/context.js';
import { SinkError } from '../errors.js';
import type { RunMetrics, SessionSpending } from '../observers/metrics.js';
import type { Environment } from '../platform/environment.js';
import type { ReadableSink } from '../sinks/sink.js';
import { Ledger, type LedgerState } from '../spending/ledger.js';
import type { PipelineDefinition } from './definition.js';

/** A row that was lost to an error. */
export interface LostRow {
  /** The stage, or 'source' for a row that could not be read. */
  readonly stage: string;
  readonly batch: number;
  /** Index within the batch as the stage received it. */
  readonly row: number;
  /** `code: message` of its error; common ones are kept, rare ones past the twentieth are 'another reason'. */
  readonly reason: string;
}

/** The output rows, read from the sink each time; nothing is kept in memory. */
export interface OutputRows<T> extends AsyncIterable<T> {
  /** All rows at once, in memory. */
  toArray(): Promise<T[]>;
}

/** The result of a completed run. */
export interface ExecutionResult<T = unknown> {
  readonly sessionId: string;
  /** The run ended with output, or had no input. */
  readonly success: boolean;
  /** No row was lost. */
  readonly isComplete: boolean;
  readonly data: OutputRows<T>;
  readonly metrics: RunMetrics;
  /** The first 1,000 lost rows; `metrics.rowsFailed` counts all. */
  readonly errors: readonly LostRow[];
  readonly startTime: Date;
  readonly endTime: Date;
}

export function resultOf(
  context: ExecutorContext,
  definition: PipelineDefinition,
  environment: Environment,
  ledger: Ledger | undefined,
): ExecutionResult {
  const { flushed: mark, sessionId, startedAt } = context;
  return {
    sessionId,
    success: true,
    isComplete: mark.losses.total === 0,
    data: outputRows(definition, environment),
    metrics: { ...metricsOf(mark), ...sessionSpending(ledger?.state()) },
    errors: lostRows(mark),
    startTime: new Date(startedAt),
    endTime: new Date(environment.clock.now()),
  };
}

/** @returns nothing where nothing was spent. */
export function sessionSpending(state: LedgerState | undefined): { readonly spending?: SessionSpending } {
  if (state === undefined) return {};
  const ledger = new Ledger(state);
  return ledger.isEmpty ? {} : { spending: { ...ledger.total(), stages: state.stages } };
}

export function metricsOf(mark: CheckpointMark): RunMetrics {
  const sum = (of: (stage: StageCounters) => number) =>
    mark.stages.reduce((all, stage) => all + of(stage), 0);
  const deadLettered = sum((stage) => stage.deadLettered);
  return {
    rowsIn: mark.rowsIn,
    rowsOut: mark.rowsOut,
    rowsSkipped: sum((stage) => stage.skipped),
    rowsFailed: mark.losses.total,
    rowsDeadLettered: deadLettered,
    batches: mark.batches,
    retries: sum((stage) => stage.retries),
    durationMs: mark.elapsedMs,
    rowsPerSecond: mark.elapsedMs === 0 ? 0 : Math.round((mark.rowsIn / mark.elapsedMs) * 1000),
    stages: mark.stages,
  };
}

function lostRows(mark: CheckpointMark): LostRow[] {
  const { named, reasons } = mark.losses;
  return named.map(([batch, row, stage, reason]) => ({
    stage: stage < 0 ? 'source' : (mark.stages[stage]?.stage ?? `stage ${stage}`),
    batch,
    row,
    reason: reasons[reason] ?? 'unknown',
  }));
}

function outputRows({ sink }: PipelineDefinition, { fileSystem }: Environment): OutputRows<unknown> {
  const readable = sink as Partial<ReadableSink<unknown>>;
  const rows = {
    [Symbol.asyncIterator](): AsyncIterator<unknown> {
      if (readable.read === undefined)
        throw new SinkError(`The sink ${sink.label} cannot be read back: read its output where it went.`);
      return readable.read(fileSystem === undefined ? {} : { fileSystem })[Symbol.asyncIterator]();
    },
    async toArray(): Promise<unknown[]> {
      const all: unknown[] = [];
      for await (const row of rows) all.push(row);
      return all;
    },
    /** Rows are never part of a snapshot (I3). */
    toJSON: () => undefined,
  };
  return rows;
}
