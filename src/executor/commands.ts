/** Which commands are legal (I2): the machine's snapshot answers. One exception: the machine keeps a `pause` that a parent sends
 * in INITIALIZING; the facade accepts `pause` in EXECUTING only. */
import { IllegalCommandError } from '../errors.js';

export type Command = 'execute' | 'pause' | 'resume' | 'cancel';

export const COMMANDS: readonly Command[] = ['execute', 'pause', 'resume', 'cancel'];

/** The executor's snapshot, as far as it is needed here. */
export interface AskableSnapshot {
  readonly value: unknown;
  can(event: { readonly type: Command }): boolean;
}

/** Beside these, `resume` with the id of a stored session is legal on an executor that is IDLE. */
export function legalCommands(snapshot: AskableSnapshot): Command[] {
  return COMMANDS.filter((type) => isOffered(type, snapshot.value) && snapshot.can({ type }));
}

/** @throws {IllegalCommandError} naming the legal commands. */
export function assertLegal(command: Command, snapshot: AskableSnapshot): void {
  const legal = legalCommands(snapshot);
  if (!legal.includes(command)) throw new IllegalCommandError(command, String(snapshot.value), legal);
}

/** Whether the facade offers what the machine's state takes. */
export function isOffered(command: Command, state: unknown): boolean {
  return command !== 'pause' || state !== 'INITIALIZING';
}
