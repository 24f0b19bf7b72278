/**
 * The port between `session/` (control) and `rows/` (data): all that a run asks of its rows.
 *
 * Owns the rows in flight, the attempts over them, and the sinks that they go to. `session/` opens source, sink and
 * journal, passes them in, and closes them. Calls in: the methods of `Rows`. Calls out: `send`, `publish`, `fail`.
 * Nothing else of `rows/` is imported by `session/`, and nothing of `session/` by `rows/` (.dependency-cruiser.cjs).
 */
import type {
  CheckpointMark,
  ExecutorContext,
  JsonObject,
  StateReference,
  WrittenCounters,
} from '../../../machines/context.js';
import type { ExecutorEvent, ReadRequest } from '../../../machines/executor-events.js';
import type { Journal } from '../../checkpoint/journal/journal.js';
import type { StateLogs } from '../../checkpoint/state-logs/state-logs.js';
import type { InFlightMarker } from '../../checkpoint/storages/in-flight-marker.js';
import type { Environment } from '../../platform/environment.js';
import type { OpenContext } from '../../platform/open-context.js';
import type { OpenSink, Sink } from '../../sinks/sink.js';
import type { OpenSource } from '../../sources/source.js';
import type { SessionBudget } from '../../spending/budget.js';
import type { Ledger } from '../../spending/ledger.js';
import { stageFingerprints } from '../../stages/pipeline-fingerprint.js';
import type { AnyStage } from '../../stages/stage.js';
import type { PipelineDefinition } from '../definition.js';
import type { FusionThreads } from '../fusion/thread-job.js';
import type { EventDraft } from '../publish.js';
import { AttemptRunner } from './attempt-runner.js';
import type { StageActor } from './attempts/running-attempt.js';
import { BatchProcessor } from './batch-processor.js';
import { CallGates } from './calls/call-gates.js';
import { DeadLetterFile } from './dead-letter-file.js';
import { LossCeiling, SOURCE } from './holding/loss-ceiling.js';
import { RunHold } from './holding/run-hold.js';
import { sampleReason } from './holding/sample-reason.js';
import { keyedOf, withJournaledState } from './keyed/journaled-state.js';
import type { KeyedRuntime, KeyedStages } from './keyed/keyed-stages.js';
import { SourceReader } from './source-reader.js';
import { RunSpending } from './spending/run-spending.js';
import { sumWrittenCounters } from './sum-counters.js';

export type { StageActor } from './attempts/running-attempt.js';
export { type KeyedRuntime, openKeyedStages } from './keyed/keyed-stages.js';
export { openLedger } from './spending/spending-journal.js';

/** What the keyed stages are opened with. */
export interface KeyedOptions extends Pick<RowsOptions, 'stages' | 'mark' | 'openContext' | 'publish'> {
  readonly openLogs: () => Promise<StateLogs>;
  /** Rebuilds a sink. */
  readonly sinkOf: (description: JsonObject) => Sink<unknown>;
}

/** Reads the state of the stages that keep state by key. Undefined: there is none of them.
 * @throws {CorruptStateError} */
export async function openKeyed(options: KeyedOptions): Promise<KeyedStages | undefined> {
  const { stages, mark, openContext, publish, openLogs, sinkOf } = options;
  const runtime = keyedOf(stages)?.runtime;
  if (runtime === undefined) return undefined;
  const at = { firstBatch: mark.batches, references: mark.state ?? [] };
  return (runtime as KeyedRuntime).openKeyedStages({
    stages,
    ...at,
    logs: await openLogs(),
    openContext,
    publish,
    sinkOf,
  });
}

export interface RowsOptions {
  readonly sessionId: string;
  readonly epoch: number;
  readonly stages: readonly AnyStage[];
  readonly definition: PipelineDefinition;
  readonly environment: Environment;
  /** The last durable point: the next batch begins there. */
  readonly mark: CheckpointMark;
  /** Everything was written at `mark`: the dead letters may be published already. */
  readonly wasSealed: boolean;
  readonly source: OpenSource<unknown>;
  readonly sink: OpenSink<unknown>;
  readonly journal: Journal | undefined;
  /** Undefined: no stage keeps state by key. */
  readonly keyed: KeyedStages | undefined;
  /** What the session has spent. */
  readonly ledger: Ledger;
  /** Milliseconds in EXECUTING, over all processes. */
  readonly elapsedMs: () => number;
  readonly marker: InFlightMarker | undefined;
  readonly threads: FusionThreads | undefined;
  /** Milliseconds between checkpoints, at most. */
  readonly maxWaitMs: number;
  /** Calls back once, as soon as the run is pausing. @returns stops watching. */
  readonly whenPausing: (callback: () => void) => () => void;
  /** Passed on to the dead-letter sink, which is opened at its first row. */
  readonly openContext: OpenContext;
  /** The machine's context; undefined once the run has ended. */
  readonly context: () => ExecutorContext | undefined;
  readonly send: (event: ExecutorEvent) => void;
  readonly publish: (draft: EventDraft) => void;
  /** Ends the run. */
  readonly fail: (error: unknown) => void;
}

/** Positions that are durable. */
export interface FlushedPositions {
  readonly sink: JsonObject;
  readonly deadLetter: JsonObject | null;
  /** Undefined: no stage keeps state by key. */
  readonly state: readonly StateReference[] | undefined;
}

