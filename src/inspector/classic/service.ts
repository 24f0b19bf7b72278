/** An actor as the package takes it: the shape of an interpreter of XState 4. */
import { type FollowedActor, nameOf } from '../bridge/actor-tree.js';
import { type ClassicMachine, classicMachine } from './definition.js';
import { type ClassicEvent, type ClassicState, classicEvent, classicState } from './state.js';

type StateListener = (state: ClassicState) => void;

/**
 * 1. The package reads `machine`, `state`, `id` and `sessionId`, listens by `subscribe` and `onStop`, and puts a `send`
 *    of its own around this one, which tells viewers of the event and calls this one.
 * 2. What a viewer sends arrives at `send` too; what has happened is only told, and goes no further.
 */
export class ClassicService {
  readonly id: string;
  readonly machine: ClassicMachine & { readonly definition: ClassicMachine };
  #state: ClassicState | undefined;
  #isTelling = false;
  readonly #listeners: StateListener[] = [];
  readonly #stopListeners: (() => void)[] = [];

  /** @param onCommand told of what a viewer sends: the event's type. */
  constructor(
    private readonly actor: FollowedActor,
    readonly sessionId: string,
    private readonly onCommand: (type: string) => void,
  ) {
    this.id = nameOf(actor);
    const definition = classicMachine(actor.machine);
    const machine = { ...definition, definition };
    Object.defineProperty(machine, 'definition', { enumerable: false });
    this.machine = machine;
  }

  get state(): ClassicState {
    this.#state ??= classicState(this.actor, this.sessionId);
    return this.#state;
  }

  /** It is not what it was. */
  changed(): void {
    this.#state = undefined;
  }

  /** Tells viewers what happened, and what the actor is now. */
  tell(): void {
    this.#isTelling = true;
    try {
      this.send(classicEvent(this.actor));
    } finally {
      this.#isTelling = false;
    }
    for (const listener of this.#listeners) listener(this.state);
  }

  stop(): void {
    for (const listener of this.#stopListeners) listener();
  }

  send(event: ClassicEvent | { readonly name: string }): void {
    if (!this.#isTelling) this.onCommand('name' in event ? event.name : event.type);
  }

  subscribe(listener: StateListener): void {
    this.#listeners.push(listener);
  }

  onStop(listener: () => void): void {
    this.#stopListeners.push(listener);
  }
}
