/**
 * Replays a recorded run on today's machines, and finds the first divergence.
 *
 * 1. No stage, source or sink is called: the recorded events contain all answers, times, positions and settings, and machines
 *    are pure. An `execute` without a description, as a parent machine sends it, gets the recorded one.
 * 2. Every step of every actor is compared: state, context, transition, actions and messages. The replay ends at the first
 *    difference, because later steps depend on it.
 * 3. A process that resumes a session begins from its own recorded actors: what a kill cut off is no difference.
 * 4. Some steps cannot be checked: those whose event was clipped, and those between a damaged or missing record and the next
 *    keyframe. They are taken as recorded, and counted. A replay that checked nothing is no success.
 */
import type { AnyStateMachine } from 'xstate';
import { WORKERS } from '../../../machines/children.js';
import { createExecutorMachine } from '../../../machines/executor.machine.js';
import type { RunDescription } from '../../../machines/executor-events.js';
import { stageMachine } from '../../../machines/stage.machine.js';
import { RecordingError } from '../../errors.js';
import { stageInputs } from '../../executor/session/stage-inputs.js';
import type { JsonObject } from '../../formats/json.js';
import type { MachineDefinition, RecordingRecord, StepRecord } from '../../recording/format.js';
import type { RecordingReader } from '../../recording/reader.js';
import { type KnownEvent, readStepLine, type StepLine } from '../../recording/step-text.js';
import type { AnyStage } from '../../stages/stage.js';
import { type Divergence, divergenceText } from './divergence.js';
import { ReplayedActors } from './replayed-actors.js';

/** The result of a replay. */
export interface ReplayResult {
  /** All checked steps are equal. */
  readonly ok: boolean;
  /** Recorded events that were replayed, over all actors. */
  readonly events: number;
  /** Microsteps. */
  readonly steps: number;
  /** Unchecked steps and missing records: the event was clipped, or an earlier record is damaged. */
  readonly unchecked: number;
  /** Recorded processes. */
  readonly processes: number;
  readonly divergence?: Divergence;
  /** For display: one line, or the divergence. */
  readonly text: string;
}

/** A sent message arrives within as many records, or never. */
const LOOKED_AHEAD = 10_000;

/** @param stages of today's pipeline, in order.
 * @throws {RecordingError} for a recording without anything to compare. */
export function replayRecording(stages: readonly AnyStage[], reader: RecordingReader): ReplayResult {
  return new Replay(stages, reader).run();
}

class Replay {
  readonly #actors: ReplayedActors;
  /** The format of the segment that is being read. */
  readonly #definitions: Map<string, MachineDefinition>;
  #events = 0;
  #steps = 0;
  #unchecked = 0;
  #missing = 0;
  #processes = 0;
  /** Until the next keyframe, the actors are unknown. */
  #isAdopting = true;
  /** The recorded context after the replayed step. */
  #recorded: JsonObject = {};
  readonly #sent: KnownEvent = (actor, text) => this.#actors.sent(actor, text);

  constructor(
    stages: readonly AnyStage[],
    private readonly reader: RecordingReader,
  ) {
    const newRun = () => this.#recorded as unknown as RunDescription;
    const machines: Record<string, AnyStateMachine> = {
      executor: createExecutorMachine(stageInputs(stages), { newRun }),
      stage: stageMachine,
      ...WORKERS,
    };
    const { definitions, from } = reader.summary();
    this.#definitions = new Map(Object.entries(definitions));
    this.#actors = new ReplayedActors({ stages, machines, definitions: this.#definitions, from });
  }

  run(): ReplayResult {
    const { reader } = this;
    for (let index = 0; index < reader.length; index++) {
      const type = reader.typeAt(index);
      const missing = reader.missingBefore(index);
      if (missing > 0) {
        this.#missing += missing;
        this.#loseTrack();
      }
      if (type === 'event') continue;
      const divergence = type === 'step' ? this.#line(index) : this.#one(reader.record(index));
      if (divergence !== undefined) return this.#result(this.#first(divergence, index));
    }
    return this.#result(undefined);
  }

