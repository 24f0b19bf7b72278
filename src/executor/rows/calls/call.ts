/** One call: some consecutive rows of a batch, and what has become of them so far. */
import type { Json } from '../../../formats/json.js';
import type { JsonLines } from '../../../formats/json-lines-encoder.js';
import { NOTHING_SPENT, type Spending } from '../../../spending/spending.js';
import { type AttemptMemory, newAttemptMemory, type RowFailure } from '../../../stages/attempt.js';
import type { Verdict } from '../../../stages/failures/retry-decision.js';

/** The output of a call that has ended for good. */
export interface CallOutput {
  /** Undefined: they are in `parts`. */
  readonly rows: readonly unknown[] | undefined;
  /** Its journaled rows, as text. */
  readonly parts: readonly JsonLines[];
  readonly rowsOut: number;
  /** Rows that it lost, with indexes in the batch. */
  readonly lost: readonly RowFailure[];
}

/** Why a call has to be made again, or why the run cannot continue. */
export interface CallFailure {
  readonly error: unknown;
  readonly verdict: Verdict;
  /** The row that failed, by its index in the batch; absent: the call failed as a whole. */
  readonly row?: RowFailure;
}

const NO_ANSWERS: ReadonlyMap<number, Json> = new Map();

export class Call {
  /** What its attempts remember. */
  readonly memory: AttemptMemory = newAttemptMemory();
  output: CallOutput | undefined;
  failure: CallFailure | undefined;
  /** The attempt in which it failed last; 0: it has not failed. */
  failedIn = 0;
  /** Of its rows (I26); '': not computed yet. */
  inputHash = '';
  /** Answers of its requests so far, by place. */
  answers: ReadonlyMap<number, Json> = NO_ANSWERS;
  /** What its next request is about; undefined: all rows. */
  asked: readonly unknown[] | undefined;
  /** What earlier requests have spent. */
  spentBefore: Spending = NOTHING_SPENT;
  /** What its function has spent; after the end, its spending is counted apart. */
  meter: { spent: Spending; isOver: boolean } = { spent: NOTHING_SPENT, isOver: false };

  constructor(
    /** From 0, in the batch. */
    readonly index: number,
    /** Index of its first row in the batch. */
    readonly first: number,
    readonly rows: readonly unknown[],
  ) {}

  /** The rows that its next request is about. */
  get requested(): readonly unknown[] {
    return this.asked ?? this.rows;
  }

  /** Its answers are all there: it asks the service for nothing. */
  get isFree(): boolean {
    return this.asked?.length === 0;
  }
}

/** @param rowsPerCall Infinity: one call. */
export function cutIntoCalls(rows: readonly unknown[], rowsPerCall: number): Call[] {
  if (rows.length <= rowsPerCall) return rows.length === 0 ? [] : [new Call(0, 0, rows)];
  const calls: Call[] = [];
  for (let first = 0; first < rows.length; first += rowsPerCall)
    calls.push(new Call(calls.length, first, rows.slice(first, first + rowsPerCall)));
  return calls;
}

/** A failed row of a call, by its index in the batch. */
export function atBatch({ first }: Call, failure: RowFailure): RowFailure {
  return { ...failure, index: failure.index + first };
}
