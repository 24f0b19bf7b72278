/**
 * Fused stages: adjacent synchronous row stages that process a batch together, a slice of it at a time. Each stage loops
 * over the rows of the slice, and the next stage starts at once, without an event, a promise or an encoding between them.
 *
 * 1. Only stages that need nothing between two rows are fused (`isFusible`): synchronous, not durable, without limits,
 *    hooks, schemas, timeouts and retry.
 * 2. The result is that of the stages one after the other: the same rows, failures with the same indexes, and counters.
 * 3. A failure of a stage with `onError: 'fail'` ends the batch: no function is called after it.
 * 4. A function that returns a promise at the stage's *first* call makes the stage asynchronous: the batch leaves the fused
 *    stages before it, and takes the promise along, so that no row is processed twice. A function that returns a promise
 *    later fails that row, with an error that says what to do.
 * 5. The loop is over rows within each stage, not over stages for each row: that costs less than half as much, because the
 *    processor stays in the same code.
 */
import { StageError } from '../../errors.js';
import { copyRow } from '../../formats/copy-row.js';
import { findPromise, isPromiseSample } from '../../formats/promises.js';
import { checkRows, missingRow, promiseInside } from '../../stages/answers.js';
import { abortOf } from '../../stages/attempt-context.js';
import { needsInputLater, type RowFailure } from '../../stages/attempt-result.js';
import type { AnyStage, RowStage, StageContext } from '../../stages/stage.js';
import { abandon, isPlain, isThenable } from '../../stages/thenable.js';

export type FusibleStage = RowStage<unknown, unknown, never>;

/** Stages that return promises although their functions are not declared `async`. */
const asynchronous = new WeakSet<AnyStage>();
/** Stages that have returned plain values. */
const synchronous = new WeakSet<AnyStage>();

/** Records what another thread has found. */
export function markAsynchronous(stage: AnyStage): void {
  asynchronous.add(stage);
}

/** Whether a stage may be fused with its neighbours. The answer may become no while the stage is used. */
export function isFusible(stage: AnyStage): stage is FusibleStage {
  return (
    stage.kind === 'row' &&
    !stage.durable &&
    stage.rowConcurrency === 1 &&
    stage.limit.length === 0 &&
    stage.rowsPerCall === undefined &&
    stage.adaptive === undefined &&
    stage.estimate === undefined &&
    stage.budget === undefined &&
    stage.rowTimeoutMs === undefined &&
    stage.retry.attempts === 1 &&
    stage.retry.when === undefined &&
    stage.timeoutMs === undefined &&
    stage.input === undefined &&
    stage.output === undefined &&
    Object.values(stage.hooks).every((hook) => hook === undefined) &&
    Object.prototype.toString.call(stage.processRow) !== '[object AsyncFunction]' &&
    !asynchronous.has(stage)
  );
}

/** What one fused stage did with a batch. */
export interface FusedStageCounters {
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Indexes are those of the rows as this stage received them. */
  readonly failures: readonly RowFailure[];
}

/** Stages that are fused. */
export interface FusedStages {
  /** How many. */
  readonly length: number;
  /** Begins a batch, whose rows come in slices.
   * @param contextOf the context of the stage at this place among the fused stages */
  beginBatch(contextOf: (place: number) => StageContext): FusedBatch;
}

/** @param stages in order, each of them `isFusible`. */
export function fuseStages(stages: readonly FusibleStage[]): FusedStages {
  return { length: stages.length, beginBatch: (contextOf) => new FusedBatch(stages, contextOf) };
}

/** One batch in the fused stages. */
export class FusedBatch {
  /** A failure has ended it: its rows are not used. */
  hasEnded = false;
  /** What the first call of the next stage returned: that stage is asynchronous. The rows out have been through the stages
   * before it. */
  firstAnswer: PromiseLike<unknown> | undefined;
  readonly #stages: StageOverBatch[];
  readonly #names: readonly string[];

  constructor(stages: readonly FusibleStage[], contextOf: (place: number) => StageContext) {
    this.#names = stages.map(({ name }) => name);
    this.#stages = stages.map((stage, place) => new StageOverBatch(stage, contextOf(place)));
  }

