/**
 * The executor's machine for an app that runs it itself, as a child of its own machine for example.
 *
 * A parent sends `execute`, `pause`, `resume` and `cancel`; it hears `xstate.done.actor.…` with the `ExecutionResult` when
 * the run completes, and `pipeline.failed` with the error's facts when it fails (the actor lives on: `resume` and `execute`
 * are legal there). A snapshot persisted by the parent goes through `restoreSnapshot` before it is used again (I18).
 */
import { defaults } from '#defaults';
import { StateManager } from '../checkpoint/state-manager.js';
import { attachObserver, type PipelineObserver } from '../observers/attach.js';
import { EventBus } from '../observers/event-bus.js';
import { defaultEnvironment, type Environment } from '../platform/environment.js';
import { definePipeline } from './definition.js';
import type { Pipeline } from './pipeline.js';
import { stamped } from './publish.js';
import { ExecutorActions } from './session/executor-actions.js';
import { createRunnableMachine, type RunnableMachine } from './session/runnable-machine.js';

/** Options of `pipelineMachine`. */
export interface PipelineMachineOptions {
  /** Where sessions are kept, in Node. Default `.xstate-pipeline`. */
  readonly stateDir?: string;
  readonly stateManager?: StateManager;
  readonly observers?: readonly PipelineObserver[];
  /** Records each run into its session's directory. Default false. */
  readonly record?: boolean;
  readonly environment?: Partial<Environment>;
}

/** @param pipeline what `pipeline(…)…to(…)` gave.
 * @returns actor logic: each actor made from it runs the pipeline in a session of its own.
 * @example
 * const office = setup({ actors: { reviews: pipelineMachine(reviews) } });
 */
export function pipelineMachine(
  pipeline: Pipeline<unknown>,
  options: PipelineMachineOptions = {},
): RunnableMachine {
  const { stages } = pipeline;
  const definition = definePipeline(pipeline, stages);
  const environment: Environment = { ...defaultEnvironment(), ...options.environment };
  const stateManager = options.stateManager ?? new StateManager(defaults.storage(options.stateDir));
  const { clock, logger, newSessionId } = environment;
  const observerFailed = (error: unknown) =>
    logger.warn('An observer failed and was detached; the run goes on.', { message: String(error) });
  const bus = new EventBus(observerFailed);
  for (const observer of options.observers ?? []) attachObserver(bus.events$, observer, observerFailed);
  const { machine } = createRunnableMachine({
    stages,
    newRun: () => ({
      sessionId: newSessionId(),
      pipeline: definition.name,
      startedAt: Math.round(clock.now()),
      settings: {
        maxInFlight: definition.maxInFlight,
        maxCrashes: definition.maxCrashes,
        checkpointInterval: definition.checkpointInterval ?? stateManager.checkpointInterval,
      },
    }),
    actionsOf: (actor) =>
      new ExecutorActions(actor, {
        ...{ stages, stateManager, environment, definition },
        recording: { isStored: options.record === true, sinks: new Map() },
        publish: (sessionId, draft) => {
          if (bus.observed) bus.publish(stamped(sessionId, clock.now(), draft));
        },
      }),
  });
  return machine;
}
