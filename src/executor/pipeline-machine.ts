/**
 * The executor's machine for an app that runs it itself: as a child of its own machine, with `createActor`, in React.
 *
 * - A parent sends `execute`, `pause`, `resume` and `cancel`. It receives `xstate.done.actor.…` with the `ExecutionResult` when
 *   the run completes, and `pipeline.failed` with the error's data when it fails. FAILED is not final: `resume` and `execute`
 *   are legal there.
 * - The actor is the run (I28). When it is stopped, it aborts the work and frees lock and files.
 * - Restored from its parent's snapshot, of any age, it continues from the stored session.
 * - `toPromise(actor)` and `waitFor` reject with the original error when the run fails, and with `PipelineCancelledError` when
 *   it is cancelled.
 */

import { type AnyActorLogic, type AnyActorRef, createActor, fromCallback, type StateMachine } from 'xstate';
import { defaults } from '#defaults';
import type { ErrorData } from '../../machines/context.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { optionsNamed, readOptions } from '../formats/shape.js';
import type { Clock } from '../platform/clock.js';
import { defaultEnvironment, type Environment } from '../platform/environment.js';
import type { Logger } from '../platform/logger.js';
import { definePipeline, executorSettings } from './definition.js';
import { assertThreadsAvailable, checkWorkers, widenForWorkers } from './fusion/workers.js';
import type { Pipeline } from './pipeline.js';
import type { ExecutionResult } from './result.js';
import { RunObservers } from './run-observers.js';
import { limitedBy, type RunOptions, SHARED_OPTIONS } from './run-pipeline.js';
import { ExecutorActions } from './session/executor-actions.js';
import { continueRestoredActors } from './session/restored-actor.js';
import { createRunnableMachine, type RunnableMachine } from './session/runnable-machine.js';

/** Options of `pipelineMachine`: those of `run()`, but for what the actor's input and commands say. */
export interface PipelineMachineOptions
  extends Omit<RunOptions, 'resume' | 'fromJournal' | 'verify' | 'signal'> {}

/** Part of every input of a `pipelineMachine`. */
export interface PipelineMachineInput {
  /** A UUID. A stored session of this id is resumed, else the run begins it. Default: a new session. */
  readonly sessionId?: string;
}

/** What a parent receives when the run of its child fails. */
export interface PipelineFailedEvent {
  readonly type: 'pipeline.failed';
  readonly sessionId: string;
  readonly error: ErrorData;
}

/** The machine of `pipelineMachine`; its output is the `ExecutionResult`. */
export type PipelineMachine<T = unknown, I = PipelineMachineInput | undefined> =
  RunnableMachine extends StateMachine<
    infer Context,
    infer Event,
    infer Children,
    infer Actor,
    infer Action,
    infer Guard,
    infer Delay,
    infer Value,
    infer Tag,
    infer _Input,
    infer _Output,
    infer Emitted,
    infer Meta,
    infer Schema
  >
    ? StateMachine<
        Context,
        Event,
        Children,
        Actor,
        Action,
        Guard,
        Delay,
        Value,
        Tag,
        I,
        ExecutionResult<T>,
        Emitted,
        Meta,
        Schema
      >
    : never;

/** Makes actor logic that runs a pipeline; each actor runs in a session of its own.
 * @param pipeline what `pipeline(…)…to(…)` gave, or a function that makes it from the actor's input.
 * @throws {InvalidOptionError}
 * @example
 * const reviews = pipelineMachine((input: { file: string }) =>
 *   pipeline('reviews').from(jsonl<Review>(input.file)).pipe(classify).to(jsonl(`${input.file}.out`)));
 * const office = setup({ actors: { reviews } }); */
export function pipelineMachine<T>(
  pipeline: Pipeline<T>,
  options?: PipelineMachineOptions,
): PipelineMachine<T>;
export function pipelineMachine<T, I>(
  pipeline: (input: I) => Pipeline<T>,
  options?: PipelineMachineOptions,
): PipelineMachine<T, I & PipelineMachineInput>;
export function pipelineMachine<T, I>(
  pipeline: Pipeline<T> | ((input: I) => Pipeline<T>),
  options: PipelineMachineOptions = {},
): PipelineMachine<T> | PipelineMachine<T, I & PipelineMachineInput> {
  readOptions('pipelineMachine()', MACHINE_OPTIONS, options);
  const stateManager = options.stateManager ?? new StateManager(defaults.storage(options.stateDir));
  const machineOf = (made: Pipeline<T>) => machineFor(made, stateManager, options);
  if (typeof pipeline !== 'function') return machineOf(pipeline) as unknown as PipelineMachine<T>;
  return machineByInput((input) => machineOf(pipeline(input as I))) as unknown as PipelineMachine<
    T,
    I & PipelineMachineInput
  >;
}

const MACHINE_OPTIONS = optionsNamed(SHARED_OPTIONS);

