/**
 * A recording: what a run did, as lines of JSON that anybody may read while they are being written.
 *
 * 1. References and figures, never rows (I3): machine events and contexts carry none, and error messages are clipped.
 * 2. A segment can be read without those before it: its head is `begin`, the definitions and a `keyframe`.
 * 3. A line begins with its kind, its number and its time, in this order, so that an index needs no JSON:
 *    `{"k":"s","n":17,"t":1700000000000,…}`.
 * 4. A reader refuses nothing: a torn last line is not there yet, and a damaged one is a record that says so.
 */
import type { JsonObject } from '../formats/json.js';
import type { Patch } from './patch.js';

/** Format 2 has today's names in contexts, machine events and `fromJournal`; `formats/format-1.ts` reads format 1. */
export const RECORDING_FORMAT = 2;

/** The executor's name among the actors of a recording, whatever its id is in the system that it runs in. */
export const EXECUTOR = 'executor';

/** A state's path, or what XState has for nested states. */
export type StateValue = string | { readonly [key: string]: StateValue };

/** XState's word for whether an actor still runs. */
export type ActorStatus = 'active' | 'done' | 'error' | 'stopped';

/** An actor at one moment, whole. */
export interface ActorFrame {
  /** Key of its `MachineDefinition`. */
  readonly definition: string;
  /** Another actor of the recording; null for the executor. */
  readonly parent: string | null;
  readonly state: StateValue;
  readonly status: ActorStatus;
  readonly context: JsonObject;
}

/** A statechart as data, flat. */
export interface MachineDefinition {
  readonly id: string;
  /** Path of the initial state. */
  readonly initial: string | null;
  /** In document order, without the root. */
  readonly states: readonly StateDefinition[];
  /** In document order; within a state, eventless ones first. A step's `transition` is an index of this list. */
  readonly transitions: readonly TransitionDefinition[];
  /** Names of actions that only update the context, or spawn, stop or send to actors. Absent in format 1. */
  readonly internal?: readonly string[];
}

/** A state of a recorded machine, as its picture needs it. */
export interface StateDefinition {
  /** Keys from the root, joined by dots. */
  readonly path: string;
  readonly key: string;
  /** Path of the state around it; '' for the root. */
  readonly parent: string;
  readonly type: string;
  readonly initial: string | null;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
}

/** A transition of a recorded machine, by its place in the definition. */
export interface TransitionDefinition {
  /** Path of a state; '' for the root. */
  readonly source: string;
  /** '' where it needs no event (`always`). */
  readonly event: string;
  /** Paths; empty where it stays. */
  readonly targets: readonly string[];
  readonly guard: string | null;
  readonly actions: readonly string[];
  readonly reenter: boolean;
}

/** Which record it is, and when it was written. */
export interface Stamp {
  /** Running number, over all processes of the session. */
  readonly n: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A process begins to record, or goes on in a new segment. */
export interface BeginRecord extends Stamp {
  readonly type: 'begin';
  readonly format: number;
  readonly sessionId: string;
  readonly pipeline: string;
  readonly stages: readonly string[];
  readonly pid: number | null;
  /** Of the checkpoint's epoch: rises with each opening of the session. */
  readonly epoch: number | null;
  /** Worker threads, which widen the first stage. Null: the recording does not say. */
  readonly threads: number | null;
  /** The session was recorded before, by another process or an earlier opening. */
  readonly resumed: boolean;
  /** Only a new segment: whoever recorded before goes on. */
  readonly continued: boolean;
  /** Records before it that are not there any more: the reader finds them missing. */
  readonly dropped: number;
}

export interface DefinitionRecord extends Stamp {
  readonly type: 'definition';
  readonly id: string;
  readonly definition: MachineDefinition;
}

/** From here on there is such an actor, and none that had its name before. */
export interface ActorRecord extends Stamp, ActorFrame {
  readonly type: 'actor';
  /** `executor`, or `stage:<name>`. */
  readonly actor: string;
}

/** One microstep. */
export interface StepRecord extends Stamp {
  readonly type: 'step';
  readonly actor: string;
  /** Null where the step followed from the one before it, without another event. */
  readonly event: ({ readonly type: string } & JsonObject) | null;
  readonly from: StateValue;
  readonly to: StateValue;
  /** The very transition that was taken, in the definition's list; null where the event was ignored. */
  readonly transition: number | null;
  /** Only where it changed. */
  readonly status?: ActorStatus;
  readonly patch: Patch;
}

/** What observers are told, as far as it is a figure: not every start of a batch, and the first 1,000 lost rows. */
export interface EventRecord extends Stamp {
  readonly type: 'event';
  /** A `PipelineEvent` without `sessionId` and `at`. */
  readonly event: { readonly type: string } & JsonObject;
}

export interface KeyframeRecord extends Stamp {
  readonly type: 'keyframe';
  readonly actors: Readonly<Record<string, ActorFrame>>;
}

export interface EndRecord extends Stamp {
  readonly type: 'end';
  readonly reason: string;
}

/** A line that cannot be read. */
export interface DamagedRecord extends Stamp {
  readonly type: 'damaged';
  readonly reason: string;
}

/** One record of a recording, decoded. */
export type RecordingRecord =
  | BeginRecord
  | DefinitionRecord
  | ActorRecord
  | StepRecord
  | EventRecord
  | KeyframeRecord
  | EndRecord
  | DamagedRecord;

/** What kind of record it is. */
export type RecordType = RecordingRecord['type'];

/** The letter that a line begins with. Those that a summary is made of have one of their own. */
export const KINDS = {
  b: 'begin',
  d: 'definition',
  a: 'actor',
  s: 'step',
  /** A step that changes the executor's state. */
  S: 'step',
  v: 'event',
  /** An event about the run as a whole. */
  V: 'event',
  k: 'keyframe',
  e: 'end',
} as const satisfies Record<string, RecordType>;

export type Kind = keyof typeof KINDS;

/** Where records go. `write` gets whole lines; what it throws ends the recording, not the run. */
export interface RecordingSink {
  /** Takes whole lines; called off the critical path, in order. */
  write(lines: string): void;
  /** What is written next is the head of a segment. */
  nextSegment?(): void;
}
