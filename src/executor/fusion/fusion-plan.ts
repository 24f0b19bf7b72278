/** Which adjacent stages are fused. Worked out once, and again when a stage turns out to be asynchronous. */
import type { AnyStage } from '../../stages/stage.js';
import { type FusedStages, type FusibleStage, fuseStages, isFusible } from './fuse.js';

export class FusionPlan {
  #from = new Map<number, FusedStages | undefined>();

  constructor(private readonly stages: readonly AnyStage[]) {}

  /** The longest run of fused stages that begins with stage `index`; undefined: that stage is not fusible. */
  fusedStagesAt(index: number): FusedStages | undefined {
    if (!this.#from.has(index)) this.#from.set(index, this.#fuseFrom(index));
    return this.#from.get(index);
  }

  /** A stage turned out to be asynchronous. */
  invalidate(): void {
    this.#from = new Map();
  }

  #fuseFrom(index: number): FusedStages | undefined {
    const fusible: FusibleStage[] = [];
    for (const stage of this.stages.slice(index)) {
      if (!isFusible(stage)) break;
      fusible.push(stage);
    }
    return fusible.length === 0 ? undefined : fuseStages(fusible);
  }
}
