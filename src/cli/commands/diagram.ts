/** `diagram`: the statecharts that a run is made of, drawn from the machines. */
import { createExecutorMachine, stageMachine } from '../../../machines/index.js';
import { COMPLETED } from '../exit-codes.js';
import { mermaid } from '../output/mermaid.js';
import type { Terminal } from '../output/terminal.js';

/** @returns the exit code. */
export function diagram(ofStage: boolean, terminal: Terminal): number {
  terminal.write(mermaid(ofStage ? stageMachine.root : createExecutorMachine([]).root));
  return COMPLETED;
}
