/**
 * The runtime's answers to the machines, which no other code can send.
 *
 * An answer goes to the child that made the request, otherwise to the executor. It is sealed (`machines/report.ts`). The
 * runtime's machines accept sealed events, commands and XState's own events; any other event has no effect.
 */
import type { AnyActorLogic } from 'xstate';
import type { WORKERS } from '../../../machines/children.js';
import type { ExecutorEvent } from '../../../machines/executor-events.js';
import { sealEvent, takeSeal } from '../../../machines/report.js';
import type { StageActor } from '../rows/rows.js';
import type { MachineActor } from './checkpoints/checkpoint-writer.js';

type WorkerId = keyof typeof WORKERS;

const WORKER_OF: { readonly [Type in ExecutorEvent['type']]?: WorkerId } = {
  'sink.flushed': 'committer',
  'checkpoint.saved': 'committer',
  'minimumPause.over': 'committer',
  'sink.published': 'publisher',
  'output.delivered': 'publisher',
  'delivery.held': 'publisher',
};

interface Parent {
  readonly children: { readonly [id in WorkerId]?: { send(event: ExecutorEvent): void } };
}

/** Sends an answer of the runtime into an executor's actor. */
export function sendAnswer(actor: MachineActor, event: ExecutorEvent): void {
  const worker = WORKER_OF[event.type];
  const receiver = worker === undefined ? actor : (actor.getSnapshot() as Parent).children[worker];
  receiver?.send(sealEvent(event));
}

/** Makes a machine of the runtime ignore events that neither the runtime nor one of its machines sent.
 * @param commands types that any code may send. */
export function refuseForgedEvents<Machine extends object>(
  machine: Machine,
  commands: readonly string[] = [],
): Machine {
  const logic = machine as unknown as AnyActorLogic;
  const { transition } = logic;
  logic.transition = (snapshot, event, scope) => {
    const { type } = event;
    const isAllowed = takeSeal(event) || commands.includes(type) || type.startsWith('xstate.');
    return isAllowed ? transition.call(logic, snapshot, event, scope) : snapshot;
  };
  return machine;
}

const sealing = new WeakMap<object, StageActor>();

/** A stage's actor, as its attempts answer it: the same object for the same actor. */
export function answered(actor: StageActor): StageActor {
  let answeredActor = sealing.get(actor);
  if (answeredActor === undefined) {
    answeredActor = {
      send: (event: Parameters<StageActor['send']>[0]) => actor.send(sealEvent(event)),
    } as StageActor;
    sealing.set(actor, answeredActor);
  }
  return answeredActor;
}
