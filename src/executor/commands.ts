/** Which commands the machine's state takes (I2): asked of the machine, never listed a second time.
 * Except `pause`: the machine keeps one that a parent sends in INITIALIZING, and the facade takes it in EXECUTING only. */

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

/** Whether the facade offers what the machine's state takes. */
export function isOffered(command: Command, state: unknown): boolean {
  return command !== 'pause' || state !== 'INITIALIZING';
}
