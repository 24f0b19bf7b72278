/** An actor in the shape of an XState 4 interpreter, which the package expects. */
import { type FollowedActor, nameOf, titleOf } from '../bridge/actor-tree.js';
import { type ClassicMachine, classicMachine } from './definition.js';
import { type ClassicEvent, type ClassicState, classicEvent, classicState } from './state.js';

/** A viewer titles the chart with the machine's id. A machine that something targets as a whole keeps its own. */
function titled(machine: ClassicMachine, id: string): ClassicMachine {
  return JSON.stringify(machine).includes(`"#${machine.id}"`) ? machine : { ...machine, id };
}

type StateListener = (state: ClassicState) => void;

/**
 * 1. The package reads `machine`, `state`, `id` and `sessionId`, and listens by `subscribe` and `onStop`. It wraps `send`
 *    with one that shows viewers the event and calls this one.
 * 2. A viewer's event arrives at `send` too. A reported event is only shown.
 */
export class ClassicService {
  readonly id: string;
  readonly machine: ClassicMachine & { readonly definition: ClassicMachine };
  #state: ClassicState | undefined;
  #isTelling = false;
  readonly #listeners: StateListener[] = [];
  readonly #stopListeners: (() => void)[] = [];

  /** @param onCommand called with the type of an event that a viewer sends. */
  constructor(
    private readonly actor: FollowedActor,
    readonly sessionId: string,
    private readonly onCommand: (type: string) => void,
  ) {
    this.id = nameOf(actor);
    const definition = titled(classicMachine(actor.machine), titleOf(actor));
    const machine = { ...definition, definition };
    Object.defineProperty(machine, 'definition', { enumerable: false });
    this.machine = machine;
  }

  get state(): ClassicState {
    this.#state ??= classicState(this.actor, this.sessionId);
    return this.#state;
  }

  /** The definition has changed. */
  changed(): void {
    this.#state = undefined;
  }

  /** Shows viewers the event and the state after it. */
  notify(): void {
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
