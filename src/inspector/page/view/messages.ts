/** The messages between actors around a moment, for a sequence diagram. Pure. */
import { fields, list, number, text } from '../../job/read.js';
import type { Frame, RecordingRecord } from '../records.js';

export interface Message {
  readonly index: number;
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** States, where it changed. */
  readonly moved: string;
}

/** What is no actor of the recording: source, sink, stage functions, timers, commands. */
export const OUTSIDE = 'outside';
const MOST = 24;

/** The last messages up to the moment, oldest first. @param stages in order. */
export function messagesAround(
  frame: Frame,
  recent: readonly { readonly index: number; readonly record: RecordingRecord }[],
  stages: readonly string[],
): Message[] {
  const messages: Message[] = [];
  for (const { index, record } of recent) {
    if (index > frame.index || record.type !== 'step' || record.event === null) continue;
    const { actor, event, at, from, to } = record;
    const parent = frame.actors[actor]?.parent ?? null;
    messages.push({
      ...{ index, at, to: actor, text: wordsOf(event) },
      from: senderOf(event, parent, stages, frame.actors),
      moved: JSON.stringify(from) === JSON.stringify(to) ? '' : `${stateOf(from)} → ${stateOf(to)}`,
    });
  }
  return messages.slice(-MOST);
}

const stateOf = (state: unknown): string => (typeof state === 'string' ? state : JSON.stringify(state));

/** Events that a parent sends to a child of the pipeline. */
const OF_PARENT: ReadonlySet<string> = new Set([
  ...['process', 'passed', 'hold', 'release', 'abort', 'commit', 'publish', 'tune'],
]);

/** As recorded, else as the executor's machines send them. */
function senderOf(
  event: Readonly<Record<string, unknown>>,
  parent: string | null,
  stages: readonly string[],
  actors: Frame['actors'],
): string {
  const type = text(event.type);
  const given = text(event.source);
  if (given !== '' && given in actors) return given;
  if (type.startsWith('stage.')) {
    const name = `stage:${stages[number(event.stage, -1)] ?? ''}`;
    if (name in actors) return name;
  }
  return parent !== null && OF_PARENT.has(type) ? parent : OUTSIDE;
}

function wordsOf(event: Readonly<Record<string, unknown>>): string {
  const batches = list(event.batches).map((each) =>
    number(typeof each === 'object' ? fields(each).batch : each, -1),
  );
  const batch = typeof event.batch === 'number' ? [event.batch] : batches;
  const which = batch.length === 0 ? '' : ` ${batch.slice(0, 3).join(', ')}${batch.length > 3 ? ' …' : ''}`;
  return `${text(event.type)}${which}`;
}
