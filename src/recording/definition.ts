/** A machine's statechart as data, and the index of each of its transitions. */
import type { MachineDefinition, StateDefinition, TransitionDefinition } from './format.js';

/** The parts of an XState machine that are read here. */
export interface Machine {
  readonly id: string;
  readonly root: MachineNode;
  /** Types of the events that it reacts to. */
  readonly events: readonly string[];
  readonly implementations: { readonly actions: Readonly<Record<string, unknown>> };
}

interface MachineNode {
  readonly key: string;
  readonly path: readonly string[];
  readonly type: string;
  readonly states: Readonly<Record<string, MachineNode>>;
  readonly initial?: { readonly target?: readonly MachineNode[] | undefined } | undefined;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly always?: readonly MachineTransition[] | undefined;
  readonly transitions: ReadonlyMap<string, readonly MachineTransition[]>;
}

export interface MachineTransition {
  readonly eventType: string;
  readonly target?: readonly MachineNode[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly reenter: boolean;
}

export interface DescribedMachine {
  readonly definition: MachineDefinition;
  /** By the transition object that XState reports as taken. */
  readonly indexOf: ReadonlyMap<object, number>;
  readonly events: ReadonlySet<string>;
}

const described = new WeakMap<object, DescribedMachine>();

export function describeMachine(machine: Machine): DescribedMachine {
  const known = described.get(machine);
  if (known !== undefined) return known;
  const states: StateDefinition[] = [];
  const transitions: TransitionDefinition[] = [];
  const indexOf = new Map<object, number>();
  const visit = (node: MachineNode, parent: string) => {
    const path = pathOf(node);
    if (path !== '') states.push(describeState(node, path, parent));
    for (const transition of [...(node.always ?? []), ...[...node.transitions.values()].flat()]) {
      indexOf.set(transition, transitions.length);
      transitions.push(describeTransition(transition, path));
    }
    for (const child of Object.values(node.states)) visit(child, path);
  };
  visit(machine.root, '');
  const internal = internalActions(machine);
  const definition = { id: machine.id, initial: initialOf(machine.root), states, transitions, internal };
  const result = { definition, indexOf, events: new Set(machine.events) };
  described.set(machine, result);
  return result;
}

function describeState(node: MachineNode, path: string, parent: string): StateDefinition {
  const { key, type, entry, exit } = node;
  const initial = initialOf(node);
  return { path, key, parent, type, initial, entry: entry.map(nameOf), exit: exit.map(nameOf) };
}

function describeTransition(transition: MachineTransition, source: string): TransitionDefinition {
  const { eventType, target, guard, actions, reenter } = transition;
  return {
    source,
    event: eventType,
    targets: (target ?? []).map(pathOf),
    guard: guard === undefined ? null : nameOf(guard),
    actions: actions.map(nameOf),
    reenter,
  };
}

function initialOf({ initial }: MachineNode): string | null {
  const target = initial?.target?.[0];
  return target === undefined ? null : pathOf(target);
}

/** Actions that XState itself executes: `assign`, `sendTo`, `spawnChild` and the like. */
function internalActions({ implementations: { actions } }: Machine): string[] {
  return Object.entries(actions).flatMap(([name, action]) =>
    String((action as { readonly type?: unknown }).type).startsWith('xstate.') ? [name] : [],
  );
}

const pathOf = ({ path }: MachineNode): string => path.join('.');

/** The name of an action or a guard: a string, an object with `type`, or a function. */
function nameOf(part: unknown): string {
  if (typeof part === 'string') return part;
  const { type, name } = part as { type?: unknown; name?: unknown };
  if (typeof type === 'string') return type;
  return typeof name === 'string' && name !== '' ? name : '(anonymous)';
}
