/**
 * An actor of a recording on today's machine: it computes the steps that follow from an event, and has no effects.
 *
 * Pure: no action is executed, nothing is sent, no child is started. Steps and transitions are those that XState reports to an
 * inspector, as for the recorder.
 */
import { type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import { describeMachine, type Machine, type MachineTransition } from '../../recording/definition.js';
import type { ActorFrame, ActorStatus, MachineDefinition, StateValue } from '../../recording/format.js';
import type { Message } from './messages.js';

/** One microstep of today's machine. */
export interface InertStep {
  readonly event: string | null;
  readonly state: StateValue;
  readonly status: ActorStatus;
  readonly context: Readonly<Record<string, unknown>>;
  /** Index in `definition.transitions`; null: the event was ignored. */
  readonly transition: number | null;
  /** The messages that it would send. */
  readonly messages: readonly Message[];
}

interface Microstep {
  readonly type: string;
  readonly actorRef: object;
  readonly event: { readonly type: string };
  readonly snapshot: AnyMachineSnapshot;
  readonly _transitions: readonly MachineTransition[];
}

type Scope = Parameters<AnyStateMachine['transition']>[2];

interface SendAction {
  readonly to?: string | { readonly id: string };
  readonly event?: Message['event'];
}

/** Steps that one event leads to. Today's machines take about ten at most. */
const MAX_STEPS = 1_000;

const NO_MESSAGES: readonly Message[] = [];

export class InertActor {
  readonly definition: MachineDefinition;
  readonly #machine: AnyStateMachine;
  readonly #scope: Scope;
  readonly #indexOf: ReadonlyMap<object, number>;
  readonly #parent: string;
  #snapshot: AnyMachineSnapshot;
  #steps: InertStep[] = [];
  #messages: Message[] = [];

  /** @param frame its state.
   * @param children ids of its children; their `src` is the same. */
  constructor(machine: AnyStateMachine, frame: ActorFrame, children: readonly string[]) {
    this.#machine = machine;
    const { definition, indexOf } = describeMachine(machine as unknown as Machine);
    this.definition = definition;
    this.#indexOf = indexOf;
    this.#parent = frame.parent ?? '';
    this.#scope = this.#inertScope(machine);
    this.#snapshot = this.#restored(frame, children);
  }

  /** The steps that an event leads to. */
  send(event: { readonly type: string }): InertStep[] {
    this.#steps = [];
    this.#messages = [];
    this.#snapshot = this.#machine.transition(this.#snapshot, event, this.#scope);
    return this.#steps;
  }

  /** @throws {Error} when one event leads to steps without end. */
  #noteStep({ event, snapshot, _transitions: [taken] }: Microstep): void {
    if (this.#steps.length >= MAX_STEPS)
      throw new Error(`it takes more than ${MAX_STEPS} steps for one event, and comes to no rest`);
    const { value, status, context } = snapshot;
    this.#steps.push({
      event: taken !== undefined && taken.eventType === '' ? null : event.type,
      state: value,
      status,
      context,
      transition: (taken === undefined ? undefined : this.#indexOf.get(taken)) ?? null,
      messages: this.#messages.length === 0 ? NO_MESSAGES : this.#messages,
    });
    if (this.#messages.length > 0) this.#messages = [];
  }

  /** A stage reports to its parent, which does not exist here: the actor itself replaces it. */
  #noteMessage({ to, event }: SendAction): void {
    if (to === undefined || event === undefined) return;
    const id = typeof to === 'string' ? to : to.id;
    this.#messages.push({ to: to === (this.#scope.self as unknown) ? this.#parent : id, event });
  }

  #restored({ state, status, context }: ActorFrame, children: readonly string[]): AnyMachineSnapshot {
    const idle = (id: string) => ({ src: id, syncSnapshot: false, snapshot: undefined });
    const persisted = {
      ...{ status, value: state, context, historyValue: {}, output: undefined, error: undefined },
      children: Object.fromEntries(children.map((id) => [id, idle(id)])),
    };
    return this.#machine.restoreSnapshot(persisted as never, this.#scope);
  }

  #inertScope(machine: AnyStateMachine): Scope {
    const self = createActor(machine, { input: {} });
    const nothing = () => {};
    return {
      ...{ self, system: this.#listeningSystem(self), id: self.id, sessionId: self.sessionId },
      ...{ logger: nothing, defer: nothing, stopChild: nothing, emit: nothing },
      actionExecutor: ({ type, params }) => {
        if (type === 'xstate.sendTo') this.#noteMessage(params as SendAction);
      },
    };
  }

  /** Receives inspection events at their source, if XState allows it: otherwise XState copies every event, and collecting the
   * copies costs more than the steps. */
  #listeningSystem(self: Scope['self']): Scope['system'] {
    const { system } = self;
    const receive = (inspected: unknown) => {
      const event = inspected as Microstep;
      if (event.type === '@xstate.microstep' && event.actorRef === self) this.#noteStep(event);
    };
    if (typeof (system as { _sendInspectionEvent?: unknown })._sendInspectionEvent === 'function')
      return { ...system, _sendInspectionEvent: receive } as Scope['system'];
    system.inspect(receive);
    return system;
  }
}
