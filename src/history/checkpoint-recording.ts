/** Shows a session without a recording: a recording of one frame, made from its checkpoint. */

import { stageActorId } from '../../machines/children.js';
import { createExecutorMachine } from '../../machines/executor.machine.js';
import { stageMachine } from '../../machines/stage.machine.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import { isObject } from '../formats/json.js';
import { Recorder } from '../recording/recorder.js';

/** @returns the lines of the recording; '' for a malformed snapshot. */
export function checkpointRecording(checkpoint: Checkpoint): string {
  const { sessionId, pipeline, epoch, savedAt } = checkpoint;
  const snapshot = checkpoint.snapshot as Persisted;
  const stages = namesOf(snapshot);
  let text = '';
  const children = stages.flatMap((name) => {
    const id = stageActorId(name);
    const child = snapshot.children?.[id]?.snapshot;
    return child === undefined ? [] : [[id, inertActor(child, stageMachine)] as const];
  });
  const machine = createExecutorMachine(stages.map((name) => ({ name, concurrency: 1, attempts: 1 })));
  const executor = inertActor({ ...snapshot, children: Object.fromEntries(children) }, machine);
  const recorder = new Recorder(executor, {
    sink: {
      write(line) {
        text += line;
      },
    },
    now: () => savedAt,
    ...{ sessionId, pipeline, stages, epoch },
    onFailure: () => {
      text = '';
    },
  });
  recorder.end('the checkpoint; the run was not recorded');
  return text;
}

interface Persisted {
  readonly context?: unknown;
  readonly children?: Readonly<Record<string, { readonly snapshot?: Persisted } | undefined>>;
}

/** An actor that only has a snapshot. */
function inertActor(snapshot: object, machine: unknown) {
  return {
    system: { inspect: () => ({ unsubscribe() {} }) },
    getSnapshot: () => ({ children: {}, ...snapshot, machine }),
  };
}

function namesOf({ context }: Persisted): string[] {
  const stages = isObject(context) && Array.isArray(context.stages) ? (context.stages as unknown[]) : [];
  return stages.filter((name) => typeof name === 'string');
}
