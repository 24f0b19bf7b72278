/** Where the runtime's answers go: to the child that made the request, and otherwise to the executor itself. */
import type { WORKERS } from '../../../machines/executor.machine.js';
import type { ExecutorEvent } from '../../../machines/executor-events.js';
import type { MachineActor } from './checkpoints/checkpoint-writer.js';

type WorkerId = keyof typeof WORKERS;

const WORKER_OF: { readonly [Type in ExecutorEvent['type']]?: WorkerId } = {
  'sink.flushed': 'committer',
  'checkpoint.saved': 'committer',
  'minimumPause.over': 'committer',
  'sink.published': 'publisher',
};

interface Parent {
  readonly children: { readonly [id in WorkerId]?: { send(event: ExecutorEvent): void } };
}

/** Sends an answer of the runtime into an executor's actor. */
export function sendAnswer(actor: MachineActor, event: ExecutorEvent): void {
  const worker = WORKER_OF[event.type];
  const receiver = worker === undefined ? actor : (actor.getSnapshot() as Parent).children[worker];
  receiver?.send(event);
}
