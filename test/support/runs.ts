/** Short words for what the executor's tests do over and over. */
import {
  type AnyStage,
  collect,
  type Environment,
  memoryStorage,
  type PipelineEvent,
  PipelineExecutor,
  type PipelineOptions,
  rows,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import type { ManualClock } from '../../src/testing/manual-clock.js';

export interface Row {
  readonly n: number;
}

export const numbers = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ n }));

export interface Harness {
  readonly executor: PipelineExecutor<Row>;
  readonly events: PipelineEvent[];
  readonly sink: ReturnType<typeof collect<Row>>;
  readonly stateManager: StateManager;
  /** Starts it; the promise never goes unhandled. */
  start(): Promise<Awaited<ReturnType<PipelineExecutor<Row>['execute']>>>;
  /** Resolves at the first event that fits. */
  event(type: PipelineEvent['type'], fits?: (event: PipelineEvent) => boolean): Promise<PipelineEvent>;
}

export function harness(
  stages: readonly AnyStage[],
  options: {
    readonly count?: number;
    readonly source?: Iterable<Row> | AsyncIterable<Row>;
    readonly pipeline?: PipelineOptions;
    readonly stateManager?: StateManager;
    readonly environment?: Partial<Environment>;
    readonly sink?: ReturnType<typeof collect<Row>>;
  } = {},
): Harness {
  const stateManager = options.stateManager ?? new StateManager(memoryStorage(), { checkpointInterval: 20 });
  const sink = options.sink ?? collect<Row>();
  const events: PipelineEvent[] = [];
  const waiting: {
    type: string;
    fits: (event: PipelineEvent) => boolean;
    resolve: (event: PipelineEvent) => void;
  }[] = [];
  const executor = new PipelineExecutor<Row>(
    stages,
    stateManager,
    [
      {
        next(event) {
          events.push(event);
          for (const wait of waiting) if (wait.type === event.type && wait.fits(event)) wait.resolve(event);
        },
      },
    ],
    { logger: silentLogger, ...options.environment },
  );
  return {
    executor,
    events,
    sink,
    stateManager,
    start() {
      const source = options.source ?? rows(numbers(options.count ?? 100));
      const run = executor.execute({
        name: 'test',
        source,
        sink,
        options: { batchSize: 10, ...options.pipeline },
      });
      run.catch(() => {});
      return run;
    },
    event(type, fits = () => true) {
      return new Promise((resolve) => waiting.push({ type, fits, resolve }));
    },
  };
}

/** A gate that a stage waits at. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Ends every backoff at once. @returns the delays, in milliseconds, as they come. */
export function skipDelays(executor: PipelineExecutor, clock: ManualClock): readonly number[] {
  const delays: number[] = [];
  executor.addObserver({
    next(event) {
      if (event.type !== 'batch.retried') return;
      delays.push(event.delayMs);
      queueMicrotask(() => clock.advance(event.delayMs));
    },
  });
  return delays;
}
