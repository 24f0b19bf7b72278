/**
 * The ceiling for losses: a run that loses row after row stops losing them, and pauses by itself (I12).
 *
 * 1. A loss that would reach the ceiling does not happen: the batch is held with its rows, and a resume tries it again. So at
 *    most `of - 1` rows in a row are lost to one cause.
 * 2. Rows that are lost in one pass over a batch, in fused stages and in the source, are counted when they are lost.
 * 3. A resume begins to count again: it is the answer to the pause.
 */
import type { HoldReason } from '../../../../machines/context.js';
import { LossesError } from '../../../errors.js';
import { messageOf } from '../../../platform/thrown.js';
import type { AttemptMemory } from '../../../stages/attempt.js';
import type { LossLimits } from '../../loss-limits.js';

/** The source, among the stages. */
export const SOURCE = -1;

/** A loss that the ceiling refuses. */
export class LossRefused extends Error {
  constructor(
    readonly reason: HoldReason,
    /** What the rows failed of. */
    options: ErrorOptions,
  ) {
    super(reason.message, options);
  }
}

/** The last rows of a stage: which of them were lost. */
interface LastRows {
  /** 1: lost. A ring of the last `of` rows. */
  readonly ring: Uint8Array;
  readonly next: number;
  /** Rows in the ring. */
  readonly count: number;
  readonly lost: number;
}

export interface LossCeilingHost {
  readonly limits: LossLimits;
  /** Names of the stages. */
  readonly stages: readonly string[];
  /** Pauses the run. */
  readonly pause: (reason: HoldReason, stageIndex: number) => void;
  /** Ends the run. */
  readonly fail: (error: unknown) => void;
}

export class LossCeiling {
  readonly #last = new Map<number, LastRows>();
  readonly #reached = new Set<number>();
  #total = 0;

  constructor(private readonly host: LossCeilingHost) {}

  /** Rows of a stage are about to be settled.
   * @param lost indexes of those that are about to be lost
   * @throws {LossRefused} where the run is to pause, and {LossesError} where it is to fail: none of them is lost then. */
  admitLosses(stageIndex: number, rows: number, lost: readonly number[], error: unknown): void {
    if (lost.length > 0 && this.#reached.has(stageIndex)) throw this.#refusal(stageIndex, error);
    const after = this.#after(stageIndex, rows, lost);
    if (after === undefined) {
      this.#reached.add(stageIndex);
      throw this.#refusal(stageIndex, error);
    }
    this.#last.set(stageIndex, after);
    this.#total += lost.length;
  }

  /** Rows of a stage were lost already. */
  recordLosses(stageIndex: number, rows: number, lost: readonly number[], error: unknown): void {
    try {
      this.admitLosses(stageIndex, rows, lost, error);
    } catch (thrown) {
      if (thrown instanceof LossRefused) this.host.pause(thrown.reason, stageIndex);
      else this.host.fail(thrown);
    }
  }

  /** The run resumes. */
  reset(): void {
    this.#last.clear();
    this.#reached.clear();
    this.#total = 0;
  }

  /** @returns undefined: the ceiling would be reached. */
  #after(stageIndex: number, rows: number, lost: readonly number[]): LastRows | undefined {
    const { max, of, rate } = this.host.limits;
    const before = this.#last.get(stageIndex) ?? { ring: new Uint8Array(of), next: 0, count: 0, lost: 0 };
    if (lost.length === 0 && before.lost === 0)
      return before.count === of ? before : { ...before, count: Math.min(of, before.count + rows) };
    if (this.#total + lost.length > max) return undefined;
    const ring = before.ring.slice();
    let { next, count, lost: sum } = before;
    let place = 0;
    for (let row = 0; row < rows; row++) {
      const isLost = lost[place] === row;
      if (isLost) place++;
      sum += Number(isLost) - (ring[next] as number);
      ring[next] = Number(isLost);
      next = (next + 1) % of;
      count = Math.min(of, count + 1);
      if (count === of && sum >= rate * of) return undefined;
    }
    return { ring, next, count, lost: sum };
  }

  #refusal(stageIndex: number, cause: unknown): LossRefused | LossesError {
    const { limits, stages } = this.host;
    const { max, of, rate } = limits;
    const where = stageIndex === SOURCE ? 'The source' : `Stage "${stages[stageIndex]}"`;
    const share = rate === 1 ? `the last ${of} rows` : `${Math.round(rate * 100)} % of the last ${of} rows`;
    const limit = max === Number.POSITIVE_INFINITY ? share : `${share}, or ${max} rows in all`;
    const message = `${where} is about to lose ${limit}. The newest failure: ${messageOf(cause)}`;
    const advice =
      'Fix the cause, then resume: the newest failures are tried again. The option "losses" of the pipeline sets the limit.';
    return limits.then === 'fail'
      ? new LossesError(`${message}. ${advice}`, { cause })
      : new LossRefused({ kind: 'losses', message, advice }, { cause });
  }
}

/** The rows that attempts remember as lost are about to be lost for good.
 * @returns why not: a `LossRefused` or a `LossesError`. They are tried again then. */
export function refusedLosses(
  ceiling: LossCeiling | undefined,
  stageIndex: number,
  rows: number,
  memory: AttemptMemory,
): unknown {
  const { lost } = memory;
  const indexes = lost.map(({ index }) => index);
  try {
    ceiling?.admitLosses(stageIndex, rows, indexes, lost.at(-1)?.error);
    return undefined;
  } catch (error) {
    memory.lost = [];
    return error;
  }
}
