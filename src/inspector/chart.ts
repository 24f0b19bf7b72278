/**
 * A statechart's layout as data: made in Node (`layout.ts`), drawn by the page. Lengths are in pixels at scale 1.
 */

/** A transition as a line of text. */
export interface ChartLine {
  /** Indices in the definition's list of transitions. Several transitions can have the same text. */
  readonly transitions: readonly number[];
  /** Null: eventless. */
  readonly event: string | null;
  /** The guard's name; empty: none. */
  readonly guard: string;
}

export interface ChartBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ChartState extends ChartBox {
  /** Its path. */
  readonly key: string;
  /** The last part of the path. */
  readonly name: string;
  /** `outer` states hold their children, one of which is active; of `parallel` ones, all are. */
  readonly kind: 'inner' | 'outer' | 'parallel';
  readonly final: boolean;
  readonly initial: boolean;
  /** Transitions that do not leave the state. */
  readonly inside: readonly ChartLine[];
}

/** All transitions from one state to another. */
export interface ChartEdge {
  readonly from: string;
  readonly to: string;
  readonly lines: readonly ChartLine[];
  readonly label: ChartBox;
  /** x, y, x, y … from the source's border to the target's. */
  readonly points: readonly number[];
}

export interface ChartLayout {
  readonly width: number;
  readonly height: number;
  readonly states: readonly ChartState[];
  readonly edges: readonly ChartEdge[];
}

export interface Chart {
  readonly id: string;
  /** For a landscape page and for a portrait page. */
  readonly wide: ChartLayout;
  readonly tall: ChartLayout;
}

/** Sizes of monospaced text, shared by layout and page. */
export const CHART = { line: 15.5, char: 6.7, title: 31, padding: 11, radius: 9, label: 16 } as const;

export const textOf = (line: ChartLine): string => {
  const guard = line.guard === '' ? '' : `[${line.guard}]`;
  if (line.event === null) return guard || 'always';
  return guard === '' ? line.event : `${line.event} ${guard}`;
};
