/**
 * One run in the foreground, from its first line to its exit code: `run` and `resume` differ only in how it begins.
 *
 * 1. The session id is printed when the session is stored, so that it can always be resumed; it is the first line.
 * 2. A request to stop pauses while rows are worked on, cancels while things are being opened, and ends the process
 *    where neither is possible; the receipt and the command that resumes it come last.
 * 3. The process ends when the run has ended, whatever handles a stage left open; everything was written before.
 * 4. A run that cannot end, because everything that it waits for is gone, is a failure and not a silent 0; so is one in
 *    which a stage ends the process.
 */

import { format, inspect } from 'node:util';
import type { StateManager } from '../checkpoint/state-manager.js';
import { CheckpointNotFoundError, codeOf, messageOf } from '../errors.js';
import type { PipelineExecutor } from '../executor/pipeline-executor.js';
import type { ExecutionResult } from '../executor/result.js';
import type { PipelineEvent } from '../observers/events.js';
import { progressBar } from '../observers/progress/progress-bar.js';
import { Observable } from '../observers/rx.js';
import { systemClock } from '../platform/clock.js';
import { Deferred } from '../platform/deferred.js';
import type { Logger } from '../platform/logger.js';
import { sessionCommand } from '../sessions/invocation.js';
import { storedMark } from '../sessions/stored-metrics.js';
import { COMPLETED, exitCodeOf, FAILED, STOPPED_FROM_ELSEWHERE } from './exit-codes.js';
import {
  openLiveInspector,
  type RunViewer,
  waitForPageClose,
  waitForPageResume,
} from './inspectors/live-inspector.js';
import { startedFirst } from './output/json-events.js';
import { reportError } from './output/report.js';
import {
  completedEnding,
  type Ending,
  endingLines,
  type Places,
  type StopKind,
  stoppedEnding,
} from './output/summary.js';
import type { Terminal } from './output/terminal.js';
import type { StopRequest, StopRequests } from './stop-requests.js';

export interface SessionOptions {
  readonly terminal: Terminal;
  readonly stops: StopRequests;
  readonly stateManager: StateManager;
  readonly stateDir: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly record: boolean;
  /** Who watches it, beside whoever reads the terminal. */
  readonly viewer: RunViewer | undefined;
  /** Name of the pipeline. */
  readonly name: string;
  readonly places: Places;
  /** Said after the session id: about other sessions. */
  readonly notices: readonly string[];
  /** Makes the executor. */
  readonly executor: (logger: Logger) => PipelineExecutor;
  readonly start: (executor: PipelineExecutor) => Promise<ExecutionResult>;
  /** Of a resume: the session's id. */
  readonly sessionId?: string;
}

