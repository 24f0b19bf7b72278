/**
 * The executor's statechart with hands: the same machine whether a `PipelineExecutor` runs it or a parent machine does.
 * Each actor made from it gets its own `Controller`.
 */
import type { AnyActorRef } from 'xstate';
import { createExecutorMachine, stageActorId } from '../../../machines/executor.machine.js';
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
  /** Facts of a run whose `execute` brings none. */
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
    actors: Object.fromEntries(
      stages.map((stage, index) => [stageActorId(stage.name), runnableStage(index, of)]),
    ),
    actions: {
      open: ({ self, context }) => of(self).open(context),
      read: ({ self }, params) => of(self).run?.read(params),
      write: ({ self, context }, { upTo }) => of(self).run?.write(context.written.batches, upTo),
      flush: ({ self }) => of(self).run?.flush(),
      save: ({ self }) => of(self).run?.save(),
      publish: ({ self }) => of(self).run?.publish(),
      abort: ({ self }) => of(self).abort(),
      reopen: ({ self, context }) => of(self).reopen(context),
      settled: ({ self, context }, { how }) => of(self).settled(how, context),
    },
  });
  return { machine: runnable, controllerOf: of };
}

/** A stage actor whose attempts run in its parent's data plane. */
function runnableStage(index: number, of: (executor: object) => Controller) {
  const rowsOf = (self: AnyActorRef) => {
    const executor = (self as unknown as { _parent?: AnyActorRef })._parent;
    return executor === undefined ? undefined : of(executor).run?.rows;
  };
  return stageMachine.provide({
    actions: {
      start: ({ self }, { batches }) => {
        const rows = rowsOf(self as AnyActorRef);
        for (const { batch, attempt } of batches)
          rows?.startAttempt(self as unknown as StageActor, index, batch, attempt);
      },
      arm: ({ self }, { batch, delayMs }) =>
        rowsOf(self as AnyActorRef)?.armRetry(self as unknown as StageActor, batch, delayMs),
    },
  });
}

export type RunnableMachine = ReturnType<typeof createRunnableMachine>['machine'];
