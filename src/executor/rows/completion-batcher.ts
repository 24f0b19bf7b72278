/**
 * Batches the completions of attempts: those of the same moment (timers, sockets, one fsync) reach their stage actor in one
 * event. A transition costs the same for one batch as for a hundred.
 */
import { platform } from '#platform';

/** The part of a stage actor that completions need. */
export interface CompletionActor {
  send(event: {
    readonly type: 'attempts.done';
    readonly batches: readonly number[];
    readonly attempt: number;
    readonly through?: number;
  }): void;
}

/** What the batches of one event have in common. */
interface Completion {
  readonly actor: CompletionActor;
  readonly attempt: number;
  /** The last of the fused stages; undefined: the stage alone. */
  readonly through: number | undefined;
}

interface Group extends Completion {
  readonly batches: number[];
}

/** Batches in one event: events stay small (I3). */
export const MAX_GROUP = 256;

export class CompletionBatcher {
  #groups: Group[] = [];
  #isDiscarding = false;

  /** Sends the completion in the next turn of the event loop, together with others. */
  addCompletion(completion: Completion, batch: number): void {
    const { actor, attempt, through } = completion;
    const group = this.#groups.find(
      (one) =>
        one.actor === actor &&
        one.attempt === attempt &&
        one.through === through &&
        one.batches.length < MAX_GROUP,
    );
    if (group !== undefined) {
      group.batches.push(batch);
      return;
    }
    if (this.#groups.length === 0) platform.soon(() => this.#sendGroups());
    this.#groups.push({ ...completion, batches: [batch] });
  }

  sendNow({ actor, attempt, through }: Completion, batches: readonly number[]): void {
    const event = { type: 'attempts.done', batches, attempt } as const;
    actor.send(through === undefined ? event : { ...event, through });
  }

  /** Sends nothing from now on. */
  discardAll(): void {
    this.#isDiscarding = true;
  }

  #sendGroups(): void {
    const groups = this.#groups;
    this.#groups = [];
    for (const group of groups) if (!this.#isDiscarding) this.sendNow(group, group.batches);
  }
}
