/** What a viewer may say. Pure. */

/** Events that a viewer may send to the run; everything else that the machine reacts to is its wiring's to send. */
export const COMMANDS = ['execute', 'pause', 'resume', 'cancel'] as const;
export type ClassicCommand = (typeof COMMANDS)[number];

export type Said =
  | { readonly type: 'inspecting' }
  | { readonly type: 'event'; readonly to: string; readonly event: string };

/** @returns undefined for what is malformed, forged or unknown. */
export function parseSaid(text: string): Said | undefined {
  const message = recordOf(text);
  if (message?.type === 'xstate.inspecting') return { type: 'inspecting' };
  if (message?.type !== 'xstate.event') return undefined;
  const event = recordOf(message.event);
  const { origin, name } = event ?? {};
  return typeof origin === 'string' && typeof name === 'string'
    ? { type: 'event', to: origin, event: name }
    : undefined;
}

export function isCommand(type: string): type is ClassicCommand {
  return (COMMANDS as readonly string[]).includes(type);
}

function recordOf(text: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
