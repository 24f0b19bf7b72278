/**
 * An XState 5 actor of a machine, as far as an inspector sees it: a duck type, so that nothing in this package imports
 * the XState that the run is made with.
 */

/** `ActorRefFrom<…>` of a machine fits. */
export interface LiveActor {
  readonly id: string;
  readonly sessionId: string;
  readonly system: { inspect(observer: (event: unknown) => void): { unsubscribe(): void } };
  getSnapshot(): unknown;
  send(event: never): void;
}

/** What `actor.send` takes, whatever the machine. */
export interface LiveEvent {
  readonly type: string;
}

/** The inside of it, not part of its public type. */
export interface InnerActor {
  readonly id: string;
  readonly sessionId: string;
  readonly _parent?: InnerActor | undefined;
  readonly logic?: LiveMachine | undefined;
  getSnapshot(): unknown;
}

export interface LiveMachine {
  readonly id: string;
  /** Types of the events that it reacts to. */
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

/** What `actor.system.inspect` tells. */
export interface InspectionEvent {
  readonly type: string;
  readonly actorRef: InnerActor;
  readonly sourceRef?: InnerActor | undefined;
  readonly event?: LiveEvent;
  readonly snapshot?: Partial<LiveSnapshot>;
}

/** A state node, live: its `definition` says nothing of `always`. */
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
  /** Only of `after`: milliseconds, or the name of a delay. */
  readonly delay?: unknown;
}
