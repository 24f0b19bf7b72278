/**
 * The picture of a statechart, as data: laid out in Node (`layout.ts`), drawn by the page. Lengths are in pixels at scale 1.
 */

/** A transition as a line of text. */
export interface ChartLine {
  /** Indices in the definition's list of transitions, by which a recorded step names one; several read the same. */
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
  readonly key: string;
  readonly final: boolean;
  readonly initial: boolean;
  /** What it does without being left. */
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
  /** For a page that is wider than high, and for one that is not. */
  readonly wide: ChartLayout;
  readonly tall: ChartLayout;
}

/** Room for text, measured in a monospaced face: what the layout reserves is what the page draws. */
export const CHART = { line: 15.5, char: 6.7, title: 31, padding: 11, radius: 9, label: 16 } as const;

export const textOf = (line: ChartLine): string => {
  const guard = line.guard === '' ? '' : `[${line.guard}]`;
  if (line.event === null) return guard || 'always';
  return guard === '' ? line.event : `${line.event} ${guard}`;
};
