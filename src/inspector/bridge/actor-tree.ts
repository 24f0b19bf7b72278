/**
 * Follows an actor and its descendants through XState's inspection.
 *
 * 1. An actor is reported once it has a snapshot, after its parent and before its first step. `@xstate.actor` comes
 *    before the snapshot exists, so an actor begins with its first microstep or snapshot.
 * 2. Other actors of the same system, such as those of the embedding app, are not shown.
 * 3. A failure in here never reaches the run (I11): it ends the following and is reported once.
 * 4. An ended actor is kept until another takes its name, so that late viewers see it too.
 */
import type {
  InnerActor,
  InspectionEvent,
  LiveActor,
  LiveEvent,
  LiveMachine,
  LiveSnapshot,
} from './actor.js';

export interface FollowedActor {
  readonly ref: InnerActor;
  readonly parent: FollowedActor | undefined;
  readonly machine: LiveMachine;
  /** The root actor of the system that `sessionId` belongs to. */
  readonly rootId: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  snapshot: LiveSnapshot;
  /** The event that led to the snapshot. */
  event: LiveEvent;
  /** `sessionId` of the sender. */
  sourceId: string | undefined;
  hasEnded: boolean;
  /** Messages of errors, which may quote rows, are shown. */
  readonly hasMessages: boolean;
}

export interface ActorListener {
  began(actor: FollowedActor): void;
  changed(actor: FollowedActor): void;
  ended(actor: FollowedActor): void;
  /** An ended actor whose name another actor has taken. */
  forgotten(actor: FollowedActor): void;
  /** No further news follow. */
  failed(error: unknown): void;
}

/** An actor without an id has a number for one: the name of its machine says more. */
export function nameOf({ ref, machine }: FollowedActor): string {
  return ref.id === ref.sessionId ? machine.id : ref.id;
}

/** The title of an actor's chart: all stages are one machine, so that its id tells none. */
export const titleOf = (actor: FollowedActor): string => nameOf(actor).replace(/^stage:/, '');

const INIT: LiveEvent = { type: 'xstate.init' };

export class ActorTree {
  readonly #followed = new Map<InnerActor, FollowedActor>();
  readonly #inspection: { unsubscribe(): void } | undefined;
  #isClosed = false;

  /** Begins with the actors that exist at this moment. */
  constructor(
    readonly root: LiveActor,
    private readonly listener: ActorListener,
    private readonly now: () => number,
    private readonly hasMessages: boolean,
  ) {
    this.#try(() => this.#followAll(root as unknown as InnerActor, undefined));
    if (!this.#isClosed)
      this.#inspection = root.system.inspect((event) =>
        this.#try(() => this.#hear(event as InspectionEvent)),
      );
  }

  /** Parents before their children. */
  get actors(): readonly FollowedActor[] {
    return [...this.#followed.values()];
  }

  close(): void {
    this.#isClosed = true;
    this.#inspection?.unsubscribe();
    this.#followed.clear();
  }

  #try(work: () => void): void {
    if (this.#isClosed) return;
    try {
      work();
    } catch (error) {
      this.close();
      this.listener.failed(error);
    }
  }

  #followAll(ref: InnerActor, parent: FollowedActor | undefined): void {
    const snapshot = ref.getSnapshot() as Partial<LiveSnapshot> | undefined;
    const followed = this.#follow(ref, parent, snapshot, INIT);
    if (followed === undefined) return;
    for (const child of Object.values(followed.snapshot.children))
      if (child !== undefined) this.#followAll(child, followed);
    if (followed.snapshot.status !== 'active') this.#end(followed);
  }

  #hear(event: InspectionEvent): void {
    const { type, actorRef: ref, snapshot } = event;
    const known = this.#followed.get(ref);
    if (type === '@xstate.event') {
      if (known !== undefined) known.sourceId = event.sourceRef?.sessionId;
    } else if (type === '@xstate.microstep' || type === '@xstate.snapshot') {
      if (known === undefined) this.#meet(ref, snapshot, event.event ?? INIT);
      else if (!known.hasEnded) this.#step(known, snapshot, event.event ?? INIT, type === '@xstate.snapshot');
    }
  }

  #meet(ref: InnerActor, snapshot: Partial<LiveSnapshot> | undefined, event: LiveEvent): void {
    const parent = this.#parentOf(ref);
    if (parent === undefined) return;
    const followed = this.#follow(ref, parent, snapshot, event);
    if (followed !== undefined && followed.snapshot.status !== 'active') this.#end(followed);
  }

  /** @returns undefined for an actor outside the followed tree. */
  #parentOf(ref: InnerActor): FollowedActor | undefined {
    const { _parent: parent } = ref;
    if (parent === undefined) return undefined;
    const known = this.#followed.get(parent);
    if (known !== undefined) return known;
    const grandparent = this.#parentOf(parent);
    if (grandparent === undefined) return undefined;
    return this.#follow(parent, grandparent, parent.getSnapshot() as Partial<LiveSnapshot> | undefined, INIT);
  }

  /** @returns undefined for an actor that is not a machine: it has no chart. */
  #follow(
    ref: InnerActor,
    parent: FollowedActor | undefined,
    snapshot: Partial<LiveSnapshot> | undefined,
    event: LiveEvent,
  ): FollowedActor | undefined {
    const { logic: machine } = ref;
    if (machine?.root === undefined || snapshot?.value === undefined) return undefined;
    for (const other of this.#followed.values())
      if (other.hasEnded && other.parent === parent && other.ref.id === ref.id) this.#forget(other);
    const followed: FollowedActor = {
      ref,
      parent,
      machine,
      rootId: parent?.rootId ?? ref.sessionId,
      since: this.now(),
      snapshot: snapshot as LiveSnapshot,
      event,
      sourceId: parent?.ref.sessionId,
      hasEnded: false,
      hasMessages: this.hasMessages,
    };
    this.#followed.set(ref, followed);
    this.listener.began(followed);
    return followed;
  }

  #step(
    followed: FollowedActor,
    snapshot: Partial<LiveSnapshot> | undefined,
    event: LiveEvent,
    isWhole: boolean,
  ): void {
    if (snapshot?.value === undefined) return;
    const hasEnded = snapshot.status !== 'active';
    // The snapshot after an event repeats its last microstep, unless the machine failed.
    if (isWhole && !hasEnded) return;
    followed.snapshot = snapshot as LiveSnapshot;
    followed.event = event;
    if (hasEnded) this.#end(followed);
    else this.listener.changed(followed);
  }

  #end(followed: FollowedActor): void {
    followed.hasEnded = true;
    this.listener.ended(followed);
  }

  #forget(followed: FollowedActor): void {
    this.#followed.delete(followed.ref);
    for (const child of this.#followed.values()) if (child.parent === followed) this.#forget(child);
    this.listener.forgotten(followed);
  }
}
