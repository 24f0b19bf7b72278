/**
 * Opens the parts of a session where the stored checkpoint mark stands: source, in-flight marker, journal, sink, threads, rows
 * and checkpoint writer, in this order.
 *
 * Called by `Session`, which owns the parts and closes them. Between any two parts the session may have been aborted: then
 * nothing more is opened.
 */
import { defaults } from '#defaults';
import type { CheckpointMark, ExecutorContext } from '../../../../machines/context.js';
import type { ExecutorEvent } from '../../../../machines/executor-events.js';
import type { Journal } from '../../../checkpoint/journal/journal.js';
import { canonicalJson, isObject, type JsonObject } from '../../../formats/json.js';
import type { Environment } from '../../../platform/environment.js';
import type { OpenContext } from '../../../platform/open-context.js';
import type { OpenSink } from '../../../sinks/sink.js';
import type { OpenSource } from '../../../sources/source.js';
import type { Ledger } from '../../../spending/ledger.js';
import type { PipelineDefinition } from '../../definition.js';
import { OutputDelivery } from '../../delivery/deliver-output.js';
import { assertDistinctFiles } from '../../endpoints/distinct-files.js';
import type { FusionThreads } from '../../fusion/thread-job.js';
import { openThreads } from '../../fusion/workers.js';
import { resultSinks } from '../../keyed/result-sinks.js';
import { openKeyed, openLedger, openRows, type Rows } from '../../rows/rows.js';
import { checkpointEveryMs, DEFAULT_CHECKPOINT_EVERY_MS } from '../checkpoints/checkpoint-settings.js';
import { CheckpointWriter, type MachineActor } from '../checkpoints/checkpoint-writer.js';
import type { RunStart, SessionRunOptions } from '../run-options.js';
import { assertSameInput, endedSource, identityOf } from './source-identity.js';

/** What an open session consists of. */
export interface OpenSession {
  readonly source: OpenSource<unknown>;
  readonly sink: OpenSink<unknown>;
  readonly journal: Journal | undefined;
  readonly ledger: Ledger;
  readonly rows: Rows;
  /** Undefined: the output is not delivered. */
  readonly delivery: OutputDelivery | undefined;
  readonly writer: CheckpointWriter;
}

/** What an opening asks of its owner. */
export interface SessionHost extends Omit<SessionRunOptions, 'definition' | 'publish'> {
  readonly actor: MachineActor;
  readonly force?: boolean;
  readonly publish: (sessionId: string, draft: Parameters<SessionRunOptions['publish']>[0]) => void;
}

/** The session that opens. */
export interface OpeningSession {
  readonly isEnding: () => boolean;
  /** @throws {Error} when the session is ending. */
  readonly stopIfEnding: () => void;
  /** Milliseconds in EXECUTING, over all processes. */
  readonly elapsedMs: () => number;
  /** Closes a part with the session, also while the part still opens. */
  readonly closeLater: <Part extends { close(): Promise<void> } | undefined>(
    opening: Promise<Part>,
  ) => Promise<Part>;
  /** The source is closed by the session, without waiting. */
  readonly ownSource: (source: OpenSource<unknown>) => void;
  readonly send: (event: ExecutorEvent) => void;
  readonly fail: (error: unknown) => void;
}

