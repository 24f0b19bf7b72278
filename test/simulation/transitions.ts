/** The transitions of both statecharts that a run took: `<machine> <state> <event>`. */
import type { AnyActorRef } from 'xstate';
import { createExecutorMachine, stageMachine } from '../../machines/index.js';

/** Every event that a state of the machines handles. */
export function allTransitions(): string[] {
  const executor = Object.entries(createExecutorMachine([]).states).flatMap(([state, node]) =>
    node.ownEvents.map((event) => `executor ${state} ${event}`),
  );
  const always = Object.keys(stageMachine.root.on);
  const stage = Object.entries(stageMachine.states).flatMap(([state, node]) =>
    [...node.ownEvents, ...always].map((event) => `stage ${state} ${event}`),
  );
  return [...new Set([...executor, ...stage])];
}

/** Follows the actors of an executor. */
export class TransitionLog {
  readonly #states = new WeakMap<object, string>();
  #followed: object | undefined;

  constructor(private readonly seen: Set<string>) {}

  /** @param actor a new one after the resume of a stored session. */
  follow(actor: AnyActorRef): void {
    if (actor === this.#followed) return;
    this.#followed = actor;
    const { children } = actor.getSnapshot() as { children: Record<string, AnyActorRef> };
    for (const ref of [actor, ...Object.values(children)]) this.#states.set(ref, stateOf(ref.getSnapshot()));
    actor.system.inspect((inspected) => {
      if (inspected.type !== '@xstate.snapshot') return;
      const before = this.#states.get(inspected.actorRef);
      const machine = inspected.actorRef === actor ? 'executor' : 'stage';
      if (before !== undefined) this.seen.add(`${machine} ${before} ${inspected.event.type}`);
      this.#states.set(inspected.actorRef, stateOf(inspected.snapshot));
    });
  }
}

const stateOf = (snapshot: unknown): string => (snapshot as { value: string }).value;
