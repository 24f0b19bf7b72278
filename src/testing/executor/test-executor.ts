/**
 * A whole pipeline in a test's hand: time moves when the test says so, files are in memory, stages do what the script says,
 * and the process can die and be started again; a seed reproduces it all (I14).
 */
import { resolve } from 'node:path';
import type { ExecutorState } from '../../../machines/context.js';
import { definePipeline, type PipelineLike } from '../../executor/definition.js';
import { jsonl } from '../../executor/files.js';
import type { Pipeline } from '../../executor/pipeline.js';
import type { PipelineExecutor } from '../../executor/pipeline-executor.js';
import type { CancelReceipt, PauseReceipt } from '../../executor/receipts.js';
import type { ExecutionResult } from '../../executor/result.js';
import type { ResumeOptions } from '../../executor/session/stored-session.js';
import type { PipelineEvent } from '../../observers/events.js';
import { type Random, seededRandom } from '../../platform/clock.js';
import type { ReadableSink, Sink } from '../../sinks/sink.js';
import type { AnyStage } from '../../stages/stage.js';
import { SimulatedDisk } from '../disk/simulated-disk.js';
import { assertPipeline, TestingError } from '../errors.js';
import { type LoadedSnapshot, readSnapshot } from '../load-snapshot.js';
import type { CrashOptions, TestExecutorOptions } from './options.js';
import { type Invocation, ScriptedStages } from './scripted-stages.js';
import { STATE_DIRECTORY, TestProcess } from './test-process.js';

