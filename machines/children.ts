/** The actors that the executor spawns: one for each stage, a committer and a publisher. */
import { committerMachine } from './committer.machine.js';
import { publisherMachine } from './publisher.machine.js';

/** The children beside the stages. The key is the actor id and the `src`. */
export const WORKERS = {
  committer: committerMachine,
  publisher: publisherMachine,
} as const;

/** The actor id of a stage, and its `src`: stable across processes, so that a snapshot restores. */
export const stageActorId = (name: string): string => `stage:${name}`;
