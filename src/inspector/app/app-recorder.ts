/**
 * Records the machines of any XState 5 app through the `inspect` option of `createActor`, in the format of recordings.
 *
 * 1. It never throws into the app. Contexts and events become bounded JSON; actors inside them become their ids.
 * 2. An actor is recorded from its first microstep, because it has no snapshot before. Parents come before children.
 * 3. The recording is bounded: old segments are dropped. Each segment can be read alone.
 * 4. A pipeline's executor inside the app is named as in its own recordings, so that the page has its job view.
 */
import {
  type DescribedMachine,
  describeMachine,
  type Machine,
  type MachineTransition,
} from '../../recording/definition.js';
import { eventText } from '../../recording/event-text.js';
import { EXECUTOR, RECORDING_FORMAT } from '../../recording/format.js';
import { jsonText, stringText } from '../../recording/json-text.js';
import { outcomeText, type StepEnd } from '../../recording/step-text.js';
import type { InnerActor, InspectionEvent, LiveSnapshot } from '../bridge/actor.js';
import { contextData } from './context-data.js';

const SEGMENT_LENGTH = 8_000_000;
const MAX_SEGMENTS = 8;
const KEYFRAME_EVERY = 1000;

interface Followed {
  readonly name: string;
  readonly parent: string | null;
  readonly machine: DescribedMachine;
  end: StepEnd;
  /** Name of the actor that sent the event to come. */
  source: string;
}

interface Microstep extends InspectionEvent {
  readonly _transitions?: readonly MachineTransition[];
}

export interface AppRecorderOptions {
  readonly sessionId: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Called with new lines. */
  readonly onLines: (lines: string) => void;
}

export class AppRecorder {
  readonly #followed = new Map<InnerActor, Followed>();
  readonly #segments: string[][] = [];
  #title = '';
  #stages: readonly string[] = [];
  #n = 0;
  #length = 0;
  #steps = 0;
  #isEnded = false;

  constructor(private readonly options: AppRecorderOptions) {}

  /** Name of the first machine; empty: none yet. */
  get title(): string {
    return this.#title;
  }

  /** The lines so far. */
  get text(): string {
    return this.#segments.flat().join('');
  }

