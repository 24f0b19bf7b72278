/**
 * A statechart as Mermaid's stateDiagram-v2, read from the machine. Pure: two calls give the same text.
 *
 * An arrow is a transition to another state. A note lists what a state does without leaving it: its rules with what they
 * request, then its events. A transition of the root is drawn from each state.
 */

/** A state node of an XState machine, as the diagram needs it. */
export interface DrawableNode {
  readonly key: string;
  readonly type: string;
  readonly states: Readonly<Record<string, DrawableNode>>;
  readonly initial: { readonly target: readonly { readonly key: string }[] | undefined };
  readonly transitions: ReadonlyMap<string, readonly DrawableTransition[]>;
  readonly always?: readonly DrawableTransition[] | undefined;
}

export interface DrawableTransition {
  readonly target: readonly { readonly key: string }[] | undefined;
  readonly guard?: unknown;
  readonly actions?: readonly unknown[];
}

export function mermaid(root: DrawableNode): string {
  const lines = ['stateDiagram-v2', '  direction LR'];
  const initial = root.initial.target?.[0]?.key;
  if (initial !== undefined) lines.push(`  [*] --> ${initial}`);
  const notes: string[] = [];
  for (const state of Object.values(root.states)) {
    for (const [target, labels] of arrowsOf(state, root))
      lines.push(`  ${state.key} --> ${target} : ${labels.join(', ')}`);
    const inside = insideOf(state);
    if (inside.length > 0)
      notes.push(`  note right of ${state.key}`, ...inside.map((label) => `    ${label}`), '  end note');
    if (state.type === 'final') lines.push(`  ${state.key} --> [*]`);
  }
  return `${[...lines, ...notes].join('\n')}\n`;
}

/** Labels by target, in the machine's order. */
function arrowsOf(state: DrawableNode, root: DrawableNode): Map<string, string[]> {
  const arrows = new Map<string, string[]>();
  for (const [label, { target }] of [...labelled(state), ...inherited(state, root)]) {
    const to = target?.[0]?.key;
    if (to === undefined) continue;
    const labels = arrows.get(to) ?? [];
    if (!labels.includes(label)) labels.push(label);
    arrows.set(to, labels);
  }
  return arrows;
}

/** The root's transitions that lead out of a state, unless the state has its own for that event. */
function inherited(state: DrawableNode, root: DrawableNode): [string, DrawableTransition][] {
  if (state.type === 'final') return [];
  return labelled(root).filter(
    ([label, { target }]) =>
      target?.[0]?.key !== state.key && !labelled(state).some(([own]) => own === label),
  );
}

/** Rules with the last action, which is the request; events by name. */
function insideOf(state: DrawableNode): string[] {
  const stays = ({ target }: DrawableTransition) => target === undefined || target.length === 0;
  const rules = (state.always ?? []).filter(stays).map((rule) => {
    const action = nameOf(rule.actions?.at(-1));
    return [guardOf(rule), action].filter((part) => part !== '').join(' ');
  });
  const events = [...state.transitions].flatMap(([event, all]) => (all.some(stays) ? [event] : []));
  return [...rules, ...events];
}

function labelled(node: DrawableNode): [string, DrawableTransition][] {
  const all: [string, DrawableTransition][] = [];
  for (const transition of node.always ?? []) all.push([guardOf(transition) || 'always', transition]);
  for (const [event, transitions] of node.transitions) {
    for (const transition of transitions) {
      // A guard matters only when it chooses between several transitions.
      const guard = transitions.length > 1 ? guardOf(transition) : '';
      all.push([guard === '' ? event : `${event} ${guard}`, transition]);
    }
  }
  return all;
}

function guardOf({ guard }: DrawableTransition): string {
  const name = nameOf(guard);
  return name === '' ? '' : `[${name}]`;
}

function nameOf(part: unknown): string {
  const name = typeof part === 'string' ? part : (part as { type?: unknown } | undefined)?.type;
  return typeof name === 'string' ? name : '';
}
