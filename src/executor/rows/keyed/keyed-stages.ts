/**
 * The keyed stages of a run: `fold` and `distinct`.
 *
 * 1. (I4) A batch has its turn in a keyed stage when all batches before it have passed: worked on here, found in the journal behind the
 *    stage, or quarantined. Another batch waits, and holds no slot.
 * 2. (I5, I6) What batches changed is durable before the checkpoint that covers them; the checkpoint refers to it.
 * 3. (I8, I26) Before a durable stage, a keyed stage is journaled, too. A batch whose work is found behind it is stepped again with the
 *    journaled rows. Once a batch had to be worked on again, what the journal holds of later batches was made from another state: it
 *    is not used behind the stage.
 * 4. (I19) The results are written and published before the output. Publishing may be repeated.
 */
import type { JsonObject, StateReference } from '../../../../machines/context.js';
import type { StateLogs } from '../../../checkpoint/state-logs/state-logs.js';
import { StageError } from '../../../errors.js';
import type { OpenContext } from '../../../platform/open-context.js';
import type { Sink } from '../../../sinks/sink.js';
import type { AttemptResult } from '../../../stages/attempt.js';
import type { AnyStage } from '../../../stages/stage.js';
import { andThen } from '../../../stages/thenable.js';
import { toSink } from '../../endpoints/endpoints.js';
import { stateLogName } from '../../keyed/result-sinks.js';
import type { EventDraft } from '../../publish.js';
import { decodeOutput } from '../journal-record.js';
import type { StageRecord } from '../journaled-outputs.js';
import { KeyedState, resultProblem } from './keyed-state.js';
import { StateLog } from './state-log.js';

/** Rows of the results that are encoded at once. */
const RESULT_ROWS = 512;

export interface KeyedStagesOptions {
  readonly stages: readonly AnyStage[];
  /** The first batch of this opening. */
  readonly firstBatch: number;
  /** What the checkpoint refers to. */
  readonly references: readonly StateReference[];
  readonly logs: StateLogs;
  readonly openContext: OpenContext;
  readonly publish: (draft: EventDraft) => void;
  /** Rebuilds the sink of a fork's results. */
  readonly sinkOf: (description: JsonObject) => Sink<unknown>;
}

interface KeyedStage {
  readonly stageIndex: number;
  readonly name: string;
  readonly state: KeyedState;
  readonly log: StateLog;
  readonly results: Sink<unknown> | undefined;
  readonly forked: StateReference['results'];
  /** The batch that has its turn. */
  turn: number;
  /** Batches that pass without work here, and how they change the state. */
  readonly passing: Map<number, () => void>;
  /** What waits for the turn of a batch. */
  readonly waiting: Map<number, () => void>;
  /** All batches of this opening so far were found in the journal. */
  isReplaying: boolean;
}

/** Opens the keyed stages where the checkpoint stands.
 * @throws {CorruptStateError} */
export async function openKeyedStages(options: KeyedStagesOptions): Promise<KeyedStages> {
  const { stages, firstBatch, references, logs } = options;
  const opened: KeyedStage[] = [];
  for (const [stageIndex, stage] of stages.entries()) {
    if (stage.kind !== 'batch' || stage.keyed === undefined) continue;
    const { name, keyed } = stage;
    const reference = references.find((known) => known.stage === name);
    const state = new KeyedState(name, keyed);
    const log = new StateLog(logs, stateLogName(name));
    if (reference !== undefined) await log.load(reference, state.states);
    else if (firstBatch > 0)
      options.publish({
        type: 'notice',
        message: `Stage "${name}" has no stored state: it knows no row before batch ${firstBatch}.`,
      });
    const forked = reference?.results;
    const results =
      forked === undefined ? keyed.to && toSink(keyed.to as Sink<unknown>) : options.sinkOf(forked);
    opened.push({
      ...{ stageIndex, name, state, log, results, forked, turn: firstBatch },
      ...{ passing: new Map(), waiting: new Map(), isReplaying: true },
    });
  }
  return new KeyedStages(options, opened);
}

/** What runs keyed stages. */
export interface KeyedRuntime {
  readonly openKeyedStages: typeof openKeyedStages;
}

export class KeyedStages {
  /** Names of the logs that the newest stored checkpoint refers to, and those of the one before. */
  #referred: readonly (readonly string[])[];

  constructor(
    private readonly options: KeyedStagesOptions,
    private readonly stages: readonly KeyedStage[],
  ) {
    this.#referred = [options.references.map(({ log }) => log)];
  }

  isKeyed(stageIndex: number): boolean {
    return this.#find(stageIndex) !== undefined;
  }

  /** @param begin called when the batch has its turn. @returns false: it has it now. */
  waitForTurn(stageIndex: number, batch: number, begin: () => void): boolean {
    const stage = this.#find(stageIndex);
    if (stage === undefined || stage.turn === batch) return false;
    stage.waiting.set(batch, begin);
    return true;
  }

