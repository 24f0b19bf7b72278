/**
 * The gates of a run's stages: each asks everything that may stop a call, in the order in which nothing has to be given back.
 *
 * Only a stage with a limiter has a gate. The others are never asked about, and cost nothing.
 */
import type { Clock } from '../../../platform/clock.js';
import type { CallGate } from '../../../stages/calls/call-gate.js';
import type { AnyStage } from '../../../stages/stage.js';
import { LimitGate } from './limit-gate.js';

export class CallGates {
  readonly perStage: readonly (CallGate | undefined)[];
  readonly #limits: LimitGate;

  constructor(stages: readonly AnyStage[], clock: Clock) {
    this.#limits = new LimitGate(stages, clock);
    this.perStage = stages.map((stage) => (stage.limit.length === 0 ? undefined : this.#gate));
  }

  readonly #gate: CallGate = {
    requestCall: ({ stageIndex, batch, call }) =>
      this.#limits.requestCall({ stageIndex, batch, call }) ?? { kind: 'go', settle() {} },
  };

  /** The calls that wait leave their lines: the run has ended. */
  giveUpAll(): void {
    this.#limits.giveUpAll();
  }
}
