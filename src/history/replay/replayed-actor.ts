/**
 * One actor of a recording on today's machine. Until a divergence, the recorded actor and today's are equal: only today's is kept.
 */

import type { AnyStateMachine } from 'xstate';
import { contextOfFormat1 } from '../../formats/format-1.js';
import type { JsonObject } from '../../formats/json.js';
import { messageOf } from '../../platform/thrown.js';
import type {
  ActorFrame,
  ActorStatus,
  MachineDefinition,
  Stamp,
  StateValue,
} from '../../recording/format.js';
import { jsonText } from '../../recording/json-text.js';
import { outcomeText, type StepEnd, type StepLine } from '../../recording/step-text.js';
import { isSame } from './compare.js';
import { InertActor, type InertStep } from './inert-actor.js';

/** An event of an actor, and its first step. */
export interface Turn {
  readonly stamp: Stamp;
  readonly eventType: string;
  readonly state: StateValue;
  readonly first: InertStep | undefined;
}

const NOTHING: readonly InertStep[] = [];

export class ReplayedActor implements StepEnd {
  readonly definition: string;
  readonly parent: string | null;
  /** The recorded definition. Format 1 does not name internal actions: they are today's. */
  readonly recorded: MachineDefinition;
  /** The statechart has the recorded transitions, with the same indices. */
  readonly isSameChart: boolean;
  state: StateValue;
  stateText: string;
  status: ActorStatus;
  context: Readonly<Record<string, unknown>>;
  /** Its last recorded step. */
  last: Stamp | undefined;
  /** Undefined: none so far. */
  turn: Turn | undefined;
  /** The context in format 1; undefined: equal to `context`. */
  recordedContext: JsonObject | undefined;
  /** The error of today's machine at the last event. */
  thrown: string | undefined;
  readonly #inert: InertActor;
  /** Steps of the last event; those from `#taken` on are not compared yet. */
  #steps: readonly InertStep[] = NOTHING;
  #taken = 0;

  /** @param recorded the recorded definition.
   * @param frame its state.
   * @param children ids of its children. */
  constructor(
    machine: AnyStateMachine,
    recorded: MachineDefinition,
    frame: ActorFrame,
    children: readonly string[],
  ) {
    const context = contextOfFormat1(frame.context);
    this.#inert = new InertActor(machine, { ...frame, context }, children);
    const { today } = this;
    this.recorded =
      recorded.internal === undefined ? { ...recorded, internal: today.internal ?? [] } : recorded;
    this.isSameChart = isSame(recorded, today);
    this.definition = frame.definition;
    this.parent = frame.parent;
    this.state = frame.state;
    this.stateText = jsonText(frame.state);
    this.status = frame.status;
    this.context = context;
    this.recordedContext = context === frame.context ? undefined : frame.context;
  }

  /** The machine's definition today. */
  get today(): MachineDefinition {
    return this.#inert.definition;
  }

  receive(stamp: Stamp, event: { readonly type: string }): void {
    this.thrown = undefined;
    this.#taken = 0;
    try {
      this.#steps = this.#inert.send(event);
    } catch (error) {
      this.thrown = messageOf(error);
      this.#steps = NOTHING;
    }
    this.turn = { stamp, eventType: event.type, state: this.state, first: this.#steps[0] };
  }

  /** Today's next step; undefined: none before the next event. */
  get next(): InertStep | undefined {
    return this.#steps[this.#taken];
  }

  /** Whether the line is the text of the next step. False: it differs, or has another layout. */
  isWritten(next: InertStep, { event, outcome }: StepLine): boolean {
    if (!this.isSameChart || (next.event === null) !== (event === null)) return false;
    const { status, context, transition } = next;
    return (
      outcome === outcomeText(this, { stateText: this.#textOf(next.state), status, context }, transition)
    );
  }

  /** The next step is the recorded one.
   * @param recorded the recorded context, in format 1. */
  take(stamp: Stamp, next: InertStep, recorded?: JsonObject): void {
    this.last = stamp;
    this.#taken++;
    this.stateText = this.#textOf(next.state);
    this.state = next.state;
    this.status = next.status;
    this.context = next.context;
    this.recordedContext = recorded;
  }

  #textOf(state: StateValue): string {
    return state === this.state ? this.stateText : jsonText(state);
  }
}
