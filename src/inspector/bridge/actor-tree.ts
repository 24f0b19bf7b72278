/**
 * Follows an actor and all that descend from it, by XState's own inspection.
 *
 * 1. An actor is told of when it has a snapshot, after its parent and before anything it does: `@xstate.actor` comes
 *    before the snapshot exists, so that each actor's first microstep or snapshot is taken for its beginning.
 * 2. Others of the same system concern nobody: the embedding app's own actors are not shown.
 * 3. It never hurts the run (I11): whatever goes wrong in here ends the following, and is told once.
 * 4. An actor that has ended is kept until another takes its name: who comes later sees it too.
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
  /** The root of its system, of which `sessionId` is a name. */
  readonly rootId: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  snapshot: LiveSnapshot;
  /** What led to the snapshot. */
  event: LiveEvent;
  /** `sessionId` of whoever sent it. */
  sourceId: string | undefined;
  hasEnded: boolean;
}

export interface ActorListener {
  began(actor: FollowedActor): void;
  changed(actor: FollowedActor): void;
  ended(actor: FollowedActor): void;
  /** It had ended, and another has its name now. */
  forgotten(actor: FollowedActor): void;
  /** Nothing more will come. */
  failed(error: unknown): void;
}

/** An actor that was given no id has its number for one: its machine's name says more. */
export function nameOf({ ref, machine }: FollowedActor): string {
  return ref.id === ref.sessionId ? machine.id : ref.id;
}

const INIT: LiveEvent = { type: 'xstate.init' };

export class ActorTree {
  readonly #followed = new Map<InnerActor, FollowedActor>();
  readonly #inspection: { unsubscribe(): void } | undefined;
  #isClosed = false;

  /** Begins at once, with all that there is at this moment. */
  constructor(
    readonly root: LiveActor,
    private readonly listener: ActorListener,
    private readonly now: () => number,
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

  /** @returns undefined for an actor that is none of ours. */
  #parentOf(ref: InnerActor): FollowedActor | undefined {
    const { _parent: parent } = ref;
    if (parent === undefined) return undefined;
    const known = this.#followed.get(parent);
    if (known !== undefined) return known;
    const grandparent = this.#parentOf(parent);
    if (grandparent === undefined) return undefined;
    return this.#follow(parent, grandparent, parent.getSnapshot() as Partial<LiveSnapshot> | undefined, INIT);
  }

  /** @returns undefined for an actor that is no machine: there is no chart of it. */
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
    // The snapshot after an event says no more than its last microstep, unless the machine broke.
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
