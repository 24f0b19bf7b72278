/**
 * Adjacent row stages in one pass over each row: a row goes through all of them before the next row is looked at, so that
 * it is still in the processor's cache, and dies young if it dies.
 *
 * 1. Only stages that need nothing between two rows are chained (`isChainable`): synchronous, not durable, without hooks,
 *    schemas, timeout and retry.
 * 2. It gives what stage by stage would have given: the same rows, failures with the same indexes, and counts.
 * 3. A failure of a stage whose `onError` is 'fail' ends the pass: no function is called after it.
 * 4. A function that answers with a promise does not belong here. If it does so at the stage's *first* call, the pass
 *    is given up (`bailed`), the stage is remembered as asynchronous, and the caller runs stage by stage instead; functions
 *    are then called again for rows of this pass, which for the first call of a run is usually the first row of the first batch.
 *    If it does so later, that row has failed with an error that says what to do.
 * 5. Nothing is allocated per row, and no row is stored in anything that outlives the pass: storing a young object into an
 *    old one is what costs in a loop like this (a `try` per call costs nothing).
 */
import { StageError } from '../errors.js';
import { abortOf } from './abortable.js';
import { checkedRows, noRow } from './answers.js';
import type { RowFailure } from './attempt-result.js';
import type { AnyStage, RowStage, StageContext } from './stage.js';
import { abandon, isPlain, isThenable } from './thenable.js';

export type ChainableStage = RowStage<unknown, unknown, never>;

/** Stages found to answer with promises although their functions are not declared `async`. */
const asynchronous = new WeakSet<AnyStage>();
/** Stages that have been through a pass. */
const synchronous = new WeakSet<AnyStage>();

/** Another thread has found it out. */
export function rememberAsynchronous(stage: AnyStage): void {
  asynchronous.add(stage);
}

/** May this stage share a pass over each row with its neighbours? The answer may turn to no while the stage is used. */
export function isChainable(stage: AnyStage): stage is ChainableStage {
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
export interface ChainTally {
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Indexes are those of the rows as this stage received them. */
  readonly failures: readonly RowFailure[];
}

export type ChainPass =
  | { readonly bailed: true }
  | {
      readonly bailed: false;
      readonly rows: unknown[];
      /** In the order of the stages. After a failure that ended the pass the counts are those of the rows seen. */
      readonly stages: readonly ChainTally[];
    };

export interface Chain {
  /** Stages in it. */
  readonly length: number;
  /** One pass over a batch.
   * @param forEachRow calls `visit` with each row, in order; it may go on after the pass has ended.
   * @param contextOf the context of the stage at this place in the chain.
   * @throws the signal's reason when it is aborted before the pass; what `forEachRow` throws. */
  run(
    forEachRow: (visit: (row: unknown) => void) => void,
    contextOf: (stage: number) => StageContext,
  ): ChainPass;
}

/** Puts stages together once; the chain is then run for every batch.
 * @param stages in order, each of them `isChainable`. */
export function chain(stages: readonly ChainableStage[]): Chain {
  return new ComposedChain(stages);
}

type Step = (row: unknown) => void;
type RowFunction = (row: unknown, context: StageContext, index: number) => unknown;

class ComposedChain implements Chain {
  /** Nothing is called any more: a failure that ends the run, or a bail-out. */
  hasEnded = false;
  hasBailed = false;
  out: unknown[] = [];
  readonly nodes: Node[];
  readonly length: number;
  readonly #stages: readonly ChainableStage[];
  #isRunning = false;
  readonly #visit: Step;

  constructor(stages: readonly ChainableStage[]) {
    this.length = stages.length;
    this.#stages = stages;
    this.nodes = stages.map((stage, place) => new Node(stage, place));
    let next: Step = (row) => {
      this.out.push(row);
    };
    for (const node of this.nodes.toReversed()) next = step(this, node, next);
    const first = next;
    this.#visit = (row) => {
      if (!this.hasEnded) first(row);
    };
  }

  run(forEachRow: (visit: Step) => void, contextOf: (stage: number) => StageContext): ChainPass {
    // A function that runs the same pipeline inside itself: the state of this pass is not to be shared.
    if (this.#isRunning) return new ComposedChain(this.#stages).run(forEachRow, contextOf);
    this.#isRunning = true;
    try {
      this.#reset(contextOf);
      forEachRow(this.#visit);
      this.#rememberSynchronous();
      return this.hasBailed ? { bailed: true } : { bailed: false, rows: this.out, stages: this.#tallies() };
    } finally {
      this.#isRunning = false;
      this.out = [];
    }
  }

  #reset(contextOf: (stage: number) => StageContext): void {
    this.hasEnded = false;
    this.hasBailed = false;
    for (const node of this.nodes) {
      node.context = contextOf(node.place);
      abortOf(node.context).throwIfAborted();
      node.rowsIn = 0;
      node.failures = [];
    }
  }

  #rememberSynchronous(): void {
    for (const { stage, rowsIn } of this.nodes) {
      if (rowsIn > 0 && !asynchronous.has(stage)) synchronous.add(stage);
    }
  }

  #tallies(): ChainTally[] {
    return this.nodes.map(({ rowsIn, failures }, place) => ({
      rowsIn,
      rowsOut: this.nodes[place + 1]?.rowsIn ?? this.out.length,
      failures,
    }));
  }
}