type Outcome =
  | { readonly kind: 'completed'; readonly result: ExecutionResult }
  | { readonly kind: 'paused' }
  | { readonly kind: 'stopped-before-start' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** @returns the exit code. */
export async function runSession(options: SessionOptions): Promise<number> {
  const { terminal, stops, verbose } = options;
  const executor = options.executor(terminalLogger(terminal));
  // A page is served from the recording.
  if (options.record || typeof options.viewer === 'object') executor.record();
  const inspector = await openInspector(executor, options);
  const failure = observeExecutor(executor, options);
  let stray: unknown;
  const stopped = new Deferred<Outcome>();
  const mayExit = refuseExit(executor, options);
  const listen = () =>
    stops.forwardTo((request) => {
      if ('error' in request && stray === undefined) {
        stray = request.error;
        reportError(terminal, stray, verbose, uncaughtPrefix(request));
      }
      handleStopRequest(executor, request, terminal, (outcome) => stopped.resolve(outcome));
    });
  listen();
  const stranded = new Promise<Outcome>((resolve) => {
    const error = new Error(
      'The run waits for something that can never come: a stage or a source left a promise unsettled',
    );
    process.once('beforeExit', () => resolve({ kind: 'failed', error }));
  });
  const ended = options.start(executor).then(
    (result): Outcome => ({ kind: 'completed', result }),
    (error: unknown): Outcome => ({ kind: 'failed', error }),
  );
  let outcome = await Promise.race([ended, nextPause(executor), stopped.promise, stranded]);
  while (
    outcome.kind === 'paused' &&
    inspector?.isWatched &&
    (await waitForPageResume(inspector, executor, options))
  ) {
    listen();
    outcome = await Promise.race([ended, nextPause(executor), stopped.promise, stranded]);
  }
  mayExit();
  // An answer to the process that asked for the pause leaves before this one does.
  await new Promise((resolve) => setImmediate(resolve));
  terminal.printMessagesAbove(undefined);
  const code = await printEnding(outcome, executor, options, { stray, where: failure });
  const isOver = outcome.kind === 'completed' || outcome.kind === 'failed';
  if (isOver && inspector?.isWatched && stops.exitCode === undefined)
    await waitForPageClose(inspector, terminal, stops);
  return code;
}

async function openInspector(executor: PipelineExecutor, { viewer, terminal }: SessionOptions) {
  return viewer && openLiveInspector({ viewer, executor, terminal });
}

/** A stage, or what it uses, may end the process as if all were well: that is a failure, and said (4).
 * @returns to be called when the process may end. */
function refuseExit(executor: PipelineExecutor, { terminal, stops, stateDir }: SessionOptions): () => void {
  const onExit = () => {
    if (stops.exitCode !== undefined) return;
    process.exitCode = FAILED;
    const { sessionId } = executor;
    const next = sessionId === undefined ? '' : ` ${sessionCommand('resume', sessionId, stateDir)} goes on.`;
    const what =
      'the process was ended in the middle of the run: leave out process.exit(), in stages and what they use.';
    terminal.printMessage(`${terminal.errorColors.red('error:')} ${what}${next}`);
  };
  process.once('exit', onExit);
  return () => process.off('exit', onExit);
}

/** Resolves at the next pause. */
function nextPause(executor: PipelineExecutor): Promise<Outcome> {
  return new Promise((resolve) => {
    executor.addObserver({
      next: (event) => event.type === 'pipeline.paused' && resolve({ kind: 'paused' }),
    });
  });
}

const uncaughtPrefix = ({ kind }: StopRequest) =>
  kind === 'cancel' ? 'an error that nothing caught, in a stage or in what it started: ' : '';

function handleStopRequest(
  executor: PipelineExecutor,
  request: StopRequest,
  terminal: Terminal,
  resolve: (outcome: Outcome) => void,
): void {
  const { state } = executor;
  if (request.kind === 'pause' && state === 'EXECUTING') {
    terminal.printMessage('Pausing: finishing and saving the batches in flight. Once more to cancel them.');
    executor.pause().catch((error: unknown) => {
      // Cancelled meanwhile, or failed: then that is the outcome.
      if (executor.state === 'PAUSED') resolve({ kind: 'failed', error });
    });
  } else if (state === 'EXECUTING' || state === 'INITIALIZING') {
    // The outcome is the rejection of the run.
    executor.cancel().catch(() => {});
  } else if (state === 'IDLE' || state === 'PAUSED' || state === 'FAILED') {
    // Nothing has been begun, or everything is saved.
    resolve({ kind: 'stopped-before-start' });
  }
}

/** @returns where the run failed, as far as its error does not say so itself. */
function observeExecutor(executor: PipelineExecutor, options: SessionOptions): () => string {
  const { terminal, json, quiet, notices } = options;
  let where = '';
  executor.addObserver({
    next(event) {
      if (event.type === 'stage.failed') where = `stage "${event.stage}", batch ${event.batch}: `;
    },
  });
  if (json) {
    const lines = startedFirst({ write: (line) => terminal.write(line) });
    executor.addObserver({
      next(event) {
        lines.next(event);
        if (event.type === 'pipeline.started') {
          const { sessionId, at } = event;
          for (const message of notices) lines.next({ type: 'notice', sessionId, at, message });
        } else if (isEnd(event)) lines.release();
      },
    });
    return () => where;
  }
  executor.addObserver({
    next(event) {
      if (event.type !== 'pipeline.started') return;
      terminal.printResult(`session ${event.sessionId}`);
      if (!quiet) for (const notice of notices) terminal.printMessage(terminal.errorColors.yellow(notice));
    },
  });
  if (quiet) return () => where;
  const bar = progressBar({ stream: terminal.progressStream, clock: systemClock });
  if (terminal.progressStream.isTTY) {
    terminal.printMessagesAbove(bar.log);
    for (const method of ['log', 'info', 'debug', 'warn', 'error'] as const) printAbove(method, bar.log);
  }
  // How it ended is said by the summary.
  executor.addObserver((events$) => bar(untilEnd(events$)));
  return () => where;
}

const ENDS: readonly PipelineEvent['type'][] = [
  'pipeline.paused',
  'pipeline.cancelled',
  'pipeline.completed',
  'pipeline.failed',
];
const isEnd = (event: PipelineEvent) => ENDS.includes(event.type);

function untilEnd(events$: Observable<PipelineEvent>): Observable<PipelineEvent> {
  return new Observable((subscriber) =>
    events$.subscribe({
      next: (event) => (isEnd(event) ? subscriber.complete() : subscriber.next(event)),
      complete: () => subscriber.complete(),
    }),
  );
}

/** What a stage prints would tear the live block: it goes above it. */
function printAbove(method: 'log' | 'info' | 'debug' | 'warn' | 'error', log: (line: string) => void): void {
  console[method] = (...values: unknown[]) => {
    for (const line of format(...values).split('\n')) log(line);
  };
}

function terminalLogger(terminal: Terminal): Logger {
  const { yellow, red } = terminal.errorColors;
  const line = (label: string) => (message: string, fields?: object) =>
    terminal.printMessage(
      `${label} ${message}${fields === undefined ? '' : ` ${inspect(fields, { breakLength: Infinity })}`}`,
    );
  return { debug() {}, info() {}, warn: line(yellow('warning:')), error: line(red('error:')) };
}

const REFUSALS = new Set(['PIPELINE_MISMATCH', 'SESSION_LOCKED', 'CORRUPT_CHECKPOINT', 'CORRUPT_JOURNAL']);

async function printEnding(
  outcome: Outcome,
  executor: PipelineExecutor,
  options: SessionOptions,
  failure: { readonly stray: unknown; readonly where: () => string },
): Promise<number> {
  const { terminal, stops, name, places, verbose } = options;
  const { colors } = terminal;
  if (outcome.kind === 'completed') {
    printLines(options, completedEnding(name, outcome.result, places, colors));
    return COMPLETED;
  }
  const asked = stops.exitCode;
  const how = stopOf(outcome, asked);
  if (how === 'failed' && outcome.kind === 'failed' && failure.stray === undefined)
    reportError(terminal, outcome.error, verbose, failure.where());
  // Refused: nothing was run here, and what is stored is as it was.
  if (how === 'failed' && outcome.kind === 'failed' && REFUSALS.has(codeOf(outcome.error)))
    return exitCodeOf(outcome.error);
  const sessionId = executor.sessionId ?? options.sessionId;
  const ending = await storedEnding(sessionId, how, options);
  if (ending !== undefined) printLines(options, ending);
  if (how === 'failed') return outcome.kind === 'failed' ? exitCodeOf(outcome.error) : FAILED;
  return asked ?? STOPPED_FROM_ELSEWHERE;
}

function stopOf(outcome: Outcome, asked: number | undefined): StopKind {
  if (outcome.kind === 'failed') return codeOf(outcome.error) === 'CANCELLED' ? 'cancelled' : 'failed';
  return outcome.kind === 'stopped-before-start' && asked !== undefined ? 'cancelled' : 'paused';
}

/** What is stored of the session, and how to go on with it. */
async function storedEnding(
  sessionId: string | undefined,
  how: StopKind,
  { terminal, name, stateManager, stateDir }: SessionOptions,
): Promise<Ending | undefined> {
  if (sessionId === undefined) return undefined;
  try {
    const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
    const next = sessionCommand('resume', sessionId, stateDir);
    return stoppedEnding(name, how, storedMark(checkpoint), next, terminal.colors);
  } catch (error) {
    // It failed, or was stopped, before anything of it was stored: there is nothing to resume.
    if (error instanceof CheckpointNotFoundError)
      return how === 'failed' ? undefined : stoppedEnding(name, how, undefined, undefined, terminal.colors);
    terminal.printMessage(`${terminal.errorColors.red('error:')} ${messageOf(error)}`);
    return undefined;
  }
}

function printLines({ terminal, quiet }: SessionOptions, ending: Ending): void {
  for (const line of endingLines(ending, quiet, terminal.colors)) terminal.printResult(line);
}
