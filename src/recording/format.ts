/**
 * The format of a recording: the steps of a run, as lines of JSON that can be read while they are written.
 *
 * 1. References and counts, never rows (I3): machine events and contexts have none, and error messages are clipped.
 * 2. A segment can be read alone: its head is `begin`, the definitions and a `keyframe`.
 * 3. A line begins with its kind, its number and its time, in this order, so that an index parses no JSON:
 *    `{"k":"s","n":17,"t":1700000000000,…}`.
 * 4. A reader never fails: it waits for the rest of a torn last line, and returns a damaged line as a `damaged` record.
 */
import type { JsonObject } from '../formats/json.js';
import type { Patch } from './patch.js';

/** Format 2 renamed fields of contexts and machine events, and `fromJournal`; `formats/format-1.ts` reads format 1. */
export const RECORDING_FORMAT = 2;

/** The executor's name among the actors of a recording, whatever its id in its actor system. */
export const EXECUTOR = 'executor';

/** A state's path, or XState's value for nested states. */
export type StateValue = string | { readonly [key: string]: StateValue };

/** The status of an actor, as XState names it. */
export type ActorStatus = 'active' | 'done' | 'error' | 'stopped';

/** The whole state of an actor at one moment. */
export interface ActorFrame {
  /** Key of its `MachineDefinition`. */
  readonly definition: string;
  /** Another actor of the recording; null for the executor. */
  readonly parent: string | null;
  readonly state: StateValue;
  readonly status: ActorStatus;
  readonly context: JsonObject;
}

/** A statechart as flat data. */
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

/** A state of a recorded machine, with what a diagram needs. */
export interface StateDefinition {
  /** Keys from the root, joined by dots. */
  readonly path: string;
  readonly key: string;
  /** Path of its parent state; '' for the root. */
  readonly parent: string;
  readonly type: string;
  readonly initial: string | null;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
}

/** A transition of a recorded machine. */
export interface TransitionDefinition {
  /** Path of a state; '' for the root. */
  readonly source: string;
  /** '' for a transition without an event (`always`). */
  readonly event: string;
  /** Paths; empty if the state stays the same. */
  readonly targets: readonly string[];
  readonly guard: string | null;
  readonly actions: readonly string[];
  readonly reenter: boolean;
}

/** Number and time of a record. */
export interface Stamp {
  /** Sequence number, over all processes of the session. */
  readonly n: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A process begins to record, or continues in a new segment. */
export interface BeginRecord extends Stamp {
  readonly type: 'begin';
  readonly format: number;
  readonly sessionId: string;
  readonly pipeline: string;
  readonly stages: readonly string[];
  readonly pid: number | null;
  /** The session's epoch, which rises with each opening. */
  readonly epoch: number | null;
  /** Worker threads, which widen the first stage. Null: unknown. */
  readonly threads: number | null;
  /** The session was recorded before, by another process or an earlier opening. */
  readonly resumed: boolean;
  /** Only a new segment of the same recorder. */
  readonly continued: boolean;
  /** Earlier records that were removed; the reader counts them. */
  readonly dropped: number;
}

export interface DefinitionRecord extends Stamp {
  readonly type: 'definition';
  readonly id: string;
  readonly definition: MachineDefinition;
}

/** A new actor. It replaces an earlier one of the same name. */
export interface ActorRecord extends Stamp, ActorFrame {
  readonly type: 'actor';
  /** `executor`, or `stage:<name>`. */
  readonly actor: string;
}

/** One microstep. */
export interface StepRecord extends Stamp {
  readonly type: 'step';
  readonly actor: string;
  /** Null: the step follows from the one before it, without another event. */
  readonly event: ({ readonly type: string } & JsonObject) | null;
  readonly from: StateValue;
  readonly to: StateValue;
  /** Index of the transition in the definition; null: the event was ignored. */
  readonly transition: number | null;
  /** Present if it changed. */
  readonly status?: ActorStatus;
  readonly patch: Patch;
}

/** An event of the observers, without `batch.started`, and with the first 1,000 lost rows only. */
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

/** The kind of a record. */
export type RecordType = RecordingRecord['type'];

/** The letter of each kind. Records of a summary have a letter of their own. */
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

/** Receives the lines of a recording. An error of it ends the recording, not the run. */
export interface RecordingSink {
  /** Receives whole lines, in order. */
  write(lines: string): void;
  /** The next line is the head of a segment. */
  nextSegment?(): void;
}
