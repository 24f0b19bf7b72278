/**
 * Follows an executor's actor and its stages, and writes what they do as a recording.
 *
 * 1. It hears of microsteps from XState's own inspection, attached when recording begins and detached when it ends: a run
 *    that is not recorded pays nothing.
 * 2. It never hurts the run (I11): whatever goes wrong in here ends the recording, and is told once.
 * 3. Its frames are what it has written last, not what the actors are by now: a reader that folds the steps arrives at them.
 * 4. Of an event that the machine does not know, or that is XState's own, only the type is written.
 */
import type { JsonObject } from '../formats/json.js';
import {
  type DescribedMachine,
  describeMachine,
  type Machine,
  type MachineTransition,
} from './definition.js';
import { clippedEventText, eventText } from './event-text.js';
import { type ActorStatus, EXECUTOR, type Kind, RECORDING_FORMAT, type RecordingSink } from './format.js';
import { jsonText, stringText } from './json-text.js';
import { outcomeText, type StepEnd } from './step-text.js';

/** An actor, as far as it is recorded: XState's `ActorRef` of a machine fits. */
export interface RecordableActor {
  /** Its actor system, which tells of every actor in it. */
  readonly system: {
    /** Attaches an observer of inspection events. */
    inspect(observer: (event: unknown) => void): {
      /** Detaches it. */
      unsubscribe(): void;
    };
  };
  /** XState's snapshot of it, now. */
  getSnapshot(): unknown;
}

/** What a recorder is given. */
export interface RecorderOptions {
  readonly sink: RecordingSink;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sessionId: string;
  readonly pipeline: string;
  readonly stages: readonly string[];
  readonly pid?: number;
  readonly epoch?: number;
  /** Worker threads: they widen the first stage. */
  readonly threads?: number;
  /** Number of the first record. Default 0. */
  readonly first?: number;
  /** The session was recorded before. Default false. */
  readonly resumed?: boolean;
  /** Told once, when the recording had to end. */
  readonly onFailure?: (error: unknown) => void;
  /** Characters after which a new segment is begun, about. Default 16,000,000. */
  readonly segmentLength?: number;
  /** Steps between two keyframes: what a reader folds at most. Default 1,000. */
  readonly keyframeEvery?: number;
}

interface MachineSnapshot {
  readonly value: unknown;
  readonly status: ActorStatus;
  readonly context: Readonly<Record<string, unknown>>;
  readonly machine: Machine;
  readonly children: Readonly<Record<string, object>>;
}

interface WrittenEnd extends StepEnd {
  /** What `stateText` is of. */
  readonly value: unknown;
}

interface MicrostepEvent {
  readonly type: string;
  readonly actorRef: object;
  readonly event: { readonly type: string };
  readonly snapshot: MachineSnapshot;
  readonly _transitions: readonly MachineTransition[];
}

/** An actor as it was written last. */
interface Followed {
  readonly name: string;
  /** The beginning of its steps. */
  readonly head: string;
  readonly parent: string | null;
  readonly machine: DescribedMachine;
  /** As it was written last. */
  end: WrittenEnd;
  children: MachineSnapshot['children'];
}

const SEGMENT_LENGTH = 16_000_000;
const KEYFRAME_EVERY = 1000;
const MAX_LOST_ROWS = 1000;
/** What a step already says. */
const UNRECORDED = new Set(['batch.started']);
/** So many that a summary leaves them out. */
const BULK = new Set(['batch.completed', 'batch.deferred', 'batch.retried', 'batch.skipped', 'row.failed']);