/** How long the stages' own functions may take before `settle` gives up. Milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Puts a pipeline, or stages alone, into a test's hand. Nothing touches the disk, the clock or the network but the stages' own
 * functions; files that the pipeline names are in memory.
 * @throws {TestingError | InvalidOptionError}
 * @example
 * const test = createTestExecutor(reviews, { files: { 'in.jsonl': text }, script: { classify: { 3: [stall()] } } });
 * test.execute();
 * await test.settle();                       // everything but batch 3 is done
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

/** What `createTestExecutor` gives. */
export class TestExecutor<T = unknown> {
  /** Of all processes, in order. */
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
    const whole = isWhole ? pipeline : inMemory();
    const stages = isWhole ? pipeline.stages : pipeline;
    this.#pipeline = { ...whole, options: { ...whole.options, ...options.options } };
    this.#sink = definePipeline(this.#pipeline, stages).sink;
    this.#stages = new ScriptedStages(stages, options.script ?? {});
    this.#random = seededRandom(options.seed ?? 1);
    const disk = new SimulatedDisk();
    disk.putDirectory(resolve('.'));
    if (!isWhole) disk.put(resolve(INPUT), jsonLines(options.rows ?? []));
    for (const [path, contents] of Object.entries(options.files ?? {})) disk.put(resolve(path), contents);
    if (options.snapshot !== undefined) {
      const { checkpoint, text } = options.snapshot;
      if (checkpoint === undefined)
        throw new TestingError('A bare machine snapshot is no session: load the whole checkpoint.json.');
      this.#sessionId = checkpoint.sessionId;
      disk.put(`${STATE_DIRECTORY}/${checkpoint.sessionId}/checkpoint.json`, text);
    }
    this.#process = this.#begin(disk, 1, options.startMs ?? Date.UTC(2026, 0, 1));
  }

  /** The executor of the process that runs now, or ran last. */
  get executor(): PipelineExecutor<T> {
    return this.#process.executor;
  }

  /** Of the executor. */
  get state(): ExecutorState {
    return this.executor.state;
  }

  /** Of the session that was begun or resumed last. */
  get sessionId(): string | undefined {
    return this.executor.sessionId ?? this.#sessionId;
  }

  /** The disk in memory: its operations are numbered, and can be made to fail. Another one after each crash. */
  get disk(): SimulatedDisk {
    return this.#process.disk;
  }

  /** Every call of a stage for a batch, by every process, in order. */
  get invocations(): readonly Invocation[] {
    return this.#stages.invocations;
  }

  /** Those of durable stages for batches whose output had been announced as durable, or for the same attempt once more: there
   * must be none (I8). */
  get secondInvocations(): readonly Invocation[] {
    return this.#stages.secondInvocations;
  }

  /** Milliseconds since the epoch, by the hand-driven clock. */
  now(): number {
    return this.#process.clock.now();
  }

  /** As `PipelineExecutor.execute`, with the pipeline. The promise need not be awaited; a crash rejects it. */
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

  /** Resolves when nothing goes on by itself any more: what is left waits for time, for `release`, or for a command.
   * @throws {TestingError} when a stage's own function takes longer than five seconds. */
  async settle(): Promise<void> {
    for (;;) {
      const before = this.#activity;
      await nextTurn();
      if (this.#process.isDead) return;
      if (this.#stages.running.length > 0) await this.#answered();
      else if (this.#activity === before) return;
    }
  }

  /** Moves time on, timer by timer, and settles after each.
   * @param ms milliseconds.
   * @throws {TestingError} for what is no time. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY))
      throw new TestingError(`advance takes milliseconds, from 0; not ${ms}.`);
    const { clock } = this.#process;
    const end = clock.now() + ms;
    await this.settle();
    while (clock.nextAt !== undefined && clock.nextAt <= end) {
      clock.advance(Math.max(0, clock.nextAt - clock.now()));
      await this.settle();
    }
    clock.advance(Math.max(0, end - clock.now()));
  }

  /** Lets stalled invocations go on with the stage's own function, and settles.
   * @param stage all stages unless told. @param batch all batches unless told.
   * @throws {TestingError} when nothing of that kind is stalled. */
  async release(stage?: string, batch?: number): Promise<void> {
    await this.settle();
    if (this.#stages.release(stage, batch) === 0)
      throw new TestingError(
        `Nothing is stalled${stage === undefined ? '' : ` in "${stage}"`}${batch === undefined ? '' : ` over batch ${batch}`}.`,
      );
    await this.settle();
  }

  /** The process dies, in the middle of whatever it does. `restart` begins another on what is left. */
  crash({ powerLoss = false }: CrashOptions = {}): this {
    const process = this.#process;
    if (process.isDead) throw new TestingError('The process has crashed already: call restart() first.');
    this.#sessionId = this.sessionId;
    process.die();
    const seed = powerLoss === 'partly' ? Math.floor(this.#random() * 2 ** 32) : undefined;
    this.#remains = powerLoss === false ? process.disk.kill() : process.disk.crash(seed);
    return this;
  }

  #remains: SimulatedDisk | undefined;

  /** Starts another process where one has crashed; `resume` then goes on with the stored session. */
  restart(): this {
    const { isDead, number, clock } = this.#process;
    if (!isDead || this.#remains === undefined)
      throw new TestingError('There is nothing to restart: the process has not crashed.');
    this.#process = this.#begin(this.#remains, number + 1, clock.now());
    this.#remains = undefined;
    return this;
  }

  /** The contents of a file; undefined where there is none. @param path relative to the working directory, or absolute. */
  text(path: string): string | undefined {
    return (this.#remains ?? this.disk).text(resolve(path));
  }

  /** The rows of a JSON Lines file; none where there is no file. @param path as for `text`. Default: the file that the sink writes.
   * @throws {TestingError} where the sink is no file, and none is named. */
  rows<R = T>(path: string | undefined = this.outputPath): R[] {
    if (path === undefined) throw new TestingError('The sink writes no file: output() tells its rows.');
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

  /** The rows at the pipeline's sink, whatever it is; none before they are published.
   * @throws {TestingError} for a sink that cannot be read back. */
  async output(): Promise<T[]> {
    const sink = this.#sink;
    if (this.outputPath !== undefined && this.text(this.outputPath) === undefined) return [];
    if (!isReadable<T>(sink)) throw new TestingError(`Rows of ${sink.label} cannot be read back.`);
    const found: T[] = [];
    const fileSystem = this.#remains ?? this.disk;
    for await (const row of sink.read({ fileSystem })) found.push(row);
    return found;
  }

  /** The newest stored checkpoint of the session, as a process that starts now would find it; undefined where there is none. */
  checkpoint(): LoadedSnapshot | undefined {
    const home = `${STATE_DIRECTORY}/${this.sessionId}/checkpoint`;
    const text = this.text(`${home}.next.json`) ?? this.text(`${home}.json`);
    return text === undefined ? undefined : readSnapshot(text, this.executor.stages);
  }

  #command<R>(command: (executor: PipelineExecutor<T>) => Promise<unknown>): Promise<R> {
    return this.#process.outcomeOf(() => command(this.executor) as Promise<R>);
  }

  #begin(disk: SimulatedDisk, number: number, startMs: number): TestProcess<T> {
    return new TestProcess<T>({
      ...{ disk, number, startMs, random: this.#random, stages: this.#stages },
      checkpointInterval: this.#options.checkpointInterval,
      newSessionId: () => `00000000-0000-4000-8000-${String(++this.#sessions).padStart(12, '0')}`,
      told: (event) => {
        this.events.push(event);
        if (event.type === 'batch.completed' && event.durable)
          this.#stages.announced(`${event.sessionId} ${event.stage} ${event.batch}`);
      },
    });
  }

  /** Counts whatever goes on. */
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
        `A stage's own function has not answered for ${PATIENCE_MS} ms. Script it to succeed() or to stall() instead.`,
      );
    await nextTurn();
  }
}

const INPUT = 'in.jsonl';
const OUTPUT = 'out.jsonl';

function isReadable<T>(sink: Sink<unknown>): sink is ReadableSink<T> & Sink<unknown> {
  return 'read' in sink;
}

/** Where stages alone are given. */
function inMemory(): PipelineLike {
  return { name: 'test', source: jsonl(INPUT), sink: jsonl(OUTPUT) };
}

function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** When every promise that could settle has settled. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
