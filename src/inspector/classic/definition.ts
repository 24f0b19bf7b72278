/**
 * Converts an XState 5 machine to an XState 4 configuration, which a viewer made with XState 4 can draw.
 *
 * 1. Names, never code: guards, actions and delays are named. XState's own actions lose their prefix, which has
 *    another meaning in XState 4.
 * 2. A transition that does not re-enter its state is `internal`. Targets are absolute.
 */
import type { LiveMachine, MachineNode, MachineTransition } from '../bridge/actor.js';

export interface ClassicNode {
  readonly id: string;
  readonly type?: 'parallel' | 'final' | 'history';
  readonly history?: 'shallow' | 'deep';
  readonly initial?: string;
  readonly states?: Readonly<Record<string, ClassicNode>>;
  readonly always?: readonly ClassicTransition[];
  readonly on?: Readonly<Record<string, readonly ClassicTransition[]>>;
  readonly after?: Readonly<Record<string, readonly ClassicTransition[]>>;
  readonly entry?: readonly ClassicAction[];
  readonly exit?: readonly ClassicAction[];
  readonly invoke?: readonly { readonly id: string; readonly src: string }[];
  readonly tags?: readonly string[];
  readonly description?: string;
}

export interface ClassicMachine extends ClassicNode {
  readonly predictableActionArguments: true;
}

export interface ClassicTransition {
  readonly target?: readonly string[];
  readonly cond?: string | { readonly type: string; readonly name: string; readonly params: unknown };
  readonly actions?: readonly ClassicAction[];
  readonly internal?: true;
}

type ClassicAction = string | { readonly type: string; readonly params: unknown };

const known = new WeakMap<LiveMachine, ClassicMachine>();

export function classicMachine(machine: LiveMachine): ClassicMachine {
  const converted = known.get(machine) ?? { ...classicNode(machine.root), predictableActionArguments: true };
  known.set(machine, converted);
  return converted;
}

function classicNode(node: MachineNode): ClassicNode {
  const { id, type, description } = node;
  const on: Record<string, ClassicTransition[]> = {};
  const after: Record<string, ClassicTransition[]> = {};
  for (const transition of [...node.transitions.values()].flat()) {
    const { delay, eventType } = transition;
    const [list, key] = delay === undefined ? [on, classicEventType(eventType)] : [after, delayName(delay)];
    list[key] = [...(list[key] ?? []), classicTransition(transition)];
  }
  const initial = initialOf(node);
  const [entry, exit] = [actionsOf(node.entry), actionsOf(node.exit)];
  const states = Object.entries(node.states).map(([key, child]) => [key, classicNode(child)] as const);
  const invoke = node.invoke.map(({ id, src }) => ({ id, src: nameOf(src, 'actor') }));
  return {
    id,
    ...(type === 'atomic' || type === 'compound' ? {} : { type }),
    ...(node.history === false ? {} : { history: node.history }),
    ...(initial === undefined ? {} : { initial }),
    ...(states.length === 0 ? {} : { states: Object.fromEntries(states) }),
    ...(node.always === undefined ? {} : { always: node.always.map(classicTransition) }),
    ...(isEmpty(on) ? {} : { on }),
    ...(isEmpty(after) ? {} : { after }),
    ...(entry.length === 0 ? {} : { entry }),
    ...(exit.length === 0 ? {} : { exit }),
    ...(invoke.length === 0 ? {} : { invoke }),
    ...(node.tags.length === 0 ? {} : { tags: node.tags }),
    ...(description === undefined ? {} : { description }),
  };
}

function initialOf({ type, initial, states }: MachineNode): string | undefined {
  const target = initial?.target?.[0];
  if (type !== 'compound' || target === undefined) return undefined;
  const holds = (node: MachineNode): boolean => node === target || Object.values(node.states).some(holds);
  return Object.keys(states).find((key) => holds(states[key] as MachineNode));
}

function classicTransition(transition: MachineTransition): ClassicTransition {
  const { target, guard, reenter } = transition;
  const actions = actionsOf(transition.actions);
  return {
    ...(target === undefined ? {} : { target: target.map(({ id }) => `#${id}`) }),
    ...(guard === undefined ? {} : { cond: classicGuard(guard) }),
    ...(actions.length === 0 ? {} : { actions }),
    ...(reenter || target === undefined ? {} : { internal: true as const }),
  };
}

function classicGuard(guard: unknown): Exclude<ClassicTransition['cond'], undefined> {
  const name = guardName(guard);
  const params = paramsOf(guard);
  return params === undefined ? name : { type: name, name, params };
}

/** `and`, `or` and `not` are functions with guards inside. */
function guardName(guard: unknown): string {
  const { check, guards } = guard as { check?: unknown; guards?: readonly unknown[] };
  if (check === undefined || guards === undefined) return nameOf(guard, 'guard');
  return `${nameOf(guard, 'guard')}(${guards.map(guardName).join(', ')})`;
}

function actionsOf(actions: readonly unknown[]): readonly ClassicAction[] {
  return actions.filter((action) => !isOfDelay(action)).map(classicAction);
}

function classicAction(action: unknown): ClassicAction {
  const type = nameOf(action, 'action');
  const params = paramsOf(action);
  return params === undefined ? type : { type, params };
}

/** The actions that XState adds for a delayed transition: `raise` at the entry, `cancel` at the exit. */
function isOfDelay(action: unknown): boolean {
  const { type, event, sendId } = action as { type?: unknown; event?: { type?: unknown }; sendId?: unknown };
  const isAfter = (text: unknown) => typeof text === 'string' && text.startsWith('xstate.after.');
  return (type === 'xstate.raise' && isAfter(event?.type)) || (type === 'xstate.cancel' && isAfter(sendId));
}

const delayName = (delay: unknown): string =>
  typeof delay === 'number' ? `${delay}` : nameOf(delay, 'delay');

const RENAMED = [
  ['xstate.done.actor.', 'done.invoke.'],
  ['xstate.error.actor.', 'error.platform.'],
  ['xstate.done.state.', 'done.state.'],
] as const;

/** XState's own events had other names in XState 4. */
export function classicEventType(type: string): string {
  const renamed = RENAMED.find(([prefix]) => type.startsWith(prefix));
  return renamed === undefined ? type : `${renamed[1]}${type.slice(renamed[0].length)}`;
}

/** Serializable values; functions of the context are left out. */
function paramsOf(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return undefined;
  const { params } = part as { params?: unknown };
  return typeof params === 'function' ? undefined : params;
}

function nameOf(part: unknown, unnamed: string): string {
  if (typeof part === 'string') return part;
  const { type, name } = part as { type?: unknown; name?: unknown };
  for (const text of [type, name])
    if (typeof text === 'string' && text !== '') return text.replace(/^xstate\./, '');
  return `(${unnamed})`;
}

const isEmpty = (record: object): boolean => Object.keys(record).length === 0;
