/**
 * Lays out a statechart in Node, once per definition, so that the page does not load elkjs (400 KB compressed).
 *
 * 1. elkjs is loaded for the first chart: its 0.25 s do not delay the start of the server.
 * 2. All transitions from one state to another share an arrow, one line each. Transitions without a target are listed
 *    inside their state; those of the root, inside each state that something leaves.
 * 3. The recording is untrusted: keys become text, unknown targets are left out, sizes are bounded.
 */
import type { ELK, ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk.bundled.js';
import type { MachineDefinition, TransitionDefinition } from '../recording/format.js';
import {
  CHART,
  type Chart,
  type ChartEdge,
  type ChartLayout,
  type ChartLine,
  type ChartState,
  textOf,
} from './chart.js';

/** A larger chart is unreadable. */
const MAX_STATES = 200;
const MAX_TEXT = 60;

type Unplaced = Omit<ChartState, 'x' | 'y'> & { readonly parent: string };
type Arrow = Pick<ChartEdge, 'from' | 'to' | 'lines'>;

let loaded: Promise<ELK> | undefined;

async function load(): Promise<ELK> {
  const { default: elkjs } = await import('elkjs/lib/elk.bundled.js');
  return new elkjs.default();
}

/** The chart of `definition`, wide and tall. */
export async function layoutChart(definition: MachineDefinition): Promise<Chart> {
  const states = unplaced(definition);
  const arrows = arrowsOf(definition, states);
  const [wide, tall] = await Promise.all([place(states, arrows, 'RIGHT'), place(states, arrows, 'DOWN')]);
  return { id: definition.id, wide, tall };
}

function unplaced({ states, initial, transitions }: MachineDefinition): Unplaced[] {
  const left = new Set(transitions.map(({ source }) => source));
  const initials = new Set([
    initial,
    ...states.map((state) => (state.type === 'compound' ? state.initial : null)),
  ]);
  return states.slice(0, MAX_STATES).map(({ path, key, parent, type }) => {
    const inside: ChartLine[] = [];
    for (const [index, transition] of transitions.entries()) {
      const isOfRoot = transition.source === '' && left.has(path) && parent === '';
      if ((transition.source === path || isOfRoot) && transition.targets.length === 0)
        addLine(inside, transition, index);
    }
    const widest = Math.max(key.length * 1.45, ...inside.map((line) => textOf(line).length));
    const kind = type === 'parallel' ? 'parallel' : type === 'compound' ? 'outer' : 'inner';
    return {
      key: path,
      name: key,
      kind,
      parent,
      final: type === 'final',
      initial: initials.has(path),
      inside,
      width: Math.ceil(
        Math.max(widest, kind === 'parallel' ? key.length * 1.45 + 13 : 0) * CHART.char + 2 * CHART.padding,
      ),
      height: CHART.title + (inside.length === 0 ? 0 : inside.length * CHART.line + 8),
    };
  });
}

function arrowsOf({ transitions }: MachineDefinition, states: readonly Unplaced[]): Arrow[] {
  const known = new Map(states.map((state) => [state.key, state]));
  const arrows = new Map<string, { from: string; to: string; lines: ChartLine[] }>();
  for (const [index, transition] of transitions.entries()) {
    const [to] = transition.targets;
    if (to === undefined || !known.has(to)) continue;
    for (const from of sourcesOf(transition, to, known)) {
      const arrow = arrows.get(`${from} ${to}`) ?? { from, to, lines: [] };
      addLine(arrow.lines, transition, index);
      arrows.set(`${from} ${to}`, arrow);
    }
  }
  return [...arrows.values()];
}

/** A transition of the root is drawn as an arrow from each state that it leaves. */
function sourcesOf(
  { source }: TransitionDefinition,
  to: string,
  known: ReadonlyMap<string, Unplaced>,
): string[] {
  if (source !== '') return known.has(source) ? [source] : [];
  return [...known.values()]
    .filter(
      (state) => state.parent === '' && !state.final && state.key !== to && !to.startsWith(`${state.key}.`),
    )
    .map((state) => state.key);
}

async function place(states: Unplaced[], arrows: Arrow[], direction: 'RIGHT' | 'DOWN'): Promise<ChartLayout> {
  loaded ??= load();
  const elk = await loaded;
  const isNested = states.some(({ parent }) => parent !== '');
  const graph: ElkNode = {
    id: '',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': direction,
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.padding': '[top=8,left=8,bottom=8,right=8]',
      'elk.spacing.nodeNode': '22',
      'elk.spacing.edgeNode': '18',
      'elk.spacing.edgeEdge': '12',
      'elk.spacing.edgeLabel': '6',
      'elk.layered.spacing.nodeNodeBetweenLayers': '20',
      'elk.layered.spacing.edgeNodeBetweenLayers': '12',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
      'elk.layered.considerModelOrder.strategy': 'PREFER_NODES',
      'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
      ...(isNested ? NESTED : {}),
    },
    children: nodesOf(states, ''),
    edges: arrows.map(({ from, to, lines }, i) => ({
      id: `e:${i}`,
      sources: [`s:${from}`],
      targets: [`s:${to}`],
      labels: [
        {
          text: '-',
          width: Math.ceil(Math.max(...lines.map((line) => textOf(line).length)) * CHART.char + 12),
          height: lines.length * CHART.label + 2,
          layoutOptions: { 'elk.edgeLabels.inline': 'true' },
        },
      ],
    })),
  };
  const root = await elk.layout(graph);
  const placed = new Map<string, ElkNode>();
  const visit = (node: ElkNode) => {
    placed.set(node.id, node);
    for (const child of node.children ?? []) visit(child);
  };
  visit(root);
  return {
    width: Math.ceil(root.width ?? 0),
    height: Math.ceil(root.height ?? 0),
    states: states.map(({ parent: _, ...state }) => ({
      ...state,
      ...boxOf(state, placed.get(`s:${state.key}`)),
    })),
    edges: arrows.map((arrow, i) => edgeOf(arrow, root.edges?.[i] as ElkExtendedEdge | undefined)),
  };
}

