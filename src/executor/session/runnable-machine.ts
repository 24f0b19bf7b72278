/**
 * The executor's statechart with its actions provided: the same machine for a `PipelineExecutor` and for a parent machine.
 *
 * Owns one `Controller` for each executor actor, made at its first action. Calls in: the machine's actions. Calls out:
 * `Controller` and its `Run`, which answer with events (`answers.ts`).
 */
import type { AnyActorRef } from 'xstate';
import { createExecutorMachine, stageActorId, WORKERS } from '../../../machines/executor.machine.js';
import type { RunDescription } from '../../../machines/executor-events.js';
import { stageMachine } from '../../../machines/stage.machine.js';
import type { AnyStage } from '../../stages/stage.js';
import type { ExecutionResult } from '../result.js';
import type { StageActor } from '../rows/rows.js';
import type { MachineActor } from './checkpoint-writer.js';
import type { Controller } from './controller.js';
import { stageInputs } from './stage-inputs.js';

export interface RunnableMachineOptions {
  readonly stages: readonly AnyStage[];
  /** Describes the run of an `execute` that brings no description. */
  readonly newRun: (() => RunDescription) | undefined;
  /** Made once per actor, at its first action. */
  readonly controllerOf: (actor: MachineActor) => Controller;
}

export function createRunnableMachine({ stages, newRun, controllerOf }: RunnableMachineOptions) {
  const controllers = new WeakMap<object, Controller>();
  const of = (actor: object): Controller => {
    let controller = controllers.get(actor);
    if (controller === undefined) {
      controller = controllerOf(actor as MachineActor);
      controllers.set(actor, controller);
    }
    return controller;
  };
  const machine = createExecutorMachine<ExecutionResult>(stageInputs(stages), {
    ...(newRun === undefined ? {} : { newRun }),
    output: (context, self) => of(self).result(context),
  });
  const runnable = machine.provide({
    actors: {
      ...Object.fromEntries(
        stages.map((stage, index) => [stageActorId(stage.name), runnableStage(index, of)]),
      ),
      ...runnableWorkers(of),
    },
    actions: {
      open: ({ self, context }) => of(self).open(context),
      abort: ({ self }) => of(self).abort(),
      reopen: ({ self, context }) => of(self).reopen(context),
      settled: ({ self, context }, { how }) => of(self).settled(how, context),
    },
  });
  return { machine: runnable, controllerOf: of };
}

type ControllerOf = (executor: object) => Controller;

/** The run of a child's parent. */
const runOf = (self: object, of: ControllerOf) => {
  const executor = (self as { readonly _parent?: AnyActorRef })._parent;
  return executor === undefined ? undefined : of(executor).run;
};

/** Reader, writer, committer and publisher, working on source, sinks and storage. */
function runnableWorkers(of: ControllerOf) {
  return {
    reader: WORKERS.reader.provide({
      actions: { readBatches: ({ self }, request) => runOf(self, of)?.read(request) },
    }),
    writer: WORKERS.writer.provide({
      actions: { writeBatches: ({ self }, request) => runOf(self, of)?.write(request) },
    }),
    committer: WORKERS.committer.provide({
      actions: {
        flushSinks: ({ self }) => runOf(self, of)?.flush(),
        saveCheckpoint: ({ self }) => runOf(self, of)?.save(),
      },
    }),
    publisher: WORKERS.publisher.provide({
      actions: { publishResult: ({ self }) => runOf(self, of)?.publish() },
    }),
  };
}

/** A stage actor whose attempts run in its parent's data plane. */
function runnableStage(index: number, of: ControllerOf) {
  return stageMachine.provide({
    actions: {
      start: ({ self }, { batches }) => {
        const rows = runOf(self, of)?.rows;
        for (const { batch, attempt } of batches)
          rows?.startAttempt(self as unknown as StageActor, index, batch, attempt);
      },
      arm: ({ self }, { batch, delayMs }) =>
        runOf(self, of)?.rows?.armRetry(self as unknown as StageActor, batch, delayMs),
    },
  });
}

export type RunnableMachine = ReturnType<typeof createRunnableMachine>['machine'];
