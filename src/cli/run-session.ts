/**
 * One run in the foreground, from its first line to its exit code. `run`, `resume` and `fork` differ only in how it starts.
 *
 * 1. The session id is the first line. It is printed once the session is stored, so that it can always be resumed.
 * 2. A stop request pauses while rows are processed, cancels while files are opened, and otherwise ends the process. The
 *    receipt and the resume command come last.
 * 3. The process ends when the run ends, whatever handles a stage left open; everything is written before.
 * 4. A run that waits for a promise that never settles, or whose process a stage ends, is a failure and not exit code 0.
 */
import type { PipelineExecutor } from '../executor/pipeline-executor.js';
import type { CancelReceipt } from '../executor/receipts.js';
import { Deferred } from '../platform/deferred.js';
import { sessionCommand } from '../sessions/invocation.js';
import { FAILED } from './exit-codes.js';
import { openLiveInspector, waitForPageClose, waitForPageResume } from './inspectors/live-inspector.js';
import { observeRun, terminalLogger } from './output/observe-run.js';
import { reportError } from './output/report.js';
import { printRunEnding } from './run-ending.js';
import type { RunOutcome, SessionOptions } from './session-options.js';
import type { StopRequest } from './stop-requests.js';
import { loadTelemetry } from './telemetry.js';

/** @returns the exit code. */
export async function runSession(options: SessionOptions): Promise<number> {
  const { terminal, stops, viewer } = options;
  const telemetry = options.otel ? await loadTelemetry() : undefined;
  const executor = options.createExecutor({ ...telemetry?.environment, logger: terminalLogger(terminal) });
  for (const observer of telemetry?.observers ?? []) executor.addObserver(observer);
  // A page is served from the recording.
  if (options.record || typeof viewer === 'object') executor.record();
  const inspector = viewer && (await openLiveInspector({ viewer, executor, terminal }));
  const run = new ForegroundRun(executor, options);
  let outcome = await run.nextOutcome();
  while (
    outcome.kind === 'paused' &&
    inspector?.isWatched &&
    (await waitForPageResume(inspector, executor, options))
  )
    outcome = await run.nextOutcome();
  run.close();
  // The answer to a process that asked for the pause is sent before this process ends.
  await new Promise((resolve) => setImmediate(resolve));
  terminal.printMessagesAbove(undefined);
  const code = await printRunEnding(outcome, executor.sessionId, options);
  const isOver = outcome.kind === 'completed' || outcome.kind === 'failed';
  if (isOver && inspector?.isWatched && stops.exitCode === undefined)
    await waitForPageClose(inspector, terminal, stops);
  return code;
}

class ForegroundRun {
  readonly #ended: Promise<RunOutcome>;
  readonly #stopped = new Deferred<RunOutcome>();
  readonly #stuck = new Deferred<RunOutcome>();
  readonly #where: () => string;
  #cancelled: Promise<CancelReceipt | undefined> = Promise.resolve(undefined);
  #uncaught: unknown;

  constructor(
    private readonly executor: PipelineExecutor,
    private readonly options: SessionOptions,
  ) {
    this.#where = observeRun(executor, options);
    process.once('exit', this.#onExit);
    process.once('beforeExit', this.#onIdle);
    this.#forwardStops();
    this.#ended = options.start(executor).then(
      (result): RunOutcome => ({ kind: 'completed', result }),
      (error: unknown) => this.#failed(error),
    );
  }

  /** Resolves when the run has ended or paused. */
  nextOutcome(): Promise<RunOutcome> {
    this.#forwardStops();
    return Promise.race([this.#ended, this.#nextPause(), this.#stopped.promise, this.#stuck.promise]);
  }

  close(): void {
    process.off('exit', this.#onExit);
    process.off('beforeExit', this.#onIdle);
  }

  async #failed(error: unknown): Promise<RunOutcome> {
    const saved = await this.#cancelled;
    return {
      ...{ kind: 'failed', error, saved },
      ...{ where: this.#where(), isReported: this.#uncaught !== undefined },
    };
  }

  /** The event is sent when the receipt is true (I16). */
  #nextPause(): Promise<RunOutcome> {
    return new Promise((resolve) => {
      this.executor.addObserver({
        next: (event) => event.type === 'pipeline.paused' && resolve({ kind: 'paused', saved: event }),
      });
    });
  }

  #forwardStops(): void {
    const { stops, terminal, verbose } = this.options;
    stops.forwardTo((request) => {
      if ('error' in request && this.#uncaught === undefined) {
        this.#uncaught = request.error;
        const isUncaught = request.kind === 'cancel';
        const prefix = isUncaught ? 'uncaught error, in a stage or in code that it started: ' : '';
        reportError(terminal, request.error, verbose, prefix);
      }
      this.#stop(request);
    });
  }

  #stop({ kind }: StopRequest): void {
    const { executor } = this;
    const { state } = executor;
    if (kind === 'pause' && state === 'EXECUTING') {
      this.options.terminal.printMessage(
        'Pausing: finishing and saving the batches in flight. To cancel them, press Ctrl-C again after a second.',
      );
      executor.pause().catch(async (error: unknown) => {
        // After a cancel or a failure, that is the outcome.
        if (executor.state === 'PAUSED') this.#stopped.resolve(await this.#failed(error));
      });
    } else if (state === 'EXECUTING' || state === 'INITIALIZING') {
      // The outcome is the rejection of the run.
      this.#cancelled = executor.cancel().catch(() => undefined);
    } else if (state !== 'COMPLETED') {
      // Not started yet, or saved already.
      this.#stopped.resolve({ kind: 'stopped' });
    }
  }

  /** (4) */
  readonly #onExit = (): void => {
    const { terminal, stops, stateDir } = this.options;
    if (stops.exitCode !== undefined) return;
    process.exitCode = FAILED;
    const { sessionId } = this.executor;
    const next =
      sessionId === undefined ? '' : ` Then resume: ${sessionCommand('resume', sessionId, stateDir)}`;
    terminal.printMessage(
      `${terminal.errorColors.red('error:')} A stage ended the process during the run. Remove process.exit() from the stages and the code that they call.${next}`,
    );
  };

  /** (4) */
  readonly #onIdle = (): void => {
    const error = new Error('The run is stuck: a stage or source returned a promise that never settles');
    void this.#failed(error).then((outcome) => this.#stuck.resolve(outcome));
  };
}