  readonly inspect = (event: unknown): void => {
    if (this.#isEnded) return;
    try {
      this.#take(event as Microstep);
    } catch {
      // What cannot be recorded is left out: the app goes first.
    }
  };

  end(): void {
    if (this.#isEnded || this.#n === 0) return;
    this.#write('e', '"reason":"the inspector was closed"}');
    this.#isEnded = true;
  }

  #take(inspected: Microstep): void {
    const { type, actorRef, sourceRef, snapshot } = inspected;
    const known = this.#followed.get(actorRef);
    if (type === '@xstate.event') {
      if (known !== undefined) known.source = (sourceRef && this.#followed.get(sourceRef)?.name) ?? '';
    } else if (type === '@xstate.microstep') {
      if (known === undefined) this.#follow(actorRef, snapshot);
      else this.#step(known, inspected);
    } else if (type === '@xstate.snapshot' && snapshot?.value !== undefined) {
      // A machine that failed has no microstep for it.
      if (known === undefined) this.#follow(actorRef, snapshot);
      else if (snapshot.status !== known.end.status) this.#step(known, inspected);
    }
  }

  #follow(
    ref: InnerActor,
    snapshot = ref.getSnapshot() as Partial<LiveSnapshot> | undefined,
  ): Followed | undefined {
    const machine = ref.logic as unknown as Machine | undefined;
    if (machine?.root === undefined || snapshot?.value === undefined) return undefined;
    const above = ref._parent;
    const parent = above === undefined ? undefined : (this.#followed.get(above) ?? this.#follow(above));
    const described = describeMachine(machine);
    const end = endOf(snapshot as LiveSnapshot);
    const followed = { parent: parent?.name ?? null, machine: described, end, source: '' };
    const named = { ...followed, name: this.#nameOf(ref, machine.id) };
    this.#followed.set(ref, named);
    if (this.#title === '') this.#title = machine.id;
    const { stages } = end.context;
    const isPipeline = named.name === EXECUTOR && Array.isArray(stages);
    if (isPipeline) this.#stages = stages.map(String);
    if (this.#n === 0 || isPipeline) this.#writeHead();
    else {
      this.#writeDefinition(described);
      this.#write('a', `"actor":${stringText(named.name)},${frameText(named)}}`);
    }
    return named;
  }

  /** Unique among the actors that run; an ended one gives its name to the next. */
  #nameOf(ref: InnerActor, machine: string): string {
    const isNumbered = ref.id === ref.sessionId;
    const wanted = machine === EXECUTOR ? EXECUTOR : isNumbered ? machine : ref.id;
    for (let i = 1; ; i++) {
      const name = i === 1 ? wanted : `${wanted} #${i}`;
      const other = [...this.#followed].find(([, each]) => each.name === name);
      if (other === undefined) return name;
      if (other[1].end.status === 'active') continue;
      this.#followed.delete(other[0]);
      return name;
    }
  }

  #step(followed: Followed, { event = { type: '' }, snapshot, _transitions = [] }: Microstep): void {
    if (snapshot?.value === undefined) return;
    const { machine, name, end: before, source } = followed;
    const [transition] = _transitions;
    const after = endOf(snapshot as LiveSnapshot);
    const isEventless = transition?.eventType === '';
    const said = isEventless ? 'null' : withSource(eventText(event, machine.events), source);
    const taken = transition === undefined ? undefined : machine.indexOf.get(transition);
    followed.end = after;
    this.#write('s', `"a":${stringText(name)},"e":${said}${outcomeText(before, after, taken ?? null)}`);
    if (++this.#steps % KEYFRAME_EVERY === 0) this.#writeKeyframe();
    if (this.#length > SEGMENT_LENGTH) this.#writeHead();
  }

  #writeHead(): void {
    this.#length = 0;
    this.#segments.push([]);
    if (this.#segments.length > MAX_SEGMENTS) this.#segments.shift();
    const isFirst = this.#n === 0;
    const { sessionId } = this.options;
    const head = { format: RECORDING_FORMAT, sessionId, pipeline: this.#title, stages: this.#stages };
    const rest = { pid: null, epoch: null, threads: null, resumed: !isFirst, continued: !isFirst };
    this.#write('b', JSON.stringify({ ...head, ...rest }).slice(1));
    const described = new Map(
      [...this.#followed.values()].map(({ machine }) => [machine.definition.id, machine]),
    );
    for (const machine of described.values()) this.#writeDefinition(machine);
    this.#writeKeyframe();
  }

  #writeDefinition({ definition }: DescribedMachine): void {
    this.#write('d', `"id":${stringText(definition.id)},"definition":${JSON.stringify(definition)}}`);
  }

  #writeKeyframe(): void {
    const actors = [...this.#followed.values()].map(
      (each) => `${stringText(each.name)}:{${frameText(each)}}`,
    );
    this.#write('k', `"actors":{${actors.join(',')}}}`);
  }

  /** @param rest of the line, after kind, number and time. */
  #write(kind: string, rest: string): void {
    const line = `{"k":"${kind}","n":${this.#n++},"t":${Math.round(this.options.now())},${rest}\n`;
    this.#length += line.length;
    this.#segments[this.#segments.length - 1]?.push(line);
    this.options.onLines(line);
  }
}

function endOf({ value, status, context }: LiveSnapshot): StepEnd {
  return { stateText: jsonText(value), status, context: contextData(context) };
}

const frameText = ({ parent, machine, end }: Followed): string =>
  `"definition":${stringText(machine.definition.id)},"parent":${jsonText(parent)},"state":${end.stateText},"status":"${end.status}","context":${jsonText(end.context)}`;

/** For the sequence diagram. */
const withSource = (text: string, source: string): string =>
  source === '' ? text : `${text.slice(0, -1)},"source":${stringText(source)}}`;
