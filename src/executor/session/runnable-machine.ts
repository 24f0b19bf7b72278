/**
 * The executor's statechart with its actions provided: the same machine for a `PipelineExecutor` and for a parent machine.
 *
 * Owns one `ExecutorActions` for each executor actor, made at its first action. Calls in: the actions of the executor and of
 * its children. Calls out: the methods of `ExecutorActions`, which answer with events (`answers.ts`).
 */
import type { AnyActorRef } from 'xstate';
import { stageActorId, WORKERS } from '../../../machines/children.js';
import type { ExecutorContext } from '../../../machines/context.js';
import { createExecutorMachine } from '../../../machines/executor.machine.js';
import type { RunDescription } from '../../../machines/executor-events.js';
import { stageMachine } from '../../../machines/stage.machine.js';
import type { PipelineEvent } from '../../observers/events.js';
import type { AnyStage } from '../../stages/stage.js';
import { COMMANDS } from '../commands.js';
import type { ExecutionResult } from '../result.js';
import type { StageActor } from '../rows/rows.js';
import { endRunsWithActors } from './actor-lifetime.js';
import { answered, refuseForgedEvents } from './answers.js';
import type { MachineActor } from './checkpoints/checkpoint-writer.js';
import type { ExecutorActions } from './executor-actions.js';
import { stageInputs } from './stage-inputs.js';

export interface RunnableMachineOptions {
  readonly stages: readonly AnyStage[];
  /** Describes the run of an `execute` that brings no description. */
  readonly newRun: ((context: ExecutorContext, self: AnyActorRef) => RunDescription) | undefined;
  /** Made once per actor, at its first action. */
  readonly actionsOf: (actor: MachineActor) => ExecutorActions;
}

export function createRunnableMachine({ stages, newRun, actionsOf }: RunnableMachineOptions) {
  const known = new WeakMap<object, ExecutorActions>();
  const of = (actor: object): ExecutorActions => {
    let actions = known.get(actor);
    if (actions === undefined) {
      actions = actionsOf(actor as MachineActor);
      known.set(actor, actions);
    }
    return actions;
  };
  const machine = createExecutorMachine<ExecutionResult, PipelineEvent>(stageInputs(stages), {
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
      open: ({ self, context }) => of(self).openSession(context),
      reopen: ({ self }) => of(self).work.continueSession(),
      readBatches: ({ self }, request) => of(self).work.readBatches(request),
      writeBatches: ({ self }, request) => of(self).work.writeBatches(request),
      abort: ({ self }) => of(self).abortWork(),
      settled: ({ self, context }, { how }) => of(self).settleRun(how, context),
    },
  });
  refuseForgedEvents(runnable, COMMANDS);
  endRunsWithActors(runnable, (actor) => known.get(actor));
  return { machine: runnable, actionsOf: of };
}

type ActionsOf = (executor: object) => ExecutorActions;

/** The actions of a child's parent. */
const parentActions = (self: object, of: ActionsOf): ExecutorActions | undefined => {
  const executor = (self as { readonly _parent?: AnyActorRef })._parent;
  return executor === undefined ? undefined : of(executor);
};

/** Committer and publisher, working on sinks and storage. */
function runnableWorkers(of: ActionsOf) {
  return {
    committer: refuseForgedEvents(
      WORKERS.committer.provide({
        actions: {
          flushSinks: ({ self }) => parentActions(self, of)?.work.flushSinks(),
          saveCheckpoint: ({ self }) => parentActions(self, of)?.work.saveCheckpoint(),
        },
      }),
    ),
    publisher: refuseForgedEvents(
      WORKERS.publisher.provide({
        actions: {
          publishResult: ({ self }) => parentActions(self, of)?.work.publishResult(),
          deliverResult: ({ self }) => parentActions(self, of)?.work.deliverResult(),
        },
      }),
    ),
  };
}

/** A stage actor whose attempts run over its executor's rows. */
function runnableStage(index: number, of: ActionsOf) {
  return refuseForgedEvents(
    stageMachine.provide({
      actions: {
        start: ({ self }, { batches }) => {
          const rows = parentActions(self, of)?.rows;
          for (const { batch, attempt } of batches)
            rows?.startAttempt(answered(self as unknown as StageActor), index, batch, attempt);
        },
        resize: ({ self }, { concurrency }) => parentActions(self, of)?.rows?.resizeStage(index, concurrency),
        arm: ({ self }, { batch, delayMs }) =>
          parentActions(self, of)?.rows?.armRetry(answered(self as unknown as StageActor), batch, delayMs),
      },
    }),
  );
}

export type RunnableMachine = ReturnType<typeof createRunnableMachine>['machine'];
