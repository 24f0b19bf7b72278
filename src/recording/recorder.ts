/**
 * Follows an executor's actor and its stages, and writes what they do as a recording.
 *
 * 1. It receives microsteps from XState's inspection, which is attached while it records. A run without a recording has no cost.
 * 2. It never harms the run (I11): an error ends the recording, and is reported once.
 * 3. Its frames are what it wrote last, not what the actors are now: a reader that folds the steps arrives at the same frame.
 * 4. For XState's own events, and events that the machine does not know, it writes the type only.
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

/** An actor that can be recorded: XState's `ActorRef` of a machine fits. */
export interface RecordableActor {
  /** Its actor system, which reports the steps of every actor in it. */
  readonly system: {
    /** Attaches an observer of inspection events. */
    inspect(observer: (event: unknown) => void): {
      /** Detaches it. */
      unsubscribe(): void;
    };
  };
  /** Its current snapshot. */
  getSnapshot(): unknown;
}

/** Options of a `Recorder`. */
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
  /** Called once, when an error ends the recording. */
  readonly onFailure?: (error: unknown) => void;
  /** Approximate characters of a segment. Default 16,000,000. */
  readonly segmentLength?: number;
  /** Steps between two keyframes: the most that a reader folds. Default 1,000. */
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
  /** The state whose text is `stateText`. */
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
/** Steps record these already. */
const UNRECORDED = new Set(['batch.started']);
/** Frequent events, which a summary leaves out. */
const BULK = new Set([
  ...['batch.completed', 'batch.deferred', 'batch.retried', 'batch.held', 'batch.skipped', 'row.failed'],
]);

/** Records the steps of an executor and its stages, from the moment it is attached. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #followed = new Map<object, Followed>();
  /** Ids of the machines whose definition the segment has. */
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

  /** Begins at once, with the current state of the actors.
   * @param actor the executor's, running or not; its stages are among its children. */
  constructor(actor: RecordableActor, options: RecorderOptions) {
    this.#options = options;
    this.#n = options.first ?? 0;
    this.#segmentLength = options.segmentLength ?? SEGMENT_LENGTH;
    this.#keyframeEvery = options.keyframeEvery ?? KEYFRAME_EVERY;
    this.#try(() => {
      const snapshot = actor.getSnapshot() as MachineSnapshot;
      this.#follow(actor, EXECUTOR, null, snapshot);
      this.#followChildren(snapshot.children);
      this.#writeHead(options.resumed ?? false, false);
    });
    if (this.#isEnded) return;
    this.#inspection = actor.system.inspect((inspected) => this.#recordStep(inspected as MicrostepEvent));
  }

  /** Whether the end has been written. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Records an event of the observers. */
  event(event: { readonly type: string }): void {
    const { type } = event;
    if (this.#isEnded || UNRECORDED.has(type)) return;
    if (type === 'row.failed' && ++this.#lostRows > MAX_LOST_ROWS) return;
    this.#try(() => this.#write(BULK.has(type) ? 'v' : 'V', `"v":${clippedEventText(event)}}`));
  }

  /** Ends the recording; the run continues. A second call has no effect. */
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
      // The error of an error handler has no receiver.
    }
  }

  /** XState sends four events per step; the microstep has all that is recorded. */
  #recordStep(inspected: MicrostepEvent): void {
    if (inspected.type !== '@xstate.microstep' || this.#isEnded) return;
    const followed = this.#followed.get(inspected.actorRef);
    if (followed === undefined) return;
    try {
      this.#writeStep(followed, inspected);
    } catch (error) {
      this.#fail(error);
    }
  }

  #writeStep(followed: Followed, { event, snapshot, _transitions }: MicrostepEvent): void {
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
        this.#writeDefinition(added.machine);
        this.#write('a', `"actor":${stringText(added.name)},${frameText(added)}}`);
      }
    if (++this.#steps % this.#keyframeEvery === 0) this.#writeKeyframe();
    if (this.#length > this.#segmentLength) this.#nextSegment();
  }

  /** Follows new children. One with the name of an earlier actor replaces it.
   * @returns the new ones. */
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
    this.#writeHead(true, true);
  }

  #writeHead(resumed: boolean, continued: boolean): void {
    this.#length = 0;
    const { sessionId, pipeline, stages, pid = null, epoch = null, threads } = this.#options;
    const run = { sessionId, pipeline, stages, pid, epoch, threads };
    const head = { format: RECORDING_FORMAT, ...run, resumed, continued };
    this.#write('b', `${JSON.stringify(head).slice(1)}`);
    this.#described.clear();
    for (const { machine } of this.#followed.values()) this.#writeDefinition(machine);
    this.#writeKeyframe();
  }

  /** Once in each segment. */
  #writeDefinition({ definition }: DescribedMachine): void {
    const { id } = definition;
    if (this.#described.has(id)) return;
    this.#described.add(id);
    this.#write('d', `"id":${stringText(id)},"definition":${JSON.stringify(definition)}}`);
  }

  #writeKeyframe(): void {
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

/** @param before its text of the state is used again if the state is the same. */
function endOf({ value, status, context }: MachineSnapshot, before?: WrittenEnd): WrittenEnd {
  const stateText = before !== undefined && value === before.value ? before.stateText : jsonText(value);
  return { value, stateText, status, context };
}

function frameText({ parent, machine, end }: Followed): string {
  const definition = stringText(machine.definition.id);
  return `"definition":${definition},"parent":${jsonText(parent)},"state":${end.stateText},"status":"${end.status}","context":${jsonText(end.context as JsonObject)}`;
}