  /** @throws {StageError} if one of the rows out holds a promise.
   * @param before rows of the batch that came out before these */
  refusePromises(rows: readonly unknown[], before: number): void {
    for (let i = 0; i < rows.length; i++) {
      const path = findPromise(rows[i]);
      if (path !== undefined)
        throw promiseInside(this.#names[this.#stages.length - 1] ?? '', 'map', before + i, path);
    }
  }

  /** The stages that the rows went through, in order. A stage that ended the batch is the last one; it counts the rows it
   * saw. */
  get stages(): readonly FusedStageCounters[] {
    return this.#stages;
  }

  /** Takes the next rows through all stages.
   * @param rows not changed.
   * @throws the signal's reason, when it was aborted before. */
  processRows(rows: readonly unknown[]): readonly unknown[] {
    let current = rows;
    for (let place = 0; place < this.#stages.length && !this.hasEnded; place++) {
      const stage = this.#stages[place] as StageOverBatch;
      const out = stage.processRows(current);
      if (out === undefined) {
        // No stage from here on has seen a row of an earlier slice: those slices gave none.
        this.firstAnswer = stage.firstAnswer;
        this.#stages.length = place;
        return current;
      }
      this.hasEnded = stage.hasEnded;
      if (stage.hasEnded) this.#stages.length = place + 1;
      current = out;
    }
    return current;
  }
}

/** One stage over the rows of one batch. */
class StageOverBatch implements FusedStageCounters {
  readonly failures: RowFailure[] = [];
  /** Rows seen. */
  rowsIn = 0;
  rowsOut = 0;
  hasEnded = false;
  firstAnswer: PromiseLike<unknown> | undefined;
  #out: unknown[] = [];

  constructor(
    private readonly stage: FusibleStage,
    private readonly context: StageContext,
  ) {}

  /** Rows out of the next rows. Undefined: the stage's very first answer was a promise, `firstAnswer`. */
  processRows(rows: readonly unknown[]): readonly unknown[] | undefined {
    abortOf(this.context).throwIfAborted();
    this.#out = [];
    const { stage, context } = this;
    const keepAnswer = this.#answerKeeper();
    const isCopied = needsInputLater(stage, context);
    const fn = stage.processRow as (row: unknown, context: StageContext, index: number) => unknown;
    const before = this.rowsIn;
    for (let i = 0; i < rows.length && !this.hasEnded; i++) {
      const row = rows[i];
      const given = isCopied ? copyRow(row) : row;
      const index = before + i;
      this.rowsIn = index + 1;
      let answer: unknown;
      try {
        answer = fn(given, context, index);
      } catch (error) {
        this.#recordFailure(row, error);
        continue;
      }
      // Of plain answers only the first is examined.
      if ((index > 0 && isPlain(answer)) || !isThenable(answer)) keepAnswer(row, given, answer);
      else if (this.#isFirstCall(answer)) return undefined;
      else this.#recordFailure(row, promisedTooLate(stage));
    }
    if (this.rowsIn > 0) synchronous.add(stage);
    this.rowsOut += this.#out.length;
    return this.#out;
  }

  #answerKeeper(): (row: unknown, given: unknown, answer: unknown) => void {
    const out = this.#out;
    const { name, shape } = this.stage;
    switch (shape) {
      case 'map':
        return (row, _, answer) => {
          // What is left is found where rows are encoded (`runFusedBatch`).
          const path = isPromiseSample(this.rowsIn - 1) ? findPromise(answer) : undefined;
          if (answer === undefined) this.#recordFailure(row, missingRow(name));
          else if (path !== undefined) this.#recordFailure(row, promiseInside(name, shape, undefined, path));
          else out.push(answer);
        };
      case 'filter':
        return (_, given, answer) => {
          if (answer) out.push(given);
        };
      case 'flatMap':
        return (row, _, answer) => {
          try {
            for (const one of checkRows(name, shape, answer)) out.push(one);
          } catch (error) {
            this.#recordFailure(row, error);
          }
        };
    }
  }

  #recordFailure(row: unknown, error: unknown): void {
    this.failures.push({ index: this.rowsIn - 1, row, error });
    if (this.stage.onError === 'fail') this.hasEnded = true;
  }

  /** Whether the stage is asynchronous from its first call on. */
  #isFirstCall(answer: PromiseLike<unknown>): boolean {
    // Handled at once: it may reject before the stage awaits it.
    abandon(answer);
    if (this.rowsIn > 1 || synchronous.has(this.stage)) return false;
    asynchronous.add(this.stage);
    this.firstAnswer = answer;
    return true;
  }
}

function promisedTooLate(stage: FusibleStage): StageError {
  const what = 'its function returned a promise after returning plain values';
  const todo = 'Declare it async, or always return plain values';
  return new StageError(`Stage "${stage.name}": ${what}. ${todo}.`);
}