export async function openParts(
  start: RunStart,
  definition: PipelineDefinition,
  host: SessionHost,
  session: OpeningSession,
): Promise<OpenSession> {
  const { stateManager, stages, environment, actor } = host;
  const { sessionId, mark, wasSealed, epoch } = start;
  const { closeLater, send, fail } = session;
  const publish: SessionRunOptions['publish'] = (draft) => host.publish(sessionId, draft);
  const { clock, random } = environment;
  const openContext: OpenContext = { sessionId, clock, random, ...fileSystemOf(environment) };
  // First: loading the pipeline file takes a thread longer than all the rest.
  const openedThreads = startThreads(host, session);
  const isPublished = wasSealed && (await isPublishedAlready(definition, mark, openContext));
  const source = isPublished
    ? endedSource(start.sourceIdentity)
    : await definition.source.open(mark.source ?? undefined, openContext);
  session.ownSource(source);
  if (!isPublished) await assertSameInput(source, start, publish);
  const sourceIdentity = mark.source === null ? await identityOf(source, null) : start.sourceIdentity;
  session.stopIfEnding();
  const isDurable = stages.some((stage) => stage.durable);
  const marker = await closeLater(stateManager.inFlightMarker(sessionId));
  const isPaid =
    definition.budget !== undefined ||
    stages.some(({ estimate, budget }) => estimate !== undefined || budget !== undefined);
  const journal = isDurable || isPaid ? await closeLater(stateManager.journal(sessionId, epoch)) : undefined;
  session.stopIfEnding();
  const ledger = await openLedger(start.spending, journal, mark.batches);
  session.stopIfEnding();
  const keyed = await openKeyed({
    ...{ stages, mark, openContext, publish },
    openLogs: () => closeLater(stateManager.stateLogs(sessionId, epoch)),
    sinkOf: (description) => defaults.sink(description),
  });
  session.stopIfEnding();
  const outputs = {
    ...{ sink: definition.sink, 'dead-letter sink': definition.deadLetter },
    ...resultSinks(stages),
  };
  await assertDistinctFiles(source, outputs, environment.fileSystem);
  const sinkContext =
    source.columns === undefined ? openContext : { ...openContext, columns: source.columns };
  const isFresh = mark.sink === null;
  if (isFresh) await discardUnsaved(definition, stateManager, openContext);
  const notePosition = (position: JsonObject | null) =>
    noteOutputs(sessionId, definition, stateManager, position);
  if (isFresh) await notePosition(null);
  const sink = await closeLater(
    definition.sink.open(
      mark.sink ?? undefined,
      wasSealed,
      isFresh ? { ...sinkContext, notePosition } : sinkContext,
    ),
  );
  if (isFresh) await notePosition(sink.position);
  const threads = await openedThreads();
  const rows = openRows({
    ...{
      sessionId,
      epoch,
      stages,
      definition,
      environment,
      mark,
      wasSealed,
      openContext,
      publish,
      fail,
      send,
    },
    ...{ ledger, source, sink, journal, keyed, marker, threads },
    elapsedMs: () => session.elapsedMs(),
    context: () => (session.isEnding() ? undefined : contextOf(actor)),
    maxWaitMs: checkpointEveryMs(definition, stateManager) || DEFAULT_CHECKPOINT_EVERY_MS,
    whenPausing: (callback) => whenPausing(actor, callback),
  });
  closeLater(Promise.resolve(rows));
  session.stopIfEnding();
  const writer = new CheckpointWriter(
    actor,
    { ...host, definition, publish },
    { ...start, sourceIdentity },
    journal,
    ledger,
  );
  const { deliver } = definition;
  const delivery = !deliver
    ? undefined
    : new OutputDelivery(deliver, {
        ...{ environment, publish },
        whenPausing: (callback) => whenPausing(actor, callback),
      });
  closeLater(Promise.resolve(delivery));
  return { source, sink, journal, ledger, rows, delivery, writer };
}

/** A published output takes no more rows: the source is not opened again. */
async function isPublishedAlready(
  { sink }: PipelineDefinition,
  mark: CheckpointMark,
  context: OpenContext,
): Promise<boolean> {
  return mark.sink !== null && (await sink.isPublished?.(mark.sink, context)) === true;
}

/** A thread that cannot work ends the opening, and later the run.
 * @throws what it cannot work for. */
function startThreads(
  { workers, stages }: SessionHost,
  { closeLater, fail }: OpeningSession,
): () => Promise<FusionThreads | undefined> {
  let isOpening = true;
  let unfit: { readonly error: unknown } | undefined;
  const opening = openThreads(workers, stages, (error) => {
    if (isOpening) unfit = { error };
    else fail(error);
  });
  const threads = opening === undefined ? undefined : closeLater(opening);
  threads?.catch(() => {});
  return async () => {
    const opened = await threads;
    isOpening = false;
    if (unfit !== undefined) throw unfit.error;
    return opened;
  };
}

/** What an opening of this session created that was killed before its first checkpoint. */
async function discardUnsaved(
  { sink }: PipelineDefinition,
  { storage }: SessionHost['stateManager'],
  context: OpenContext,
): Promise<void> {
  const noted = await storage.notedOutputs?.(context.sessionId);
  const position = noted?.position;
  const isSame = canonicalJson(noted?.sink ?? null) === canonicalJson(sink.describe() ?? null);
  if (isSame && isObject(position)) await sink.discard?.(position as JsonObject, context);
}

/** Never needed to resume: a failure is not one of the run.
 * @param position of the sink; null: not known yet. */
async function noteOutputs(
  sessionId: string,
  { sink, deadLetter }: PipelineDefinition,
  { storage }: SessionHost['stateManager'],
  position: JsonObject | null,
): Promise<void> {
  const outputs = { sink: sink.describe() ?? null, deadLetter: deadLetter?.describe() ?? null, position };
  await storage.noteOutputs?.(sessionId, outputs).catch(() => {});
}

function contextOf(actor: MachineActor): ExecutorContext {
  return (actor.getSnapshot() as { readonly context: ExecutorContext }).context;
}

/** Calls back once, in the transition that asks for a pause or later. @returns stops watching. */
function whenPausing(actor: MachineActor, callback: () => void): () => void {
  let isCalled = false;
  const check = () => {
    if (isCalled || contextOf(actor).activity.goal !== 'pause') return;
    isCalled = true;
    callback();
  };
  const subscription = actor.subscribe(check);
  check();
  return () => subscription.unsubscribe();
}

function fileSystemOf({ fileSystem }: Environment): Pick<Environment, 'fileSystem'> {
  return fileSystem === undefined ? {} : { fileSystem };
}
