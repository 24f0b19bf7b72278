/**
 * The actors of a recording, each on today's machine, and their messages.
 *
 * A recorded step is replayed in two halves: `receive` sends the event to the actor; `isAsWritten` compares the texts of the
 * outcome, and `compare` the data if the texts differ.
 */
import type { AnyStateMachine } from 'xstate';
import { stageActorId } from '../../../machines/children.js';
import { contextOfFormat1, eventOfFormat1 } from '../../formats/format-1.js';
import type { JsonObject } from '../../formats/json.js';
import { messageOf } from '../../platform/thrown.js';
import {
  type ActorFrame,
  type ActorRecord,
  EXECUTOR,
  type KeyframeRecord,
  type MachineDefinition,
  type Stamp,
  type StateValue,
  type StepRecord,
} from '../../recording/format.js';
import { applyPatch } from '../../recording/patch.js';
import type { StepLine } from '../../recording/step-text.js';
import type { AnyStage } from '../../stages/stage.js';
import { isPatched, isSame } from './compare.js';
import { type Divergence, Divergences, NO_STEP, type Outcome, stateName } from './divergence.js';
import { expectedInput } from './expected-input.js';
import { actionsOfFormat1, messagesOfFormat1, missingWorkers } from './format-1.js';
import type { InertStep } from './inert-actor.js';
import { type MessageDivergence, Messages, senderOf } from './messages.js';
import { ReplayedActor, type Turn } from './replayed-actor.js';

export interface ReplayedActorsOptions {
  readonly stages: readonly AnyStage[];
  /** By their id in the recording. */
  readonly machines: Readonly<Record<string, AnyStateMachine>>;
  /** Recorded definitions, by their id in the current segment. */
  readonly definitions: ReadonlyMap<string, MachineDefinition>;
  /** Time of the first record, in milliseconds since the epoch. */
  readonly from: number;
}

export class ReplayedActors {
  readonly #actors = new Map<string, ReplayedActor>();
  readonly #messages = new Messages<Turn>();
  readonly #stageActors: readonly string[];
  readonly #divergences: Divergences;

  /** Worker threads of the current process; null: unknown. */
  threads: number | null = null;

  constructor(private readonly options: ReplayedActorsOptions) {
    this.#stageActors = options.stages.map(({ name }) => stageActorId(name));
    this.#divergences = new Divergences(options.from);
  }

  has(actor: string): boolean {
    return this.#actors.has(actor);
  }

  /** Whether the cause of a step is known in full: its event, or the step before it. */
  knowsCause({ actor, event }: Pick<StepLine, 'actor' | 'event'>): boolean {
    const replayed = this.#actors.get(actor);
    return replayed !== undefined && (event === null ? replayed.turn !== undefined : event.clipped !== true);
  }

  /** A message of today to the actor, if this is its text. */
  sent(actor: string, text: string): StepLine['event'] | undefined {
    return this.#messages.next(actor, text) as StepLine['event'] | undefined;
  }

  clear(): void {
    this.#actors.clear();
    this.#messages.clear();
  }

  /** All actors as recorded in this keyframe. */
  adopt(record: KeyframeRecord): Divergence | undefined {
    const children = Object.keys(record.actors).filter((id) => record.actors[id]?.parent === EXECUTOR);
    for (const [actor, frame] of Object.entries(record.actors)) {
      const divergence =
        this.#checkInput(record, actor, frame) ??
        this.#follow(record, actor, frame, actor === EXECUTOR ? children : []);
      if (divergence !== undefined) return divergence;
    }
    return undefined;
  }

  /** A spawned child begins like today's machine. */
  begin(record: ActorRecord): Divergence | undefined {
    const { actor, definition, parent, state, status, context } = record;
    const frame: ActorFrame = { definition, parent, state, status, context };
    const divergence = this.#checkInput(record, actor, frame);
    if (divergence !== undefined) return divergence;
    this.#messages.begin(actor, this.#actors.get(EXECUTOR)?.turn);
    return this.#follow(record, actor, frame, []);
  }

