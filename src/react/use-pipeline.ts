/**
 * `usePipeline()`: an executor whose lifetime is that of a component.
 *
 * 1. A component that unmounts stops the actor, which aborts the work and frees the session (I28). StrictMode unmounts and
 *    mounts again at once: the stop waits for a microtask, and the second mount withdraws it.
 * 2. A component that is shown again later (Activity) has a stopped executor, and gets a new one.
 * 3. Commands do not reject: their error is in `error`. A command that is illegal in the current state does nothing.
 */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { defaults } from '#defaults';
import type { ExecutorState } from '../../machines/context.js';
import { StateManager } from '../checkpoint/state-manager.js';
import type { Command } from '../executor/commands.js';
import type { PipelineLike } from '../executor/definition.js';
import { PipelineExecutor } from '../executor/pipeline-executor.js';
import type { ExecutionResult } from '../executor/result.js';
import type { PipelineObserver } from '../observers/attach.js';
import type { Environment } from '../platform/environment.js';
import type { AnyStage } from '../stages/stage.js';
import { ThrottledStore } from './throttled-store.js';

/** A pipeline as `pipeline(…).from(…).pipe(…).to(…)` makes it. */
export type RunnablePipeline<T> = PipelineLike<unknown, T> & {
  /** In order. */
  readonly stages: readonly AnyStage[];
};

/** How a component runs a pipeline. Read at the first render; give the component another `key` to change them. */
export interface UsePipelineOptions {
  /** Begins when the component mounts. Default false. */
  readonly autoStart?: boolean | undefined;
  /** Where sessions are stored. Default: in memory in a browser. */
  readonly stateManager?: StateManager | undefined;
  /** See `addObserver` of the executor. */
  readonly observers?: readonly PipelineObserver[] | undefined;
  /** Clock, random numbers, file system, logger; for tests. */
  readonly environment?: Partial<Environment> | undefined;
}

/** A run, for a component. */
export interface PipelineHandle<T> {
  /** For `useProgress`, `useEvents` and an inspector. Another one when a hidden component is shown again. */
  readonly executor: PipelineExecutor<T>;
  readonly state: ExecutorState;
  /** Of a completed run. */
  readonly result: ExecutionResult<T> | undefined;
  /** What the last run or command failed with. */
  readonly error: unknown;
  /** Whether the command is legal now. */
  readonly can: (command: Command) => boolean;
  /** Runs the pipeline. Does nothing where that is illegal. */
  readonly execute: () => void;
  /** Finishes the batches in flight, and saves. Does nothing where that is illegal. */
  readonly pause: () => void;
  /** Resumes the run, or a stored session. Does nothing where that is illegal. */
  readonly resume: (sessionId?: string) => void;
  /** Aborts every stage, and keeps the checkpoint. Does nothing where that is illegal. */
  readonly cancel: () => void;
}

interface Outcome<T> {
  readonly result?: ExecutionResult<T>;
  readonly error?: unknown;
}

/**
 * Runs a pipeline for as long as a component is mounted.
 *
 * @param pipeline read at the first render, or a function that makes it then.
 * @returns the state, the result and the commands; their functions stay the same from render to render.
 * @example
 * const { state, executor, execute, pause, resume } = usePipeline(labels);
 * const { rowsIn } = useProgress(executor);
 * return <button onClick={state === 'PAUSED' ? () => resume() : execute}>{state} {rowsIn}</button>;
 */
export function usePipeline<T>(
  pipeline: RunnablePipeline<T> | (() => RunnablePipeline<T>),
  options: UsePipelineOptions = {},
): PipelineHandle<T> {
  const [whole] = useState(pipeline);
  const [made] = useState(() => options);
  const create = useCallback(() => createExecutor(whole, made), [whole, made]);
  const [executor, setExecutor] = useState(create);
  const [outcome, setOutcome] = useState<Outcome<T>>({});
  const isMounted = useRef(false);

  useEffect(() => {
    isMounted.current = true;
    if (executor.actor.getSnapshot().status === 'stopped' || stopped.has(executor)) setExecutor(create);
    return () => {
      isMounted.current = false;
      queueMicrotask(() => {
        if (isMounted.current) return;
        stopped.add(executor);
        executor.actor.stop();
      });
    };
  }, [executor, create]);

  const commands = useMemo(() => {
    const report = (promise: Promise<unknown>) => promise.catch((error: unknown) => setOutcome({ error }));
    const settle = (run: Promise<ExecutionResult<T>>) => report(run.then((result) => setOutcome({ result })));
    return {
      can: (command: Command) => executor.can(command),
      execute: () => {
        if (executor.can('execute')) void settle(executor.execute(whole as never));
      },
      pause: () => {
        if (executor.can('pause')) void report(executor.pause());
      },
      resume: (sessionId?: string) => {
        if (executor.can('resume')) void settle(executor.resume());
        else if (typeof sessionId === 'string' && executor.state === 'IDLE')
          void settle(executor.resume(sessionId, whole as never));
      },
      cancel: () => {
        if (executor.can('cancel')) void report(executor.cancel());
      },
    };
  }, [executor, whole]);

  useEffect(() => {
    if (made.autoStart === true && executor.state === 'IDLE' && !stopped.has(executor)) commands.execute();
  }, [commands, executor, made]);

  const states = useMemo(
    () => new ThrottledStore<ExecutorState, ExecutorState>(executor.state$, 'IDLE', (_, state) => state),
    [executor],
  );
  const state = useSyncExternalStore(states.subscribe, states.snapshot, states.initialSnapshot);
  return { executor, state, result: outcome.result, error: outcome.error, ...commands };
}

/** Executors whose component has unmounted. */
const stopped = new WeakSet<object>();

function createExecutor<T>(whole: RunnablePipeline<T>, options: UsePipelineOptions): PipelineExecutor<T> {
  const { stateManager = new StateManager(defaults.storage(undefined)), observers, environment } = options;
  return new PipelineExecutor<T>(whole.stages as never, stateManager, observers, environment);
}
