/** Which commands each state takes (I2), written down a second time on purpose: the machine has the first. */
import type { ExecutorState } from '../../machines/index.js';
import type { Command } from '../../src/executor/commands.js';

export const LEGAL: Readonly<Record<ExecutorState, readonly Command[]>> = {
  IDLE: ['execute'],
  INITIALIZING: ['cancel'],
  EXECUTING: ['pause', 'cancel'],
  PAUSED: ['resume', 'cancel'],
  COMPLETED: [],
  FAILED: ['execute', 'resume', 'cancel'],
};