/** What a stage keeps during a pass. */
class Node {
  rowsIn = 0;
  failures: RowFailure[] = [];
  context: StageContext = undefined as never;
  constructor(
    readonly stage: ChainableStage,
    readonly place: number,
  ) {}
}

function step(pass: ComposedChain, node: Node, next: Step): Step {
  const fn = node.stage.processRow as RowFunction;
  switch (node.stage.shape) {
    case 'map':
      return (row) => {
        let answer: unknown;
        try {
          answer = fn(row, node.context, node.rowsIn++);
        } catch (error) {
          lose(pass, node, row, error);
          return;
        }
        if (isPromised(node, answer)) promised(pass, node, row, answer);
        else if (answer === undefined) lose(pass, node, row, noRow(node.stage.name));
        else next(answer);
      };
    case 'filter':
      return (row) => {
        let answer: unknown;
        try {
          answer = fn(row, node.context, node.rowsIn++);
        } catch (error) {
          lose(pass, node, row, error);
          return;
        }
        if (isPromised(node, answer)) promised(pass, node, row, answer);
        else if (answer) next(row);
      };
    case 'flatMap':
      return (row) => {
        let answer: unknown;
        let rows: readonly unknown[] = [];
        try {
          answer = fn(row, node.context, node.rowsIn++);
          if (!isPromised(node, answer)) rows = checkedRows(node.stage.name, 'flatMap', answer);
        } catch (error) {
          lose(pass, node, row, error);
          return;
        }
        if (isPromised(node, answer)) promised(pass, node, row, answer);
        for (const one of rows) {
          if (pass.hasEnded) return;
          next(one);
        }
      };
  }
}

/** Of a stage's plain answers only the first in a pass is looked into. */
function isPromised(node: Node, answer: unknown): answer is PromiseLike<unknown> {
  return (node.rowsIn === 1 || !isPlain(answer)) && isThenable(answer);
}

function lose(pass: ComposedChain, node: Node, row: unknown, error: unknown): void {
  node.failures.push({ index: node.rowsIn - 1, row, error });
  if (node.stage.onError === 'fail') pass.hasEnded = true;
}

/** The stage answered with a promise: is it its first call ever? */
function promised(pass: ComposedChain, node: Node, row: unknown, answer: PromiseLike<unknown>): void {
  abandon(answer);
  const { stage } = node;
  if (node.rowsIn === 1 && !synchronous.has(stage)) {
    asynchronous.add(stage);
    pass.hasEnded = true;
    pass.hasBailed = true;
    return;
  }
  const what = 'its function answered with a promise after answering with plain values';
  const todo = 'declare it async, or always return plain values';
  lose(pass, node, row, new StageError(`Stage "${stage.name}": ${what}; ${todo}.`));
}
