/** Which adjacent stages share a pass: worked out once, and again when a stage turns out to be asynchronous. */

import type { AnyStage } from '../../stages/stage.js';
import { type Chain, type ChainableStage, chain, isChainable } from './fuse.js';

export class Chains {
  #from = new Map<number, Chain | undefined>();

  constructor(private readonly stages: readonly AnyStage[]) {}

  /** The longest pass that begins with stage `index`; undefined where that stage does not share one. */
  from(index: number): Chain | undefined {
    if (!this.#from.has(index)) this.#from.set(index, this.#build(index));
    return this.#from.get(index);
  }

  /** A pass was given up: some stage is not what it seemed. */
  forget(): void {
    this.#from = new Map();
  }

  #build(index: number): Chain | undefined {
    const linked: ChainableStage[] = [];
    for (const stage of this.stages.slice(index)) {
      if (!isChainable(stage)) break;
      linked.push(stage);
    }
    return linked.length === 0 ? undefined : chain(linked);
  }
}
