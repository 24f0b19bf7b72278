/**
 * What stage actors are told of attempts that went well: those that end at the same moment, by timers, sockets or one fsync,
 * in one event. A transition costs the same for one batch as for a hundred.
 */
import { platform } from '#platform';

/** The stage actor, as far as it is needed here. */
export interface CompletionActor {
  send(event: {
    readonly type: 'attempts.done';
    readonly batches: readonly number[];
    readonly attempt: number;
    readonly through?: number;
  }): void;
}

/** What batches of one event have in common. */
interface Completion {
  readonly actor: CompletionActor;
  readonly attempt: number;
  /** The last stage whose work was done in the same pass; undefined: this one. */
  readonly through: number | undefined;
}

interface Group extends Completion {
  readonly batches: number[];
}

/** An event of so many stays small (I3). */
export const MAX_GROUP = 256;

export class CompletionBatcher {
  #groups: Group[] = [];
  #isOver = false;

  /** Told soon, with others that come until then. */
  addCompletion(answer: Completion, batch: number): void {
    const { actor, attempt, through } = answer;
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
    if (this.#groups.length === 0) platform.soon(() => this.#flush());
    this.#groups.push({ ...answer, batches: [batch] });
  }

  /** Told now. */
  sendNow({ actor, attempt, through }: Completion, batches: readonly number[]): void {
    const event = { type: 'attempts.done', batches, attempt } as const;
    actor.send(through === undefined ? event : { ...event, through });
  }

  /** Nobody wants to know any more. */
  discardAll(): void {
    this.#isOver = true;
  }

  #flush(): void {
    const groups = this.#groups;
    this.#groups = [];
    for (const group of groups) if (!this.#isOver) this.sendNow(group, group.batches);
  }
}