/** Writes down what an executor and its stages do, from the moment it is attached. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #followed = new Map<object, Followed>();
  /** Ids of the machines whose definition stands in the segment. */
  readonly #described = new Set<string>();
  readonly #inspection: { unsubscribe(): void } | undefined;
  readonly #segmentLength: number;
  readonly #keyframeEvery: number;
  #n: number;
  #at = 0;
  #atText = '';
  #length = 0;
  #steps = 0;
  #lostRows = 0;
  #isEnded = false;

  /** Begins at once, with all that the actor is at this moment.
   * @param actor the executor's, running or not; its stages are found among its children. */
  constructor(actor: RecordableActor, options: RecorderOptions) {
    this.#options = options;
    this.#n = options.first ?? 0;
    this.#segmentLength = options.segmentLength ?? SEGMENT_LENGTH;
    this.#keyframeEvery = options.keyframeEvery ?? KEYFRAME_EVERY;
    this.#try(() => {
      const snapshot = actor.getSnapshot() as MachineSnapshot;
      this.#follow(actor, EXECUTOR, null, snapshot);
      this.#followChildren(snapshot.children);
      this.#head(options.resumed ?? false, false);
    });
    if (this.#isEnded) return;
    this.#inspection = actor.system.inspect((inspected) => this.#hear(inspected as MicrostepEvent));
  }

  /** Whether the end has been written; nothing is after that. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Records what observers are told. */
  event(event: { readonly type: string }): void {
    const { type } = event;
    if (this.#isEnded || UNRECORDED.has(type)) return;
    if (type === 'row.failed' && ++this.#lostRows > MAX_LOST_ROWS) return;
    this.#try(() => this.#write(BULK.has(type) ? 'v' : 'V', `"v":${clippedEventText(event)}}`));
  }

  /** Ends the recording; the run goes on. Called again, it does nothing. */
  end(reason: string): void {
    if (this.#isEnded) return;
    this.#try(() => this.#write('e', `"reason":${stringText(reason)}}`));
    this.#stop();
  }

  #stop(): void {
    this.#isEnded = true;
    this.#inspection?.unsubscribe();
    this.#followed.clear();
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#stop();
    try {
      this.#options.onFailure?.(error);
    } catch {
      // There is nobody left to tell.
    }
  }

  /** Of four inspection events three say what the microstep says too. */
  #hear(inspected: MicrostepEvent): void {
    if (inspected.type !== '@xstate.microstep' || this.#isEnded) return;
    const followed = this.#followed.get(inspected.actorRef);
    if (followed === undefined) return;
    try {
      this.#step(followed, inspected);
    } catch (error) {
      this.#fail(error);
    }
  }

  #step(followed: Followed, { event, snapshot, _transitions }: MicrostepEvent): void {
    const before = followed.end;
    const [transition] = _transitions;
    const cause =
      transition !== undefined && transition.eventType === ''
        ? 'null'
        : eventText(event, followed.machine.events);
    const after = endOf(snapshot, before);
    const taken = transition === undefined ? undefined : followed.machine.indexOf.get(transition);
    followed.end = after;
    const isState = followed.parent === null && after.stateText !== before.stateText;
    this.#write(isState ? 'S' : 's', followed.head + cause + outcomeText(before, after, taken ?? null));
    const { children } = followed;
    followed.children = snapshot.children;
    if (snapshot.children !== children && followed.parent === null)
      for (const added of this.#followChildren(snapshot.children)) {
        this.#describe(added.machine);
        this.#write('a', `"actor":${stringText(added.name)},${frameText(added)}}`);
      }
    if (++this.#steps % this.#keyframeEvery === 0) this.#keyframe();
    if (this.#length > this.#segmentLength) this.#nextSegment();
  }

  /** Those that are new. An actor that took another's name takes its place: the other's end concerns nobody. */
  #followChildren(children: MachineSnapshot['children']): Followed[] {
    const added: Followed[] = [];
    for (const [name, ref] of Object.entries(children)) {
      if (this.#followed.has(ref)) continue;
      const snapshot = (ref as RecordableActor).getSnapshot() as Partial<MachineSnapshot>;
      if (snapshot.machine === undefined || name === EXECUTOR) continue;
      for (const [other, { name: otherName }] of this.#followed)
        if (otherName === name) this.#followed.delete(other);
      added.push(this.#follow(ref, name, EXECUTOR, snapshot as MachineSnapshot));
    }
    return added;
  }

  #follow(ref: object, name: string, parent: string | null, snapshot: MachineSnapshot): Followed {
    const followed: Followed = {
      name,
      head: `"a":${stringText(name)},"e":`,
      parent,
      machine: describeMachine(snapshot.machine),
      end: endOf(snapshot),
      children: snapshot.children,
    };
    this.#followed.set(ref, followed);
    return followed;
  }

  #nextSegment(): void {
    this.#options.sink.nextSegment?.();
    this.#head(true, true);
  }

  #head(resumed: boolean, continued: boolean): void {
    this.#length = 0;
    const { sessionId, pipeline, stages, pid = null, epoch = null, threads } = this.#options;
    const run = { sessionId, pipeline, stages, pid, epoch, threads };
    const facts = { format: RECORDING_FORMAT, ...run, resumed, continued };
    this.#write('b', `${JSON.stringify(facts).slice(1)}`);
    this.#described.clear();
    for (const { machine } of this.#followed.values()) this.#describe(machine);
    this.#keyframe();
  }

  /** Once in each segment. */
  #describe({ definition }: DescribedMachine): void {
    const { id } = definition;
    if (this.#described.has(id)) return;
    this.#described.add(id);
    this.#write('d', `"id":${stringText(id)},"definition":${JSON.stringify(definition)}}`);
  }

  #keyframe(): void {
    const actors = [...this.#followed.values()].map(
      (followed) => `${stringText(followed.name)}:{${frameText(followed)}}`,
    );
    this.#write('k', `"actors":{${actors.join(',')}}}`);
  }

  /** @param rest of the line, after kind, number and time. */
  #write(kind: Kind, rest: string): void {
    const at = this.#options.now();
    if (at !== this.#at || this.#atText === '') {
      this.#at = at;
      this.#atText = `,"t":${Math.round(at)},`;
    }
    const line = `{"k":"${kind}","n":${this.#n++}${this.#atText}${rest}\n`;
    this.#length += line.length;
    this.#options.sink.write(line);
  }
}

/** @param before the text of its state serves again while that is the same. */
function endOf({ value, status, context }: MachineSnapshot, before?: WrittenEnd): WrittenEnd {
  const stateText = before !== undefined && value === before.value ? before.stateText : jsonText(value);
  return { value, stateText, status, context };
}

function frameText({ parent, machine, end }: Followed): string {
  const definition = stringText(machine.definition.id);
  return `"definition":${definition},"parent":${jsonText(parent)},"state":${end.stateText},"status":"${end.status}","context":${jsonText(end.context as JsonObject)}`;
}
