import type { AnyStage, Keyed } from '../../../stages/stage.js';

const isKeyed = (stage: AnyStage): boolean => stage.kind === 'batch' && stage.keyed !== undefined;

/** Of the first keyed stage; undefined: there is none. */
export function keyedOf(stages: readonly AnyStage[]): Keyed | undefined {
  const stage = stages.find(isKeyed);
  return stage?.kind === 'batch' ? stage.keyed : undefined;
}

/** Before a durable stage, a keyed stage is journaled, too: what a later stage made of its rows would otherwise meet other rows after a
 * crash (I26). */
export function withJournaledState(stages: readonly AnyStage[]): readonly AnyStage[] {
  const lastDurable = stages.findLastIndex(({ durable }) => durable);
  return stages.map((stage, i) => (isKeyed(stage) && i < lastDurable ? { ...stage, durable: true } : stage));
}
