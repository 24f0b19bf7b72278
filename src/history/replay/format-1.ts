/** Replays a recording of format 1 on today's machines: its executor had no committer and publisher, and executed their actions. */
import { WORKERS } from '../../../machines/children.js';
import { isObject } from '../../formats/json.js';
import type { ActorFrame } from '../../recording/format.js';
import type { Message } from './messages.js';

const WORKER_IDS = Object.keys(WORKERS);

const OF_FORMAT_2: readonly string[] = ['hold', 'release'];

const RENAMED: Readonly<Record<string, string>> = {
  ...{ read: 'readBatches', write: 'writeBatches', tellParent: 'notifyParent' },
};

/** Ids of children that today's executor has in addition. */
export function missingWorkers({ context }: ActorFrame, children: readonly string[]): readonly string[] {
  return isObject(context.flow) && children.length > 0 ? WORKER_IDS : [];
}

/** The messages that an executor of format 1 sent, too. Its recorded states show its requests to committer and publisher, and its
 * pauses waited for batches between two attempts. */
export function messagesOfFormat1(messages: readonly Message[]): readonly Message[] {
  return messages.filter(({ to, event }) => !WORKER_IDS.includes(to) && !OF_FORMAT_2.includes(event.type));
}

/** Actions of the executor by today's names, without those of committer and publisher. */
export function actionsOfFormat1(actions: readonly string[]): readonly string[] {
  const own = actions.filter((action) => !['flush', 'save', 'publish'].includes(action));
  return own.map((action) => RENAMED[action] ?? action);
}
