/** The events of attempts: what begins, and what is done. */
import type { AnyStage } from '../../../stages/stage.js';
import type { EventDraft } from '../../publish.js';
import type { AttemptMetrics } from '../attempt-outcome.js';

export class AttemptEvents {
  readonly #startedStages = new Set<number>();

  constructor(
    private readonly stages: readonly AnyStage[],
    private readonly publish: (draft: EventDraft) => void,
  ) {}

  publishStart(stageIndex: number, batch: number, attempt: number): void {
    const stage = this.#nameOf(stageIndex);
    if (!this.#startedStages.has(stageIndex)) {
      this.#startedStages.add(stageIndex);
      this.publish({ type: 'stage.started', stage });
    }
    this.publish({ type: 'batch.started', stage, batch, attempt });
  }

  publishCompletion(
    stageIndex: number,
    batch: number,
    attempt: number,
    { rowsIn, rowsOut, durable, fromJournal = false }: AttemptMetrics,
    durationMs: number,
  ): void {
    const stage = this.#nameOf(stageIndex);
    const metrics = { rowsIn, rowsOut, durable, attempt: fromJournal ? 0 : attempt, durationMs, fromJournal };
    this.publish({ type: 'batch.completed', stage, batch, ...metrics });
  }

  #nameOf(stageIndex: number): string {
    return (this.stages[stageIndex] as AnyStage).name;
  }
}
