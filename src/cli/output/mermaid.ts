/**
 * A statechart as Mermaid's stateDiagram-v2, read off the machine itself. Pure: two calls give the same text.
 *
 * Arrows are what changes the state; what a state does without leaving it is listed in a note beside it. A transition of
 * the whole machine is drawn from each of its states.
 */

/** A state node of an XState machine, as far as a picture needs it. */
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

/** What the whole machine reacts to, where the state has no answer of its own and would be left by it. */
function inherited(state: DrawableNode, root: DrawableNode): [string, DrawableTransition][] {
  if (state.type === 'final') return [];
  return labelled(root).filter(
    ([label, { target }]) =>
      target?.[0]?.key !== state.key && !labelled(state).some(([own]) => own === label),
  );
}

function insideOf(state: DrawableNode): string[] {
  const labels = labelled(state)
    .filter(([, { target }]) => target === undefined || target.length === 0)
    .map(([label]) => label);
  return [...new Set(labels)];
}

function labelled(node: DrawableNode): [string, DrawableTransition][] {
  const all: [string, DrawableTransition][] = [];
  for (const transition of node.always ?? []) all.push([guardOf(transition) || 'always', transition]);
  for (const [event, transitions] of node.transitions) {
    for (const transition of transitions) {
      // A guard only says something where it decides between answers.
      const guard = transitions.length > 1 ? guardOf(transition) : '';
      all.push([guard === '' ? event : `${event} ${guard}`, transition]);
    }
  }
  return all;
}

function guardOf({ guard }: DrawableTransition): string {
  const name =
    typeof guard === 'string'
      ? guard
      : ((guard as { type?: unknown; name?: unknown } | undefined)?.type ?? '');
  return typeof name === 'string' && name !== '' ? `[${name}]` : '';
}
