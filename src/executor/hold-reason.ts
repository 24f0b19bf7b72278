/** The reason of a pause by itself, as long as a checkpoint takes (I27). */
import type { HoldReason } from '../../machines/context.js';

const MAX_TEXT = 300;

export function holdReason({ kind, message, advice }: HoldReason): HoldReason {
  return { kind, message: shortened(message), advice: shortened(advice) };
}

function shortened(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
}
