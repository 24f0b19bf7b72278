/** `diagram`: the statechart of the executor or of one of its children, generated from the machine. */
import { createExecutorMachine, stageMachine, WORKERS } from '../../../machines/index.js';
import { COMPLETED } from '../exit-codes.js';
import { mermaid } from '../output/mermaid.js';
import type { Terminal } from '../output/terminal.js';

const CHILDREN = { stage: stageMachine, ...WORKERS } as const;

/** The child whose chart is drawn. Default: the executor's. */
export type ChartOptions = { readonly [name in keyof typeof CHILDREN]?: boolean };

/** @returns the exit code. */
export function diagram(options: ChartOptions, terminal: Terminal): number {
  const names = Object.keys(CHILDREN) as (keyof typeof CHILDREN)[];
  const chosen = names.find((name) => options[name] === true);
  terminal.write(mermaid(chosen === undefined ? createExecutorMachine([]).root : CHILDREN[chosen].root));
  return COMPLETED;
}
