/** Which adjacent stages share a pass: worked out once, and again when a stage turns out to be asynchronous. */

import type { AnyStage } from '../../stages/stage.js';
import { type FusedStages, type FusibleStage, fuseStages, isFusible } from './fuse.js';

export class FusionPlan {
  #from = new Map<number, FusedStages | undefined>();

  constructor(private readonly stages: readonly AnyStage[]) {}

  /** The longest pass that begins with stage `index`; undefined where that stage does not share one. */
  fusedStagesAt(index: number): FusedStages | undefined {
    if (!this.#from.has(index)) this.#from.set(index, this.#build(index));
    return this.#from.get(index);
  }

  /** A pass was given up: some stage is not what it seemed. */
  invalidate(): void {
    this.#from = new Map();
  }

  #build(index: number): FusedStages | undefined {
    const linked: FusibleStage[] = [];
    for (const stage of this.stages.slice(index)) {
      if (!isFusible(stage)) break;
      linked.push(stage);
    }
    return linked.length === 0 ? undefined : fuseStages(linked);
  }
}