/** A machine whose actors each get the machine that their input asks for. The input is persisted with their snapshots. */
function machineByInput(machineOf: (input: unknown) => RunnableMachine): RunnableMachine {
  const { machine } = createRunnableMachine({ stages: [], newRun: undefined, actionsOf: neverUsed });
  const logic = machine as AnyActorLogic;
  const become = (scope: object, input: unknown): AnyActorLogic => {
    const own = machineOf(input) as AnyActorLogic & { implementations: unknown };
    const { getPersistedSnapshot, implementations } = own;
    own.getPersistedSnapshot = (...args) => ({ ...getPersistedSnapshot.apply(own, args), input }) as never;
    // React replaces the implementations of an actor's machine by those of the machine that it was made from.
    Object.defineProperty(own, 'implementations', { get: () => implementations, set() {} });
    (scope as { self: { logic: AnyActorLogic } }).self.logic = own;
    return own;
  };
  logic.getInitialSnapshot = (scope, input) => become(scope, input).getInitialSnapshot(scope, input);
  logic.restoreSnapshot = (persisted, scope) =>
    become(scope, (persisted as { input?: unknown }).input).restoreSnapshot?.(persisted, scope);
  return machine;
}

function neverUsed(): never {
  throw new Error('An actor of pipelineMachine() has a machine of its own.');
}

function machineFor<T>(
  pipeline: Pipeline<T>,
  stateManager: StateManager,
  options: PipelineMachineOptions,
): RunnableMachine {
  const workers = options.workers === undefined ? {} : { workers: checkWorkers(options.workers) };
  const stages = widenForWorkers(pipeline.stages, workers.workers);
  const definition = definePipeline(limitedBy(options, pipeline), stages);
  if (workers.workers !== undefined) assertThreadsAvailable(definition);
  const own: Environment = { ...defaultEnvironment(), ...options.environment };
  const given = new WeakMap<object, string>();
  const { machine, actionsOf } = createRunnableMachine({
    stages,
    newRun(context, self) {
      if (context.startedAt === 0 && context.sessionId !== '') given.set(self, context.sessionId);
      return {
        sessionId: given.get(self) ?? own.newSessionId(),
        pipeline: definition.name,
        startedAt: Math.round(environmentOf(self, own, options.environment).clock.now()),
        settings: executorSettings(definition, stateManager),
      };
    },
    actionsOf(actor) {
      const environment = environmentOf(actor as unknown as AnyActorRef, own, options.environment);
      const observers = new RunObservers(environment);
      for (const observer of options.observers ?? []) observers.add(observer);
      return new ExecutorActions(actor, {
        ...{ stages, stateManager, environment, definition, observers, ...workers },
        force: options.force ?? false,
        recording: { isStored: options.record === true, sinks: new Map() },
        onCompleted: async (sessionId) => {
          if (options.cleanup === true) await stateManager.cleanupCheckpoints(sessionId);
          if (options.keep !== undefined) await stateManager.removeOldest(options.keep);
        },
        onEnd: () => observers.bus.complete(),
      });
    },
  });
  continueRestoredActors(machine, stages, actionsOf);
  return machine;
}

/** XState's own clock and logger, to tell those that `createActor` was given from them. */
const XSTATE = createActor(fromCallback(() => {})) as unknown as GivenToActor;

interface GivenToActor {
  readonly clock: {
    setTimeout(fn: () => void, ms: number): unknown;
    clearTimeout(id: unknown): void;
    now?(): number;
  };
  readonly logger: (...args: unknown[]) => void;
}

/** The options' environment, with the clock and the logger that `createActor` was given. */
function environmentOf(
  actor: AnyActorRef,
  own: Environment,
  options: Partial<Environment> = {},
): Environment {
  const { clock, logger } = actor as unknown as GivenToActor;
  return {
    ...own,
    ...(options.clock === undefined && clock !== XSTATE.clock ? { clock: clockOf(clock, own.clock) } : {}),
    ...(options.logger === undefined && logger !== XSTATE.logger ? { logger: loggerOf(logger) } : {}),
  };
}

function clockOf(clock: GivenToActor['clock'], system: Clock): Clock {
  return {
    now: () => clock.now?.() ?? system.now(),
    monotonic: () => clock.now?.() ?? system.monotonic(),
    setTimer(callback, delayMs, { keepsProcessAlive = true } = {}) {
      const timer: unknown = clock.setTimeout(callback, delayMs);
      if (!keepsProcessAlive) (timer as { unref?(): void } | undefined)?.unref?.();
      return () => clock.clearTimeout(timer);
    },
  };
}

function loggerOf(log: GivenToActor['logger']): Logger {
  const say: Logger['warn'] = (message, fields) =>
    fields === undefined ? log(message) : log(message, fields);
  return { debug() {}, info() {}, warn: say, error: say };
}
