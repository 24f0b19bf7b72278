/**
 * The part of an XState 5 machine actor that an inspector reads. A duck type: this package does not import the XState
 * of the run.
 */

/** An `ActorRefFrom<…>` of a machine is assignable. */
export interface LiveActor {
  readonly id: string;
  readonly sessionId: string;
  readonly system: { inspect(observer: (event: unknown) => void): { unsubscribe(): void } };
  getSnapshot(): unknown;
  send(event: never): void;
}

/** The parameter of `actor.send`, for any machine. */
export interface LiveEvent {
  readonly type: string;
}

/** Members that are not part of the public type. */
export interface InnerActor {
  readonly id: string;
  readonly sessionId: string;
  readonly _parent?: InnerActor | undefined;
  readonly logic?: LiveMachine | undefined;
  getSnapshot(): unknown;
}

export interface LiveMachine {
  readonly id: string;
  /** Types of the events that the machine handles. */
  readonly events: readonly string[];
  readonly config: object;
  readonly root: MachineNode;
}

export type LiveStatus = 'active' | 'done' | 'error' | 'stopped';

export interface LiveSnapshot {
  readonly value: unknown;
  readonly status: LiveStatus;
  readonly context: unknown;
  readonly children: Readonly<Record<string, InnerActor | undefined>>;
  readonly tags?: ReadonlySet<string>;
  readonly output?: unknown;
}

/** An event of `actor.system.inspect`. */
export interface InspectionEvent {
  readonly type: string;
  readonly actorRef: InnerActor;
  readonly sourceRef?: InnerActor | undefined;
  readonly event?: LiveEvent;
  readonly snapshot?: Partial<LiveSnapshot>;
}

/** A live state node: its `definition` leaves out `always`. */
export interface MachineNode {
  readonly id: string;
  readonly key: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly history: false | 'shallow' | 'deep';
  readonly initial?: { readonly target?: readonly MachineNode[] | undefined } | undefined;
  readonly states: Readonly<Record<string, MachineNode>>;
  readonly always?: readonly MachineTransition[] | undefined;
  readonly transitions: ReadonlyMap<string, readonly MachineTransition[]>;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly invoke: readonly { readonly id: string; readonly src: unknown }[];
  readonly tags: readonly string[];
  readonly description?: string | undefined;
}

export interface MachineTransition {
  readonly eventType: string;
  readonly target?: readonly MachineNode[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly reenter: boolean;
  /** For `after` only: milliseconds, or the name of a delay. */
  readonly delay?: unknown;
}