function edgeOf(arrow: Arrow, edge: ElkExtendedEdge | undefined): ChartEdge {
  const section = edge?.sections?.[0];
  const path =
    section === undefined ? [] : [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
  const label = edge?.labels?.[0];
  const { x = 0, y = 0, width = 0, height = 0 } = label ?? {};
  return { ...arrow, label: { x, y, width, height }, points: path.flatMap((p) => [round(p.x), round(p.y)]) };
}

const round = (length: number): number => Math.round(length * 10) / 10;
const boxOf = (state: ChartBoxSize, node: ElkNode | undefined) => ({
  x: round(node?.x ?? 0),
  y: round(node?.y ?? 0),
  width: round(node?.width ?? state.width),
  height: round(node?.height ?? state.height),
});

type ChartBoxSize = Pick<ChartState, 'width' | 'height'>;

/** All coordinates from the corner of the chart, those of nested states too. */
const NESTED = {
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'org.eclipse.elk.json.shapeCoords': 'ROOT',
  'org.eclipse.elk.json.edgeCoords': 'ROOT',
};

/** A state holds its children below its title. */
function nodesOf(states: readonly Unplaced[], parent: string): ElkNode[] {
  return states
    .filter((state) => state.parent === parent)
    .map(({ key, width, height }) => {
      const children = nodesOf(states, key);
      if (children.length === 0) return { id: `s:${key}`, width, height };
      const layoutOptions = {
        'elk.padding': `[top=${height + 6},left=14,bottom=14,right=14]`,
        'elk.nodeSize.constraints': 'MINIMUM_SIZE',
        'elk.nodeSize.minimum': `(${width}, ${height})`,
      };
      return { id: `s:${key}`, children, layoutOptions };
    });
}

/** Transitions with the same text share a line. */
function addLine(lines: ChartLine[], { event, guard }: TransitionDefinition, index: number): void {
  const line = {
    event: event === '' ? null : event.slice(0, MAX_TEXT),
    guard: (guard ?? '').slice(0, MAX_TEXT),
  };
  const i = lines.findIndex((each) => each.event === line.event && each.guard === line.guard);
  if (i < 0) lines.push({ ...line, transitions: [index] });
  else lines[i] = { ...line, transitions: [...(lines[i]?.transitions ?? []), index] };
}
