/** Which commands the machine's state takes (I2): asked of the machine, never listed a second time. */

export type Command = 'execute' | 'pause' | 'resume' | 'cancel';

export const COMMANDS: readonly Command[] = ['execute', 'pause', 'resume', 'cancel'];

/** The executor's snapshot, as far as it is needed here. */
export interface AskableSnapshot {
  can(event: { readonly type: Command }): boolean;
}

/** Beside these, `resume` with the id of a stored session is legal on an executor that is IDLE. */
export function legalCommands(snapshot: AskableSnapshot): Command[] {
  return COMMANDS.filter((type) => snapshot.can({ type }));
}