  /** A keyframe within a segment must equal the folded steps. */
  checkFrames(record: KeyframeRecord): Divergence | undefined {
    for (const [actor, { state, context }] of Object.entries(record.actors)) {
      const replayed = this.#actors.get(actor);
      if (replayed === undefined || isSame(contextOfFormat1(context), replayed.context)) continue;
      return this.#divergences.make(record, actor, undefined, replayed.state, {
        expected: { ...NO_STEP, state: stateName(state), transition: 'a keyframe' },
        got: { ...NO_STEP, state: stateName(replayed.state), transition: 'a keyframe' },
        contexts: [contextOfFormat1(context), replayed.context],
      });
    }
    return undefined;
  }

  /** A complete recording: no actor may take another step today, and no message may be missing. */
  checkNothingIsLeft(stamp: Stamp): Divergence | undefined {
    for (const [actor, replayed] of this.#actors) {
      const divergence = this.#checkNoStepIsLeft(stamp, actor, replayed);
      if (divergence !== undefined) return divergence;
    }
    const turns = new Set([...this.#actors.values()].map(({ turn }) => turn));
    return this.#messageDivergence(this.#messages.left((origin) => turns.has(origin)));
  }

  /** The first message of today that never arrives.
   * @param steps recorded from here on. */
  messageAstray(steps: Iterable<Pick<StepLine, 'actor' | 'event'>>): Divergence | undefined {
    const astray = this.#messages.astray(this.#recordedMessages(steps));
    const [first] = astray.toSorted((a, b) => a.origin.stamp.n - b.origin.stamp.n);
    return this.#messageDivergence(first);
  }

  *#recordedMessages(steps: Iterable<Pick<StepLine, 'actor' | 'event'>>) {
    for (const { actor: to, event } of steps) {
      const from = event === null ? undefined : senderOf(to, event, this.#stageActors);
      if (event !== null && from !== undefined) yield { from, to, event };
    }
  }

  /** The recorded context after a step, converted to today's format. */
  recordedAfter(step: StepRecord): JsonObject {
    return contextOfFormat1(this.#recordedAfter(step));
  }

  #recordedAfter({ actor, patch }: StepRecord): JsonObject {
    const { recordedContext, context } = this.#get(actor);
    return applyPatch(recordedContext ?? (context as JsonObject), patch);
  }

  /** The first half of a step. */
  receive(stamp: Stamp, { actor, event }: Pick<StepLine, 'actor' | 'event'>): Divergence | undefined {
    if (event === null) return undefined;
    const replayed = this.#get(actor);
    const divergence = this.#checkNoStepIsLeft(stamp, actor, replayed) ?? this.#checkMessage(actor, event);
    const isFormat1 = replayed.recordedContext !== undefined;
    if (divergence === undefined) replayed.receive(stamp, isFormat1 ? eventOfFormat1(event) : event);
    return divergence;
  }

  /** The second half, by text. False: it must be decoded. */
  isAsWritten(stamp: Stamp, line: StepLine): boolean {
    const replayed = this.#get(line.actor);
    const { next } = replayed;
    if (next === undefined || !replayed.isWritten(next, line)) return false;
    this.#take(stamp, line.actor, replayed, next);
    return true;
  }

  /** The second half. */
  compare(step: StepRecord): Divergence | undefined {
    const { actor, event, to } = step;
    const replayed = this.#get(actor);
    const { next, thrown, state } = replayed;
    const { status = replayed.status } = step;
    const isRight =
      next !== undefined &&
      (next.event === null) === (event === null) &&
      next.status === status &&
      isSame(to, next.state) &&
      this.#isSameContext(step, replayed, next) &&
      this.#isSameOutcome(step, replayed, next);
    if (isRight) {
      const recorded = replayed.recordedContext && this.#recordedAfter(step);
      this.#take(step, actor, replayed, next, recorded);
      return undefined;
    }
    const none = thrown === undefined ? NO_STEP : { ...NO_STEP, transition: `the machine throws: ${thrown}` };
    return this.#divergences.make(step, actor, event?.type ?? '', state, {
      expected: this.#recordedOutcome(step, replayed),
      got: next === undefined ? none : this.#todaysOutcome(replayed, state, next),
      contexts: next === undefined ? [] : [this.recordedAfter(step), next.context],
    });
  }

  /** The cause of the step cannot be replayed. */
  takeAsRecorded(step: StepRecord): Divergence | undefined {
    const { actor, to: state, event } = step;
    const { definition, parent, status: before } = this.#get(actor);
    const { status = before } = step;
    const from = event === null ? undefined : senderOf(actor, event, this.#stageActors);
    if (from !== undefined) this.#messages.skip(from, actor);
    const children = [...this.#actors].filter(([, other]) => other.parent === actor);
    return this.#follow(
      step,
      actor,
      { definition, parent, state, status, context: this.#recordedAfter(step) },
      children.map(([id]) => id),
    );
  }

  #get(actor: string): ReplayedActor {
    return this.#actors.get(actor) as ReplayedActor;
  }

  /** From its recorded state, which today's machine may not have. */
  #follow(
    stamp: Stamp,
    actor: string,
    frame: ActorFrame,
    children: readonly string[],
  ): Divergence | undefined {
    const machine = this.options.machines[frame.definition];
    const recorded = this.options.definitions.get(frame.definition);
    if (machine === undefined || recorded === undefined) return undefined;
    try {
      const all = actor === EXECUTOR ? [...children, ...missingWorkers(frame, children)] : children;
      this.#actors.set(actor, new ReplayedActor(machine, recorded, frame, all));
      return undefined;
    } catch (error) {
      return this.#divergences.make(stamp, actor, undefined, frame.state, {
        expected: { ...NO_STEP, state: stateName(frame.state), transition: 'as recorded' },
        got: { ...NO_STEP, transition: `the machine throws: ${messageOf(error)}` },
        contexts: [],
      });
    }
  }

  #take(stamp: Stamp, actor: string, replayed: ReplayedActor, next: InertStep, recorded?: JsonObject): void {
    replayed.take(stamp, next, recorded);
    if (next.messages.length === 0 || replayed.turn === undefined) return;
    const messages = recorded === undefined ? next.messages : messagesOfFormat1(next.messages);
    this.#messages.send(actor, messages, replayed.turn);
  }

  /** Compares the actor's input from the pipeline: names, order, attempts, concurrency. */
  #checkInput(stamp: Stamp, actor: string, frame: ActorFrame): Divergence | undefined {
    const expected = expectedInput(this.options.stages, actor, frame, this.threads);
    const recorded = Object.fromEntries(Object.keys(expected).map((key) => [key, frame.context[key]]));
    if (isSame(recorded, expected)) return undefined;
    const outcome = { ...NO_STEP, state: stateName(frame.state) };
    return this.#divergences.make(stamp, actor, undefined, frame.state, {
      expected: { ...outcome, transition: 'as recorded' },
      got: { ...outcome, transition: 'as the pipeline is today' },
      contexts: [recorded, expected],
    });
  }

  /** An additional step of today, reported with the event that caused it. */
  #checkNoStepIsLeft(stamp: Stamp, actor: string, replayed: ReplayedActor): Divergence | undefined {
    const { state, context, next, last = stamp } = replayed;
    if (next === undefined) return undefined;
    return this.#divergences.make(last, actor, next.event ?? '', state, {
      expected: { ...NO_STEP, state: stateName(state) },
      got: this.#todaysOutcome(replayed, state, next),
      contexts: [context, next.context],
    });
  }

  /** An event from another actor must be the one that this actor sent today. */
  #checkMessage(actor: string, event: { readonly type: string }): Divergence | undefined {
    const from = senderOf(actor, event, this.#stageActors);
    if (from === undefined) return undefined;
    const turn = this.#actors.get(from)?.turn;
    if (turn !== undefined) return this.#messageDivergence(this.#messages.receive(from, actor, event, turn));
    // Its steps before the recording are unknown.
    this.#messages.skip(from, actor);
    return undefined;
  }

  #messageDivergence(found: MessageDivergence<Turn> | undefined): Divergence | undefined {
    if (found === undefined) return undefined;
    const { from, origin, differences } = found;
    const { stamp, eventType, state, first } = origin;
    const outcome = first === undefined ? NO_STEP : this.#todaysOutcome(this.#get(from), state, first);
    const both = { expected: outcome, got: outcome };
    return {
      ...this.#divergences.make(stamp, from, eventType, state, { ...both, contexts: [] }),
      differences,
    };
  }

  #isSameContext(step: StepRecord, { recordedContext, context }: ReplayedActor, next: InertStep): boolean {
    if (recordedContext === undefined) return isPatched(context, next.context, step.patch);
    return isSame(this.recordedAfter(step), next.context);
  }

  #isSameOutcome(step: StepRecord, replayed: ReplayedActor, next: InertStep): boolean {
    if (replayed.isSameChart) return step.transition === next.transition;
    const a = this.#recordedOutcome(step, replayed);
    const b = this.#todaysOutcome(replayed, replayed.state, next);
    if (a === b) return true;
    const isFormat1 = replayed.recordedContext !== undefined;
    const recorded = isFormat1 ? actionsOfFormat1(a.actions) : a.actions;
    return a.transition === b.transition && isSame(recorded, b.actions);
  }

  #recordedOutcome({ from, to, transition }: StepRecord, { recorded }: ReplayedActor): Outcome {
    return this.#divergences.outcome('recorded', recorded, transition, from, to);
  }

  #todaysOutcome({ today }: ReplayedActor, from: StateValue, { transition, state }: InertStep): Outcome {
    return this.#divergences.outcome('today', today, transition, from, state);
  }
}
