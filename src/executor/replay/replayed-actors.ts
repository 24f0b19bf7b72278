/** The actors of a recording, each on today's machine, and beside it what was recorded of it. */
import type { AnyStateMachine } from 'xstate';
import type { JsonObject } from '../../json.js';
import {
  type ActorFrame,
  type ActorRecord,
  type EndRecord,
  EXECUTOR,
  type KeyframeRecord,
  type MachineDefinition,
  type StepRecord,
} from '../../recording/format.js';
import { applyPatch } from '../../recording/patch.js';
import type { AnyStage } from '../../stages/stage.js';
import { differences, isPatched, isSame } from './compare.js';
import { type Divergence, NO_STEP, type Outcome, outcomeOf } from './divergence.js';
import { expectedInput } from './expected-input.js';
import { InertActor, type InertStep } from './inert-actor.js';

export interface ReplayedActorsOptions {
  readonly stages: readonly AnyStage[];
  /** By the id that a recording knows them by. */
  readonly machines: Readonly<Record<string, AnyStateMachine>>;
  /** As recorded. */
  readonly definitions: Readonly<Record<string, MachineDefinition>>;
  /** When the recording began: milliseconds since the epoch. */
  readonly from: number;
}

interface Replayed {
  readonly inert: InertActor;
  readonly recorded: MachineDefinition;
  /** The statechart is drawn as it was: transitions have the same numbers. */
  readonly isSameChart: boolean;
  /** As recorded so far, which is as today's machine has it. */
  frame: ActorFrame;
  /** The last step that was recorded of it. */
  last: Stamped | undefined;
  /** Steps of the last event that were not recorded yet. */
  pending: readonly InertStep[];
}

const MAX_DIFFERENCES = 10;
const NOTHING: readonly InertStep[] = [];

interface Stamped {
  readonly n: number;
  readonly at: number;
}

export class ReplayedActors {
  readonly #actors = new Map<string, Replayed>();
  readonly #outcomes = new Map<string, Outcome>();

  constructor(private readonly options: ReplayedActorsOptions) {}

  has(actor: string): boolean {
    return this.#actors.has(actor);
  }

  clear(): void {
    this.#actors.clear();
  }

  /** All actors as they are recorded here. */
  adopt(record: KeyframeRecord): Divergence | undefined {
    const children = Object.keys(record.actors).filter((id) => record.actors[id]?.parent === EXECUTOR);
    for (const [actor, frame] of Object.entries(record.actors)) {
      const divergence = this.#checkInput(record, actor, frame);
      if (divergence !== undefined) return divergence;
      this.#follow(actor, frame, actor === EXECUTOR ? children : []);
    }
    return undefined;
  }

  /** A child that was spawned: it begins as today's machine would have it. */
  begin(record: ActorRecord): Divergence | undefined {
    const { actor, definition, parent, state, status, context } = record;
    const frame: ActorFrame = { definition, parent, state, status, context };
    const divergence = this.#checkInput(record, actor, frame);
    if (divergence === undefined) this.#follow(actor, frame, []);
    return divergence;
  }

