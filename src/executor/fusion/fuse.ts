/**
 * Adjacent row stages in one pass over a batch, a slice of it at a time: each goes through the rows in a loop, and the next
 * one begins at once, with nothing in between: no event, no promise, no encoding.
 *
 * 1. Only stages that need nothing between two rows are chained (`isChainable`): synchronous, not durable, without hooks,
 *    schemas, timeout and retry.
 * 2. It gives what stage by stage would have given: the same rows, failures with the same indexes, and counts.
 * 3. A failure of a stage whose `onError` is 'fail' ends the pass: no function is called after it.
 * 4. A function that answers with a promise does not belong here. If it does so at the stage's *first* call, the pass ends
 *    before that stage, which is remembered as asynchronous; its function is called again for that row. If it does so
 *    later, that row has failed with an error that says what to do.
 * 5. A loop a stage, not a row through all stages: with stages that take next to nothing, that costs less than half as much,
 *    because the processor stays in the same code.
 */
import { StageError } from '../../errors.js';
import { abortOf } from '../../stages/abortable.js';
import { checkedRows, noRow } from '../../stages/answers.js';
import type { RowFailure } from '../../stages/attempt-result.js';
import type { AnyStage, RowStage, StageContext } from '../../stages/stage.js';
import { abandon, isPlain, isThenable } from '../../stages/thenable.js';

export type FusibleStage = RowStage<unknown, unknown, never>;

/** Stages found to answer with promises although their functions are not declared `async`. */
const asynchronous = new WeakSet<AnyStage>();
/** Stages that have been through a pass. */
const synchronous = new WeakSet<AnyStage>();

/** Another thread has found it out. */
export function rememberAsynchronous(stage: AnyStage): void {
  asynchronous.add(stage);
}

/** May this stage share a pass over each row with its neighbours? The answer may turn to no while the stage is used. */
export function isFusible(stage: AnyStage): stage is FusibleStage {
  return (
    stage.kind === 'row' &&
    !stage.durable &&
    stage.rowConcurrency === 1 &&
    stage.retry.attempts === 1 &&
    stage.timeoutMs === undefined &&
    stage.input === undefined &&
    stage.output === undefined &&
    Object.values(stage.hooks).every((hook) => hook === undefined) &&
    Object.prototype.toString.call(stage.processRow) !== '[object AsyncFunction]' &&
    !asynchronous.has(stage)
  );
}

/** One stage's part in a pass. */
export interface FusedStageCounters {
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Indexes are those of the rows as this stage received them. */
  readonly failures: readonly RowFailure[];
}

/** Stages put together once. */
export interface FusedStages {
  /** Stages in it. */
  readonly length: number;
  /** One pass over a batch, whose rows come in slices.
   * @param contextOf the context of the stage at this place in the chain. */
  beginBatch(contextOf: (stage: number) => StageContext): FusedBatch;
}

/** @param stages in order, each of them `isChainable`. */
export function fuseStages(stages: readonly FusibleStage[]): FusedStages {
  return { length: stages.length, beginBatch: (contextOf) => new FusedBatch(stages, contextOf) };
}

/** One batch on its way through a chain. */
export class FusedBatch {
  /** A failure has ended it: what comes out now is nobody's. */
  hasEnded = false;
  /** The next stage is not what it seemed: it answers with promises. What comes out has been through those before it. */
  isAsynchronous = false;
  readonly #stages: StagePass[];

  constructor(stages: readonly FusibleStage[], contextOf: (stage: number) => StageContext) {
    this.#stages = stages.map((stage, place) => new StagePass(stage, contextOf(place)));
  }

  /** Of the stages that the rows went through, in order. One that ended the pass by a failure is the last of them, and its
   * counts are those of the rows seen. */
  get stages(): readonly FusedStageCounters[] {
    return this.#stages;
  }

  /** The next rows through all stages.
   * @param rows not changed.
   * @throws the signal's reason when it is aborted before them. */
  processRows(rows: readonly unknown[]): readonly unknown[] {
    let current = rows;
    for (let place = 0; place < this.#stages.length && !this.hasEnded; place++) {
      const stage = this.#stages[place] as StagePass;
      const out = stage.take(current);
      if (out === undefined) {
        // No stage from here on has seen a row: slices before this one have given none.
        this.isAsynchronous = true;
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
class StagePass implements FusedStageCounters {
  readonly failures: RowFailure[] = [];
  /** Rows looked at. */
  rowsIn = 0;
  rowsOut = 0;
  hasEnded = false;
  #out: unknown[] = [];

  constructor(
    private readonly stage: FusibleStage,
    private readonly context: StageContext,
  ) {}

  /** What the next rows give. Undefined: the stage's very first answer was a promise. */
  take(rows: readonly unknown[]): readonly unknown[] | undefined {
    abortOf(this.context).throwIfAborted();
    this.#out = [];
    const { stage } = this;
    const take = this.#taker();
    const fn = stage.processRow as (row: unknown, context: StageContext, index: number) => unknown;
    const before = this.rowsIn;
    for (let i = 0; i < rows.length && !this.hasEnded; i++) {
      const row = rows[i];
      const index = before + i;
      this.rowsIn = index + 1;
      let answer: unknown;
      try {
        answer = fn(row, this.context, index);
      } catch (error) {
        this.#lose(row, error);
        continue;
      }
      // Of plain answers only the first is looked into.
      if ((index > 0 && isPlain(answer)) || !isThenable(answer)) take(row, answer);
      else if (this.#isFirstCallOfAll(answer)) return undefined;
      else this.#lose(row, promisedTooLate(stage));
    }
    if (this.rowsIn > 0) synchronous.add(stage);
    this.rowsOut += this.#out.length;
    return this.#out;
  }

  #taker(): (row: unknown, answer: unknown) => void {
    const out = this.#out;
    const { name, shape } = this.stage;
    switch (shape) {
      case 'map':
        return (row, answer) => {
          if (answer === undefined) this.#lose(row, noRow(name));
          else out.push(answer);
        };
      case 'filter':
        return (row, answer) => {
          if (answer) out.push(row);
        };
      case 'flatMap':
        return (row, answer) => {
          try {
            for (const one of checkedRows(name, shape, answer)) out.push(one);
          } catch (error) {
            this.#lose(row, error);
          }
        };
    }
  }

  #lose(row: unknown, error: unknown): void {
    this.failures.push({ index: this.rowsIn - 1, row, error });
    if (this.stage.onError === 'fail') this.hasEnded = true;
  }

  /** Then the stage is asynchronous, whatever it looks like. */
  #isFirstCallOfAll(answer: PromiseLike<unknown>): boolean {
    abandon(answer);
    if (this.rowsIn > 1 || synchronous.has(this.stage)) return false;
    asynchronous.add(this.stage);
    return true;
  }
}

function promisedTooLate(stage: FusibleStage): StageError {
  const what = 'its function answered with a promise after answering with plain values';
  const todo = 'declare it async, or always return plain values';
  return new StageError(`Stage "${stage.name}": ${what}; ${todo}.`);
}
