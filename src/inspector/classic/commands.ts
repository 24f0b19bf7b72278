/** Messages that a viewer may send. Pure. */

/** Events that a viewer may send to the run. The machine's other events come from its runtime alone. */
export const COMMANDS = ['execute', 'pause', 'resume', 'cancel'] as const;
export type ClassicCommand = (typeof COMMANDS)[number];

export type Said =
  | { readonly type: 'inspecting' }
  | { readonly type: 'event'; readonly to: string; readonly event: string };

/** @returns undefined for a malformed, forged or unknown message. */
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
