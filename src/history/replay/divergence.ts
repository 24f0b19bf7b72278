/** The first divergence of a recorded run from today's machines, as data and as text. */
import type { MachineDefinition, Stamp, StateValue } from '../../recording/format.js';
import { type Difference, differences } from './compare.js';

/** A step of an actor. */
export interface Outcome {
  /** Undefined: no step. */
  readonly state: string | undefined;
  /** The transition in words: source, guard, target; or that there was none. */
  readonly transition: string;
  /** Its actions, in order: exit, transition, entry. */
  readonly actions: readonly string[];
}

/** The first step in which today's machines differ from the recorded run. */
export interface Divergence {
  /** Number of the record. */
  readonly event: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds since the recording began. */
  readonly elapsedMs: number;
  /** `executor`, `stage:<name>`. */
  readonly actor: string;
  /** Type of the event; '' for a step that follows without one. Undefined where an actor begins. */
  readonly eventType: string | undefined;
  readonly state: string;
  /** The recorded step. */
  readonly expected: Outcome;
  /** The step of today's machine. */
  readonly got: Outcome;
  /** The first ten paths of the context that differ after the step. Or `sends to <actor>`: a message. */
  readonly differences: readonly Difference[];
}

const MAX_DIFFERENCES = 10;

/** The two sides of a divergence. */
interface Compared {
  readonly expected: Outcome;
  readonly got: Outcome;
  /** Recorded and today's; empty without a context. */
  readonly contexts: readonly unknown[];
}

/** Makes divergences of one recording. */
export class Divergences {
  readonly #outcomes = new Map<string, Outcome>();

  /** @param from time of the recording's first record. */
  constructor(private readonly from: number) {}

  make(
    { n, at }: Stamp,
    actor: string,
    eventType: string | undefined,
    state: StateValue,
    { expected, got, contexts: [a, b] }: Compared,
  ): Divergence {
    return {
      ...{ event: n, at, elapsedMs: at - this.from, actor, eventType, state: stateName(state) },
      ...{ expected, got, differences: differences(a, b, MAX_DIFFERENCES) },
    };
  }

  /** Cached for each kind of step. */
  outcome(
    whose: 'recorded' | 'today',
    definition: MachineDefinition,
    index: number | null,
    from: StateValue,
    to: StateValue,
  ): Outcome {
    const key = `${whose} ${definition.id} ${index} ${stateName(from)} ${stateName(to)}`;
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = outcomeOf(definition, index, stateName(from), stateName(to));
      this.#outcomes.set(key, outcome);
    }
    return outcome;
  }
}

/** A state in words. */
export function stateName(state: StateValue): string {
  return typeof state === 'string' ? state : JSON.stringify(state);
}

/** A step in words that do not depend on the index of its transition.
 * @param index null: the event was ignored. */
function outcomeOf(definition: MachineDefinition, index: number | null, from: string, to: string): Outcome {
  if (index === null) return { state: to, transition: 'none: the event is ignored', actions: [] };
  const taken = definition.transitions[index];
  if (taken === undefined) return { state: to, transition: `unknown (${index})`, actions: [] };
  const { source, event, guard, targets, actions } = taken;
  const stateOf = (path: string) => definition.states.find((state) => state.path === path);
  const moved = from === to && !taken.reenter ? [] : [stateOf(from)?.exit ?? [], stateOf(to)?.entry ?? []];
  const [exit = [], entry = []] = moved;
  const on = `${event === '' ? 'always' : event}${guard === null ? '' : ` [${guard}]`}`;
  const where = targets.length === 0 ? 'stays' : `to ${targets.join(', ')}`;
  return {
    state: to,
    transition: `${source === '' ? 'any state' : source}: ${on}, ${where}`,
    actions: [...exit, ...actions, ...entry].filter(
      (action) => isSeenOutside(action) && !definition.internal?.includes(action),
    ),
  };
}

export const NO_STEP = { state: undefined, transition: 'no step', actions: [] } satisfies Outcome;

/** Without updates, which the context shows, and without messages, which are compared separately. */
function isSeenOutside(action: string): boolean {
  return !action.startsWith('xstate.') && action !== '(anonymous)';
}

/** A divergence as lines for display. */
export function divergenceText(divergence: Divergence): string {
  const { event, at, elapsedMs, actor, eventType, state, expected, got, differences } = divergence;
  const what =
    eventType === undefined
      ? 'begins'
      : eventType === ''
        ? 'continues without an event'
        : `gets ${eventType}`;
  const lines = [
    `Today's machines part from the recording at event ${event}, ${new Date(at).toISOString()}, ${seconds(elapsedMs)} s into it:`,
    `${actor} ${what} in ${state}.`,
    '  - as recorded, + today',
    ...row('state', expected.state ?? 'none', got.state ?? 'none'),
    ...row('transition', expected.transition, got.transition),
    ...row('actions', expected.actions.join(', ') || 'none', got.actions.join(', ') || 'none'),
    ...differences.flatMap(({ path, expected: a, got: b }) => row(path, valueText(a), valueText(b))),
  ];
  return lines.join('\n');
}

/** Equal values once; others on two lines. */
function row(name: string, a: string, b: string): string[] {
  const label = name.padEnd(NAME_WIDTH);
  if (a === b) return [`    ${label}  ${a}`];
  return [`  - ${label}  ${a}`, `  + ${label}  ${b}`];
}

const NAME_WIDTH = 20;
const MAX_TEXT = 60;

function valueText(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);