  /** Steps the rows of the batch that has its turn. What they change counts once `keep` has kept the rows. */
  runBatch<T>(
    stageIndex: number,
    batch: number,
    rows: readonly unknown[],
    keep: (result: AttemptResult) => T | PromiseLike<T>,
  ): T | PromiseLike<T> {
    const { state } = this.#find(stageIndex) as KeyedStage;
    const stepped = state.stepBatch(rows);
    return andThen(keep(stepped), (kept) => {
      state.keep(batch, stepped.changes);
      this.passBatch(stageIndex, batch);
      return kept;
    });
  }

  /** The batch has passed a stage, if that is a keyed one. */
  passBatch(stageIndex: number, batch: number): void {
    const stage = this.#find(stageIndex);
    if (stage?.turn !== batch) return;
    stage.turn++;
    this.#passOn(stage);
  }

  /** The journaled outputs of a batch that may be used.
   * @param records made from the rows of the batch, the last stage's first. @param entered the stage that the batch enters at. */
  usableOf(records: readonly StageRecord[], entered: number): readonly StageRecord[] {
    return records.filter(({ stageIndex }) =>
      this.stages.every(
        (stage) =>
          stage.stageIndex > stageIndex ||
          stage.stageIndex < entered ||
          (stage.isReplaying && records.some((record) => record.stageIndex === stage.stageIndex)),
      ),
    );
  }

  /** A batch was read, and begins at the stage `reached`. */
  admitBatch(batch: number, reached: number, records: readonly StageRecord[]): void {
    for (const stage of this.stages) {
      const { stageIndex, state } = stage;
      if (stageIndex >= reached) {
        stage.isReplaying = false;
        continue;
      }
      const record = records.find((found) => found.stageIndex === stageIndex)?.record;
      const rows = record === undefined ? [] : decodeOutput([record]);
      this.#passLater(stage, batch, () => state.keep(batch, state.stepBatch(rows).changes));
    }
  }

  /** A batch was quarantined: the stages from `reached` on get no row of it. */
  skipBatch(batch: number, reached: number): void {
    for (const stage of this.stages) if (stage.stageIndex >= reached) this.#passLater(stage, batch, () => {});
  }

  /** Makes durable what the batches below `upTo` have changed. */
  async flush(upTo: number): Promise<readonly StateReference[]> {
    // Without an await before it: batches that are kept later are not covered.
    const commits = this.stages.map((stage) => ({ ...stage, changes: stage.state.commit(upTo) }));
    const references: StateReference[] = [];
    for (const { name, state, log, forked, changes } of commits) {
      const saved = await log.save(changes, state.states);
      references.push({ stage: name, ...saved, ...(forked === undefined ? {} : { results: forked }) });
    }
    return references;
  }

  /** A checkpoint is stored: the logs that neither it nor the one before it refers to are removed. */
  async trim(references: readonly StateReference[]): Promise<void> {
    const newest = references.map(({ log }) => log);
    const before = this.#referred[0] ?? newest;
    this.#referred = [newest, before];
    if (newest.every((log) => before.includes(log)) && !this.#mayTrim) return;
    this.#mayTrim = newest.some((log) => !before.includes(log));
    const kept = new Set([...newest, ...before]);
    for (const log of await this.options.logs.list()) if (!kept.has(log)) await this.options.logs.remove(log);
  }

  /** A log was replaced at the last checkpoint: the next one makes the old log superfluous. */
  #mayTrim = true;

  /** Writes the results anew, and puts them at their targets. */
  async publishResults(): Promise<void> {
    for (const { name, state, results } of this.stages)
      if (results !== undefined) await this.#publish(name, state, results);
  }

  async #publish(name: string, state: KeyedState, sink: Sink<unknown>): Promise<void> {
    const context: OpenContext = { ...this.options.openContext, parts: 'of-session' };
    await sink.discard?.(undefined, context);
    const open = await sink.open(undefined, true, context);
    try {
      // Rows of an earlier try are kept, and must not be doubled.
      if (sink.appends === true && (await sink.isPublished?.(open.position, context)) === true) return;
      for (const rows of chunks(resultsOf(name, state), RESULT_ROWS)) await open.append([open.encode(rows)]);
      await open.flush();
      await open.publish();
    } finally {
      await open.close();
    }
  }

  #passLater(stage: KeyedStage, batch: number, pass: () => void): void {
    stage.passing.set(batch, pass);
    if (stage.turn === batch) this.#passOn(stage);
  }

  #passOn(stage: KeyedStage): void {
    for (let pass = stage.passing.get(stage.turn); pass !== undefined; pass = stage.passing.get(stage.turn)) {
      stage.passing.delete(stage.turn++);
      pass();
    }
    const begin = stage.waiting.get(stage.turn);
    stage.waiting.delete(stage.turn);
    begin?.();
  }

  #find(stageIndex: number): KeyedStage | undefined {
    return this.stages.find((stage) => stage.stageIndex === stageIndex);
  }
}

function* resultsOf(stage: string, state: KeyedState): Generator<unknown> {
  try {
    yield* state.results();
  } catch (cause) {
    throw new StageError(resultProblem(stage, cause), { cause });
  }
}

function* chunks(rows: Iterable<unknown>, size: number): Generator<unknown[]> {
  let chunk: unknown[] = [];
  for (const row of rows) {
    chunk.push(row);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
