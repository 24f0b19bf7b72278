/**
 * A test executor for a whole pipeline: a manual clock, files in memory, scripted stages, and processes that can crash and
 * restart. A seed reproduces everything (I14).
 */
import { resolve } from 'node:path';
import type { ExecutorState } from '../../../machines/context.js';
import { definePipeline, type PipelineLike } from '../../executor/definition.js';
import type { Pipeline } from '../../executor/pipeline.js';
import type { PipelineExecutor } from '../../executor/pipeline-executor.js';
import type { CancelReceipt, PauseReceipt } from '../../executor/receipts.js';
import type { ExecutionResult } from '../../executor/result.js';
import type { ResumeOptions } from '../../executor/session/opening/stored-session.js';
import type { PipelineEvent } from '../../observers/events.js';
import { type Random, seededRandom } from '../../platform/clock.js';
import type { ReadableSink, Sink } from '../../sinks/sink.js';
import type { AnyStage } from '../../stages/stage.js';
import type { SimulatedDisk } from '../disk/simulated-disk.js';
import { assertPipeline, TestingError } from '../errors.js';
import { type LoadedSnapshot, readSnapshot } from '../load-snapshot.js';
import type { Unrepeatable } from './call-twice.js';
import { initialDisk, pipelineInMemory, putSession } from './initial-disk.js';
import type { CrashOptions, TestExecutorOptions } from './options.js';
import { type Invocation, ScriptedStages } from './scripted-stages.js';
import { STATE_DIRECTORY, TestProcess } from './test-process.js';

/** Time limit of `settle` for the stages' own functions. Milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Creates a test executor for a pipeline, or for stages alone. Files are in memory and the clock is manual; only the stages'
 * own functions can touch the disk, the clock or the network.
 * @throws {TestingError | InvalidOptionError}
 * @example
 * const test = createTestExecutor(reviews, { files: { 'in.jsonl': text }, script: { classify: { 3: [stall()] } } });
 * test.execute();
 * await test.settle();                       // all batches except batch 3 are done
 * test.crash({ powerLoss: true }).restart();
 * await test.resume();
 * test.rows('out.jsonl');
 */
export function createTestExecutor<T>(
  pipeline: Pipeline<T> | readonly AnyStage[],
  options: TestExecutorOptions = {},
): TestExecutor<T> {
  return new TestExecutor<T>(pipeline, options);
}

/** What `createTestExecutor` returns. */
export class TestExecutor<T = unknown> {
  /** Events of all processes, in order. */
  readonly events: PipelineEvent[] = [];
  readonly #options: TestExecutorOptions;
  readonly #pipeline: PipelineLike;
  readonly #sink: Sink<unknown>;
  readonly #stages: ScriptedStages;
  readonly #random: Random;
  #process: TestProcess<T>;
  #sessions = 0;
  #sessionId: string | undefined;

  /** See `createTestExecutor`. */
  constructor(pipeline: Pipeline<T> | readonly AnyStage[], options: TestExecutorOptions) {
    this.#options = options;
    assertPipeline(pipeline);
    const isWhole = 'source' in pipeline;
    const whole = isWhole ? pipeline : pipelineInMemory();
    const stages = isWhole ? pipeline.stages : pipeline;
    this.#pipeline = { ...whole, options: { ...whole.options, ...options.options } };
    this.#sink = definePipeline(this.#pipeline, stages).sink;
    this.#stages = new ScriptedStages(stages, options.script ?? {}, options.twice);
    this.#random = seededRandom(options.seed ?? 1);
    const disk = initialDisk(options, isWhole);
    if (options.snapshot !== undefined) this.#sessionId = putSession(disk, options.snapshot);
    this.#process = this.#startProcess(disk, 1, options.startMs ?? Date.UTC(2026, 0, 1));
  }

  /** The executor of the current or last process. */
  get executor(): PipelineExecutor<T> {
    return this.#process.executor;
  }

  /** The executor's state. */
  get state(): ExecutorState {
    return this.executor.state;
  }

  /** The session that was started or resumed last. */
  get sessionId(): string | undefined {
    return this.executor.sessionId ?? this.#sessionId;
  }

