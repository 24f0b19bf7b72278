/**
 * An actor of a recording on today's machine: it says what an event leads to, step by step, and does nothing.
 *
 * Pure: no action is executed, nothing is sent, no child is started. The steps, and the very transitions that were taken,
 * are those that XState reports to an inspector, as the recorder heard of them.
 */
import { type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import { describeMachine, type Machine, type MachineTransition } from '../../recording/definition.js';
import type { ActorFrame, ActorStatus, MachineDefinition, StateValue } from '../../recording/format.js';
import type { Message } from './messages.js';

/** One microstep, as it comes out today. */
export interface InertStep {
  readonly event: string | null;
  readonly state: StateValue;
  readonly status: ActorStatus;
  readonly context: Readonly<Record<string, unknown>>;
  /** Of `definition.transitions`; null: the event was ignored. */
  readonly transition: number | null;
  /** What it would have sent. */
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

  /** @param frame where it stands.
   * @param children ids, which are also the `src`, of those that it has. */
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

  #noteStep({ event, snapshot, _transitions: [taken] }: Microstep): void {
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

  /** A stage's report goes to its parent, which is not there: XState gives the actor itself instead. */
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

  /** What it tells inspectors is heard where it is said, if that can be: on its way XState copies every event, and the
   * copies cost the collector more than the step cost. */
  #listeningSystem(self: Scope['self']): Scope['system'] {
    const { system } = self;
    const hear = (inspected: unknown) => {
      const event = inspected as Microstep;
      if (event.type === '@xstate.microstep' && event.actorRef === self) this.#noteStep(event);
    };
    if (typeof (system as { _sendInspectionEvent?: unknown })._sendInspectionEvent === 'function')
      return { ...system, _sendInspectionEvent: hear } as Scope['system'];
    system.inspect(hear);
    return system;
  }
}