  /** What a keyframe in the middle says is what the steps have led to. */
  checkFrames(record: KeyframeRecord): Divergence | undefined {
    for (const [actor, frame] of Object.entries(record.actors)) {
      const replayed = this.#actors.get(actor);
      if (replayed === undefined || isSame(frame.context, replayed.frame.context)) continue;
      return this.#divergence(record, actor, undefined, replayed.frame, {
        expected: { ...NO_STEP, state: stateText(frame.state), transition: 'a keyframe' },
        got: { ...NO_STEP, state: stateText(replayed.frame.state), transition: 'a keyframe' },
        contexts: [frame.context, replayed.frame.context],
      });
    }
    return undefined;
  }

  /** Recorded in order to its end: then no actor takes another step today. */
  checkNothingIsLeft(record: EndRecord): Divergence | undefined {
    for (const actor of this.#actors.keys()) {
      const divergence = this.#checkNoPending(record, actor);
      if (divergence !== undefined) return divergence;
    }
    return undefined;
  }

  /** The context after a step, as recorded. */
  recordedAfter({ actor, patch }: StepRecord): JsonObject {
    return applyPatch(this.#get(actor).frame.context, patch);
  }

  step(step: StepRecord): Divergence | undefined {
    const replayed = this.#get(step.actor);
    if (step.event !== null) {
      const left = this.#checkNoPending(step, step.actor);
      if (left !== undefined) return left;
      try {
        replayed.pending = replayed.inert.send(step.event);
      } catch (error) {
        return this.#threw(step, replayed, error);
      }
    }
    const got = replayed.pending[0];
    const before = replayed.frame;
    const { status = before.status, patch } = step;
    const isRight =
      got !== undefined &&
      (got.event === null) === (step.event === null) &&
      got.status === status &&
      isSame(step.to, got.state) &&
      isPatched(before.context, got.context, patch) &&
      this.#isSameOutcome(step, replayed, got);
    if (!isRight) {
      return this.#divergence(step, step.actor, step.event?.type ?? '', before, {
        expected: this.#recordedOutcome(step, replayed),
        got: got === undefined ? NO_STEP : this.#todaysOutcome(replayed, before, got),
        contexts: got === undefined ? [] : [applyPatch(before.context, patch), got.context],
      });
    }
    replayed.last = step;
    replayed.pending = replayed.pending.length === 1 ? NOTHING : replayed.pending.slice(1);
    // What was recorded, and what is today: they are equal.
    replayed.frame = { ...before, state: step.to, status, context: got.context as JsonObject };
    return undefined;
  }

  /** The step's event says too little to be replayed. */
  takeAsRecorded(step: StepRecord): void {
    const { frame } = this.#get(step.actor);
    const { to: state, status = frame.status } = step;
    const context = this.recordedAfter(step);
    const children = [...this.#actors].filter(([, other]) => other.frame.parent === step.actor);
    this.#follow(
      step.actor,
      { ...frame, state, status, context },
      children.map(([id]) => id),
    );
  }

  #get(actor: string): Replayed {
    return this.#actors.get(actor) as Replayed;
  }

  #follow(actor: string, frame: ActorFrame, children: readonly string[]): void {
    const machine = this.options.machines[frame.definition];
    const recorded = this.options.definitions[frame.definition];
    if (machine === undefined || recorded === undefined) return;
    const inert = new InertActor(machine, frame, children);
    const isSameChart = isSame(recorded, inert.definition);
    this.#actors.set(actor, { inert, recorded, isSameChart, frame, last: undefined, pending: NOTHING });
  }

  /** What the pipeline gives an actor to begin with: names, order, attempts, concurrency. */
  #checkInput(stamp: Stamped, actor: string, frame: ActorFrame): Divergence | undefined {
    const expected = expectedInput(this.options.stages, actor, frame);
    const recorded = Object.fromEntries(Object.keys(expected).map((key) => [key, frame.context[key]]));
    if (isSame(recorded, expected)) return undefined;
    const outcome = { ...NO_STEP, state: stateText(frame.state) };
    return this.#divergence(stamp, actor, undefined, frame, {
      expected: { ...outcome, transition: 'as recorded' },
      got: { ...outcome, transition: 'as the pipeline is today' },
      contexts: [recorded, expected],
    });
  }

  /** A step more than was recorded: told of the event that it follows from. */
  #checkNoPending(stamp: Stamped, actor: string): Divergence | undefined {
    const replayed = this.#get(actor);
    const [got] = replayed.pending;
    if (got === undefined) return undefined;
    const { frame, last = stamp } = replayed;
    return this.#divergence(last, actor, got.event ?? '', frame, {
      expected: { ...NO_STEP, state: stateText(frame.state) },
      got: this.#todaysOutcome(replayed, frame, got),
      contexts: [frame.context, got.context],
    });
  }

  #threw(step: StepRecord, replayed: Replayed, error: unknown): Divergence {
    const message = error instanceof Error ? error.message : String(error);
    return this.#divergence(step, step.actor, step.event?.type ?? '', replayed.frame, {
      expected: this.#recordedOutcome(step, replayed),
      got: { ...NO_STEP, transition: `the machine throws: ${message}` },
      contexts: [],
    });
  }

  #isSameOutcome(step: StepRecord, replayed: Replayed, got: InertStep): boolean {
    if (replayed.isSameChart) return step.transition === got.transition;
    const a = this.#recordedOutcome(step, replayed);
    const b = this.#todaysOutcome(replayed, replayed.frame, got);
    return a === b || (a.transition === b.transition && isSame(a.actions, b.actions));
  }

  #recordedOutcome({ from, to, transition }: StepRecord, { recorded }: Replayed): Outcome {
    return this.#outcome('recorded', recorded, transition, stateText(from), stateText(to));
  }

  #todaysOutcome({ inert }: Replayed, { state }: ActorFrame, got: InertStep): Outcome {
    return this.#outcome('today', inert.definition, got.transition, stateText(state), stateText(got.state));
  }

  /** Worked out once for each kind of step. */
  #outcome(
    whose: string,
    definition: MachineDefinition,
    index: number | null,
    from: string,
    to: string,
  ): Outcome {
    const key = `${whose} ${definition.id} ${index} ${from} ${to}`;
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = outcomeOf(definition, index, from, to);
      this.#outcomes.set(key, outcome);
    }
    return outcome;
  }

  #divergence(
    { n, at }: Stamped,
    actor: string,
    eventType: string | undefined,
    { state }: ActorFrame,
    {
      expected,
      got,
      contexts: [a, b],
    }: { readonly expected: Outcome; readonly got: Outcome; readonly contexts: readonly unknown[] },
  ): Divergence {
    return {
      ...{ event: n, at, elapsedMs: at - this.options.from, actor, eventType, state: stateText(state) },
      ...{ expected, got, differences: differences(a, b, MAX_DIFFERENCES) },
    };
  }
}

function stateText(state: unknown): string {
  return typeof state === 'string' ? state : JSON.stringify(state);
}