  #one(record: RecordingRecord): Divergence | undefined {
    const actors = this.#actors;
    switch (record.type) {
      case 'begin': {
        if (!record.continued) this.#processes++;
        actors.threads = record.threads;
        if (!record.continued || record.dropped > 0) this.#loseTrack();
        return undefined;
      }
      case 'definition':
        this.#definitions.set(record.id, record.definition);
        return undefined;
      case 'keyframe': {
        if (!this.#isAdopting) return actors.checkFrames(record);
        this.#isAdopting = false;
        return actors.adopt(record);
      }
      case 'actor':
        return this.#isAdopting ? undefined : actors.begin(record);
      case 'step':
        return this.#step(record);
      case 'end':
        return this.#isAdopting ? undefined : actors.checkNothingIsLeft(record);
      case 'damaged':
        this.#loseTrack();
        return undefined;
      default:
        return undefined;
    }
  }

  #loseTrack(): void {
    this.#isAdopting = true;
    this.#actors.clear();
  }

  /** A step with the line that today's step would have is equal, without decoding. */
  #line(index: number): Divergence | undefined {
    const { reader } = this;
    const actors = this.#actors;
    const line = readStepLine(reader.textAt(index), this.#sent);
    const isEasy = line !== undefined && line.event?.type !== 'execute' && actors.knowsCause(line);
    if (!isEasy) return this.#one(reader.record(index));
    const stamp = reader.stampAt(index);
    const divergence = actors.receive(stamp, line);
    if (divergence === undefined && !actors.isAsWritten(stamp, line)) {
      const record = reader.record(index);
      if (record.type !== 'step') return this.#one(record);
      this.#count(line);
      return actors.compare(record);
    }
    this.#count(line);
    return divergence;
  }

  #step(step: StepRecord): Divergence | undefined {
    const actors = this.#actors;
    this.#count(step);
    if (!actors.has(step.actor)) {
      this.#unchecked++;
      return undefined;
    }
    if (!actors.knowsCause(step)) {
      this.#unchecked++;
      return actors.takeAsRecorded(step);
    }
    if (step.event?.type === 'execute') this.#recorded = actors.recordedAfter(step);
    return actors.receive(step, step) ?? actors.compare(step);
  }

  /** An additional message is noticed when the next one arrives; earlier differences may result from it. */
  #first(divergence: Divergence, index: number): Divergence {
    const astray = this.#actors.messageAstray(this.#stepsAfter(index));
    return astray !== undefined && astray.event < divergence.event ? astray : divergence;
  }

  /** If the recording is complete, and the actors are the same. */
  *#stepsAfter(index: number) {
    const { reader } = this;
    const end = Math.min(reader.length, index + LOOKED_AHEAD);
    for (let i = index + 1; i < end; i++) {
      const type = reader.typeAt(i);
      if (type === 'begin' || type === 'actor' || reader.missingBefore(i) > 0) return;
      if (type !== 'step') continue;
      const step = readStepLine(reader.textAt(i)) ?? reader.record(i);
      if (!('actor' in step) || !('event' in step)) return;
      yield step;
    }
  }

  #count({ event }: Pick<StepLine, 'event'>): void {
    this.#steps++;
    if (event !== null) this.#events++;
  }

  #result(divergence: Divergence | undefined): ReplayResult {
    const unchecked = this.#unchecked + this.#missing;
    const counts = { events: this.#events, steps: this.#steps, unchecked };
    const processes = this.#processes;
    if (divergence !== undefined)
      return { ok: false, ...counts, processes, divergence, text: divergenceText(divergence) };
    if (this.#steps === this.#unchecked)
      throw new RecordingError(
        `The recording holds nothing that could be compared: ${this.#steps === 0 ? 'no step of a machine' : `none of its ${this.#steps} steps`}.`,
      );
    const of = processes === 1 ? 'one process' : `${processes} processes`;
    const but = counts.unchecked === 0 ? '' : `; ${counts.unchecked} could not be checked`;
    const text = `The same: ${counts.events} events of ${of}, ${counts.steps} steps${but}.`;
    return { ok: true, ...counts, processes, text };
  }
}