  /** The disk in memory. Its operations are numbered and can be made to fail. Each restart uses a new object. */
  get disk(): SimulatedDisk {
    return this.#process.disk;
  }

  /** Every invocation of a stage, in all processes, in order. */
  get invocations(): readonly Invocation[] {
    return this.#stages.invocations;
  }

  /** Invocations of durable stages after their output was announced as durable, or a second time in one attempt. There must
   * be none (I8). */
  get secondInvocations(): readonly Invocation[] {
    return this.#stages.secondInvocations;
  }

  /** Names of the durable stages. */
  get durableStages(): readonly string[] {
    return this.#stages.durableStages;
  }

  /** With the option `twice`: stages that gave other rows in a second call, or changed their rows in place. */
  get unrepeatable(): readonly Unrepeatable[] {
    return this.#stages.unrepeatable;
  }

  /** Milliseconds since the epoch, by the manual clock. */
  now(): number {
    return this.#process.clock.now();
  }

  /** As `PipelineExecutor.execute`, with the pipeline. A crash rejects the promise, which you need not await. */
  execute(): Promise<ExecutionResult<T>> {
    return this.#command((executor) => executor.execute(this.#pipeline));
  }

  /** As `PipelineExecutor.resume`; after a restart, the stored session. */
  resume(options: ResumeOptions = {}): Promise<ExecutionResult<T>> {
    const stored = this.executor.sessionId === undefined ? this.#sessionId : undefined;
    return this.#command((executor) =>
      stored === undefined ? executor.resume() : executor.resume(stored, this.#pipeline, options),
    );
  }

  /** As `PipelineExecutor.pause`. */
  pause(): Promise<PauseReceipt> {
    return this.#command((executor) => executor.pause());
  }

  /** As `PipelineExecutor.cancel`. */
  cancel(): Promise<CancelReceipt> {
    return this.#command((executor) => executor.cancel());
  }

