/**
 * Permits of the calls of a run: asks the limiters of a stage before a call begins, and tells them how it ended.
 *
 * A stage without limiters is never asked about, and costs nothing.
 */
import { StagePermits, type TokenUse } from '../../../limits/stage-permits.js';
import type { Clock } from '../../../platform/clock.js';
import { refusalOf } from '../../../stages/failures/overload.js';
import type { AnyStage } from '../../../stages/stage.js';

/** Which call asks. */
export interface LimitedCall {
  readonly stageIndex: number;
  readonly batch: number;
  /** Index of the call in its batch, from 0. */
  readonly call: number;
  /** Tokens that it will use, as far as they are known. */
  readonly estimate?: TokenUse;
}

/** How a call ended. */
export interface LimitedCallEnd {
  readonly spent: TokenUse;
  /** What it threw; absent: it succeeded. */
  readonly error?: unknown;
}

export type LimitAnswer =
  | { readonly kind: 'go'; settle(end: LimitedCallEnd): void }
  /** `dueAt`: milliseconds since the epoch; `waitingFor`: the name of the limiter. */
  | {
      readonly kind: 'defer';
      readonly dueAt: number;
      readonly delayMs: number;
      readonly waitingFor: string;
    };

export class LimitGate {
  readonly #permits: readonly (StagePermits | undefined)[];

  constructor(
    stages: readonly AnyStage[],
    private readonly clock: Clock,
  ) {
    this.#permits = stages.map(({ limit }) =>
      limit.length === 0 ? undefined : new StagePermits(limit, clock),
    );
  }

  /** @returns undefined: the stage has no limiter. */
  requestCall({ stageIndex, batch, call, estimate }: LimitedCall): LimitAnswer | undefined {
    const permits = this.#permits[stageIndex];
    const answer = permits?.request(`${batch}:${call}`, estimate);
    if (answer === undefined) return undefined;
    if (answer.kind === 'defer') return { ...answer, dueAt: Math.round(this.clock.now() + answer.delayMs) };
    const { permit } = answer;
    return {
      kind: 'go',
      settle: ({ spent, error }) => {
        if (error === undefined) return permit.settle({ kind: 'success', spent });
        const refusal = refusalOf(error, this.clock.now());
        if (refusal === undefined) permit.settle({ kind: 'failure', spent });
        else permit.settle({ kind: 'refused', spent, retryAfterMs: refusal.afterMs });
      },
    };
  }

  /** The calls that wait leave the line: the run has ended. */
  giveUpAll(): void {
    for (const permits of this.#permits) permits?.giveUp();
  }
}
