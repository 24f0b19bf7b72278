/**
 * An actor of a recording on today's machine: it says what an event leads to, step by step, and does nothing.
 *
 * Pure: no action is executed, nothing is sent, no child is started. The steps, and the very transitions that were taken,
 * are those that XState reports to an inspector, as the recorder heard of them.
 */
import { type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import { describeMachine, type Machine, type MachineTransition } from '../../recording/definition.js';
import type { ActorFrame, ActorStatus, MachineDefinition } from '../../recording/format.js';

/** One microstep, as it comes out today. */
export interface InertStep {
  readonly event: string | null;
  readonly state: unknown;
  readonly status: ActorStatus;
  readonly context: unknown;
  /** Of `definition.transitions`; null: the event was ignored. */
  readonly transition: number | null;
}

interface Microstep {
  readonly type: string;
  readonly actorRef: object;
  readonly event: { readonly type: string };
  readonly snapshot: AnyMachineSnapshot;
  readonly _transitions: readonly MachineTransition[];
}

type Scope = Parameters<AnyStateMachine['transition']>[2];

export class InertActor {
  readonly definition: MachineDefinition;
  readonly #machine: AnyStateMachine;
  readonly #scope: Scope;
  readonly #indexOf: ReadonlyMap<object, number>;
  #snapshot: AnyMachineSnapshot;
  #steps: InertStep[] = [];

  /** @param frame where it stands.
   * @param children ids, which are also the `src`, of those that it has. */
  constructor(machine: AnyStateMachine, frame: ActorFrame, children: readonly string[]) {
    this.#machine = machine;
    const { definition, indexOf } = describeMachine(machine as unknown as Machine);
    this.definition = definition;
    this.#indexOf = indexOf;
    this.#scope = inertScope(machine, (microstep) => this.#steps.push(this.#stepOf(microstep)));
    this.#snapshot = this.#restored(frame, children);
  }

  /** The steps that an event leads to. */
  send(event: { readonly type: string }): readonly InertStep[] {
    this.#steps = [];
    this.#snapshot = this.#machine.transition(this.#snapshot, event, this.#scope);
    return this.#steps;
  }

  #stepOf({ event, snapshot, _transitions: [taken] }: Microstep): InertStep {
    const { value, status, context } = snapshot;
    return {
      event: taken !== undefined && taken.eventType === '' ? null : event.type,
      ...{ state: value, status, context },
      transition: (taken === undefined ? undefined : this.#indexOf.get(taken)) ?? null,
    };
  }

  #restored({ state, status, context }: ActorFrame, children: readonly string[]): AnyMachineSnapshot {
    const idle = (id: string) => ({ src: id, syncSnapshot: false, snapshot: undefined });
    const persisted = {
      ...{ status, value: state, context, historyValue: {}, output: undefined, error: undefined },
      children: Object.fromEntries(children.map((id) => [id, idle(id)])),
    };
    return this.#machine.restoreSnapshot(persisted as never, this.#scope);
  }
}

function inertScope(machine: AnyStateMachine, onStep: (microstep: Microstep) => void): Scope {
  const self = createActor(machine, { input: {} });
  const nothing = () => {};
  self.system.inspect((inspected) => {
    const event = inspected as unknown as Microstep;
    if (event.type === '@xstate.microstep' && event.actorRef === self) onStep(event);
  });
  return {
    ...{ self, system: self.system, id: self.id, sessionId: self.sessionId, logger: nothing },
    ...{ defer: nothing, stopChild: nothing, emit: nothing, actionExecutor: nothing },
  };
}