  /** Resolves when no work is left except what waits for time, for `release` or for a command.
   * @throws {TestingError} when a stage's own function takes longer than 5 s. */
  async settle(): Promise<void> {
    for (;;) {
      const before = this.#activity;
      await nextTurn();
      if (this.#process.hasCrashed) return;
      if (this.#stages.running.length > 0) await this.#answered();
      else if (this.#activity === before) return;
    }
  }

  /** Advances the clock, timer by timer, and settles after each.
   * @param ms milliseconds, from 0.
   * @throws {TestingError} for another value. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY))
      throw new TestingError(`advance got ${ms}. Give it milliseconds, from 0.`);
    const { clock } = this.#process;
    const end = clock.now() + ms;
    await this.settle();
    while (clock.nextAt !== undefined && clock.nextAt <= end) {
      clock.advance(Math.max(0, clock.nextAt - clock.now()));
      await this.settle();
    }
    clock.advance(Math.max(0, end - clock.now()));
  }

  /** Lets stalled invocations continue with the stage's own function, and settles.
   * @param stage default: all stages. @param batch default: all batches.
   * @throws {TestingError} when no such invocation is stalled. */
  async release(stage?: string, batch?: number): Promise<void> {
    await this.settle();
    if (this.#stages.release(stage, batch) === 0)
      throw new TestingError(
        `No invocation is stalled${stage === undefined ? '' : ` in stage "${stage}"`}${batch === undefined ? '' : ` for batch ${batch}`}. Script one with stall().`,
      );
    await this.settle();
  }

  /** Crashes the process at once. `restart` then starts another one on the remaining disk. */
  crash({ powerLoss = false }: CrashOptions = {}): this {
    const process = this.#process;
    if (process.hasCrashed) throw new TestingError('The process has crashed already: call restart() first.');
    this.#sessionId = this.sessionId;
    process.crash();
    const seed = powerLoss === 'partly' ? Math.floor(this.#random() * 2 ** 32) : undefined;
    this.#diskAfterCrash = powerLoss === false ? process.disk.kill() : process.disk.crash(seed);
    return this;
  }

  #diskAfterCrash: SimulatedDisk | undefined;

  /** Starts another process after a crash; `resume` then resumes the stored session. */
  restart(): this {
    const { hasCrashed, number, clock } = this.#process;
    if (!hasCrashed || this.#diskAfterCrash === undefined)
      throw new TestingError('The process has not crashed, so it cannot be restarted. Call crash() first.');
    this.#process = this.#startProcess(this.#diskAfterCrash, number + 1, clock.now());
    this.#diskAfterCrash = undefined;
    return this;
  }

  /** The contents of a file; undefined when it does not exist. @param path relative to the working directory, or absolute. */
  text(path: string): string | undefined {
    return (this.#diskAfterCrash ?? this.disk).text(resolve(path));
  }

  /** The rows of a JSON Lines file; empty when it does not exist. @param path as for `text`. Default: the file that the sink
   * writes. @throws {TestingError} when the sink is not a file and no path is given. */
  rows<R = T>(path: string | undefined = this.outputPath): R[] {
    if (path === undefined)
      throw new TestingError('The sink writes no file. Give rows() a path, or use output().');
    const lines = this.text(path)?.split('\n') ?? [];
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as R);
  }

  /** The file that the sink writes; undefined for another kind of sink. */
  get outputPath(): string | undefined {
    const path = this.#sink.describe()?.path;
    return typeof path === 'string' ? path : undefined;
  }

  /** Whether `output` can read the sink back. */
  get canReadOutput(): boolean {
    return 'read' in this.#sink;
  }

  /** The rows at the pipeline's sink, of any kind; empty before they are published.
   * @throws {TestingError} for a sink that cannot be read back. */
  async output(): Promise<T[]> {
    const sink = this.#sink;
    if (this.outputPath !== undefined && this.text(this.outputPath) === undefined) return [];
    if (!isReadable<T>(sink))
      throw new TestingError(`The sink ${sink.label} cannot be read back. Read its rows in the test itself.`);
    const found: T[] = [];
    const fileSystem = this.#diskAfterCrash ?? this.disk;
    for await (const row of sink.read({ fileSystem })) found.push(row);
    return found;
  }

  /** The newest stored checkpoint of the session, as the next process would read it; undefined when there is none. */
  checkpoint(): LoadedSnapshot | undefined {
    const home = `${STATE_DIRECTORY}/${this.sessionId}/checkpoint`;
    const text = this.text(`${home}.next.json`) ?? this.text(`${home}.json`);
    return text === undefined ? undefined : readSnapshot(text, this.executor.stages);
  }

  #command<R>(command: (executor: PipelineExecutor<T>) => Promise<unknown>): Promise<R> {
    return this.#process.untilCrash(() => command(this.executor) as Promise<R>);
  }

  #startProcess(disk: SimulatedDisk, number: number, startMs: number): TestProcess<T> {
    return new TestProcess<T>({
      ...{ disk, number, startMs, random: this.#random, stages: this.#stages },
      checkpointInterval: this.#options.checkpointInterval,
      newSessionId: () => `00000000-0000-4000-8000-${String(++this.#sessions).padStart(12, '0')}`,
      onEvent: (event) => {
        this.events.push(event);
        if (event.type === 'batch.completed' && event.durable)
          this.#stages.markAnnounced(`${event.sessionId} ${event.stage} ${event.batch}`);
      },
    });
  }

  /** Grows with every event, disk operation and invocation. */
  get #activity(): number {
    return this.events.length + this.disk.operations.length + this.#stages.invocations.length;
  }

  async #answered(): Promise<void> {
    let stopTimer = () => {};
    const patience = new Promise<'late'>((resolve) => {
      const timer = setTimeout(() => resolve('late'), PATIENCE_MS);
      stopTimer = () => clearTimeout(timer);
    });
    const first = await Promise.race([...this.#stages.running, patience]);
    stopTimer();
    if (first === 'late')
      throw new TestingError(
        `A stage's own function is pending for more than ${PATIENCE_MS} ms. Script the stage with succeed() or stall().`,
      );
    await nextTurn();
  }
}

function isReadable<T>(sink: Sink<unknown>): sink is ReadableSink<T> & Sink<unknown> {
  return 'read' in sink;
}

/** Resolves when all settled promises have run their callbacks. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