/** The rows of one opening of a session. */
export interface Rows {
  /** What a stage threw when it failed for good; `stage.failed` carries data only. */
  readonly lastFailure: unknown;
  /** Reads batches and answers with `source.batches` and `source.end`. */
  readBatches(params: ReadRequest): Promise<void>;
  /** Appends the finished batches from `from` up to and including `upTo` to the sinks. */
  appendBatches(from: number, upTo: number): Promise<WrittenCounters>;
  /** Makes durable what was appended before the call, and the state after the batches below `upTo`. */
  flushSinks(upTo: number): Promise<FlushedPositions>;
  /** The checkpoint with this mark is stored. */
  trimState(mark: CheckpointMark): Promise<void>;
  /** Renames the outputs to their targets. */
  publishSinks(): Promise<void>;
  startAttempt(actor: StageActor, stageIndex: number, batch: number, attempt: number): void;
  armRetry(actor: StageActor, batch: number, delayMs: number): void;
  /** The concurrency of a stage has changed; calls that run are not stopped. */
  resizeStage(stageIndex: number, concurrency: number): void;
  /** The limits of what the session may spend have changed. @throws {InvalidOptionError} */
  changeBudget(budget: SessionBudget | undefined): void;
  /** The run resumes after a pause: attempts may begin again. */
  resumeAttempts(): void;
  /** Aborts every attempt; no answer follows. */
  abortAttempts(reason: unknown): void;
  /** Closes what this port opened itself: the dead-letter sink. */
  close(): Promise<void>;
}

/** Undefined: no row is lost, or any number may be. */
function lossCeiling({ definition, stages, fail }: RowsOptions, hold: RunHold): LossCeiling | undefined {
  const { losses: limits, source } = definition;
  const mayLose = source.onMalformed !== 'fail' || stages.some(({ onError }) => onError !== 'fail');
  if (limits === undefined || !mayLose) return undefined;
  const names = stages.map(({ name }) => name);
  return new LossCeiling({ limits, stages: names, pause: (...args) => hold.close(...args), fail });
}

export function openRows(options: RowsOptions): Rows {
  const { sessionId, epoch, definition, environment, mark, wasSealed, openContext } = options;
  const { ledger, source, sink, journal, keyed, marker, threads, send, publish, fail, context } = options;
  const stages = keyed === undefined ? options.stages : withJournaledState(options.stages);
  const { clock, random, logger, tracing } = environment;
  const deadLetters = new DeadLetterFile(definition.deadLetter, mark.deadLetter, wasSealed, openContext);
  const { onMalformed } = definition.source;
  const fingerprints = stageFingerprints(stages);
  const { budget } = definition;
  const spending = new RunSpending({
    ...{ stages, ledger, journal, budget, clock, publish, fail },
    elapsedMs: options.elapsedMs,
  });
  const hold = new RunHold(send);
  const losses = lossCeiling(options, hold);
  const gates = new CallGates(stages, clock, spending, hold, (...args) => attempts.reportLoad(...args));
  const processor = new BatchProcessor({
    ...{ stages, fingerprints, sink, journal, onMalformed, publish, threads, sessionId },
    ...{ gates: gates.perStage, spending, losses, keyed },
  });
  const attempts = new AttemptRunner({
    ...{ sessionId, stages, processor, spending, keyed, clock, random, logger, tracing, publish, fail, hold },
  });
  const reader = new SourceReader({
    ...{ source, processor, marker, definition, epoch, context, send, clock },
    ...{ maxWaitMs: options.maxWaitMs, whenPausing: options.whenPausing },
    rowsBefore: mark.rowsIn,
    stages: stages.length,
    batchSize: definition.batchSize,
    sample: definition.sample,
    onSampled: (rows) => hold.close(sampleReason(rows), SOURCE),
    onPause: ({ message, advice }) => hold.close({ kind: 'quota', message, advice }, SOURCE),
  });
  return {
    get lastFailure() {
      return attempts.lastFailure;
    },
    readBatches: (params) => reader.readBatches(params),
    async appendBatches(from, upTo) {
      const batches = processor.takeFinishedBatches(from, upTo);
      const encoded = batches.flatMap((batch) => batch.encoded ?? []);
      if (encoded.length > 0) await sink.append(encoded);
      await deadLetters.append(batches.flatMap((batch) => batch.deadLetters));
      return sumWrittenCounters(batches, stages);
    },
    async flushSinks(upTo) {
      const flushState = () => keyed?.flush(upTo);
      const [position, deadLetter, state] = await Promise.all([
        sink.flush(),
        deadLetters.flush(),
        flushState(),
      ]);
      return { sink: position, deadLetter, state };
    },
    async trimState({ state }) {
      if (state !== undefined) await keyed?.trim(state);
    },
    async publishSinks() {
      await keyed?.publishResults();
      await deadLetters.publish();
      await sink.publish();
    },
    startAttempt: (...args) => attempts.startAttempt(...args),
    armRetry: (...args) => attempts.armRetry(...args),
    resizeStage: (stageIndex, concurrency) => processor.resizeCalls(stageIndex, concurrency),
    changeBudget: (changed) => spending.changeBudget(changed),
    resumeAttempts() {
      hold.open();
      losses?.reset();
    },
    abortAttempts: (reason) => {
      attempts.abortAll(reason);
      gates.giveUpAll();
    },
    close: () => deadLetters.close(),
  };
}
