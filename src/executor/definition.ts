/**
 * A pipeline, put together and checked: what `pipeline(…)…to(…)` gives and what `execute` takes.
 */
import { type ExecutorSettings, type JsonObject, MAX_WINDOW } from '../../machines/context.js';
import { everyMs } from '../checkpoint/state-manager.js';
import { InvalidOptionError } from '../errors.js';
import {
  anything,
  oneOf,
  optional,
  options,
  readOption,
  readOptions,
  whole,
  withDefault,
} from '../formats/shape.js';
import type { Limiter } from '../limits/limiter.js';
import type { Sink } from '../sinks/sink.js';
import type { Source } from '../sources/source.js';
import {
  type Budget,
  changeBudget,
  inBudgetUnits,
  type SessionBudget,
  sessionBudgetOption,
} from '../spending/budget.js';
import type { AnyStage, OnError } from '../stages/stage.js';
import {
  type Deliver,
  type DeliverOptions,
  type DeliveryPolicy,
  deliverOption,
} from './delivery/deliver-option.js';
import { assertDistinctPaths } from './endpoints/distinct-files.js';
import { type SinkLike, type SourceLike, toSink, toSource } from './endpoints/endpoints.js';
import { resultSinks } from './keyed/result-sinks.js';
import { type LossLimits, type LossOptions, lossLimits } from './loss-limits.js';
import { assertCheckpointFits } from './session/checkpoints/fit-checkpoint.js';

/** Options of a pipeline; all have defaults. */
export interface PipelineOptions {
  /** Rows a batch at most. Default 512. A resumed session keeps the size that it began with. */
  readonly batchSize?: number;
  /** Batches in flight at most: the window (I13), 1 to 512. Default: the slots of all stages that
   * have more than one, and those of the widest once more; at least 4. */
  readonly maxInFlight?: number;
  /** Rows of the source between checkpoints. Default: the `StateManager`'s. */
  readonly checkpointInterval?: number;
  /** Milliseconds between checkpoints, where rows come slowly; `false`: never by time. Default: the `StateManager`'s,
   * else 5,000. */
  readonly checkpointEveryMs?: number | false;
  /** Crashes with a batch in flight after which the batch is quarantined, from 2. Default 3. */
  readonly maxCrashes?: number;
  /** What happens to a quarantined batch. Default 'fail': the run fails with its number, and a later resume tries it again. */
  readonly onPoison?: OnError;
  /** When the run stops losing rows, where `onError` is not `'fail'`. Default: it pauses by itself when the last 100 rows of a
   * stage, or of the source, were all lost. `false`: never. */
  readonly losses?: LossOptions | false;
  /** Rows that a new session works on before it pauses by itself, with a projection of the rest. A resume continues. Default: none. */
  readonly sample?: number;
  /** Receives rows that fail under `'dead-letter'`. Default: a file beside the sink's. */
  readonly deadLetter?: SinkLike<JsonObject>;
  /** What the session may spend, over all its processes, before it pauses by itself. Decided before each call of a stage with
   * `estimate`, `budget`, `limit` or `rowsPerCall`. Default: no limit. */
  readonly budget?: SessionBudget;
  /** Called with the published output, before the run completes: to upload the file, to load it into a database, to send a message.
   * It may be called again, after a failure and after a crash, until it has returned once and the session is stored as completed. If
   * it fails for good, the run fails with a `DeliveryError`; a resume only delivers.
   * @example
   * pipeline('export', { deliver: async ({ path, sessionId, signal }) => upload(path, { key: sessionId, signal }) }) */
  readonly deliver?: Deliver | DeliverOptions;
}

/** What `execute` takes. `In`: rows of the source. `Out`: rows for the sink. */
// biome-ignore lint/suspicious/noExplicitAny: any rows, for stages whose row types are not known.
export interface PipelineLike<In = any, Out = any> {
  readonly name: string;
  readonly source: SourceLike<In>;
  readonly sink: SinkLike<Out>;
  readonly options?: PipelineOptions;
}

/** A pipeline with all defaults. */
export interface PipelineDefinition {
  readonly name: string;
  readonly source: Source<unknown>;
  readonly sink: Sink<unknown>;
  readonly deadLetter: Sink<JsonObject> | undefined;
  readonly maxCrashes: number;
  readonly onPoison: OnError;
  /** Undefined: no limit. */
  readonly losses: LossLimits | undefined;
  /** Rows; undefined: no sample. */
  readonly sample: number | undefined;
  readonly batchSize: number;
  readonly maxInFlight: number;
  readonly checkpointInterval: number | undefined;
  readonly checkpointEveryMs: number | false | undefined;
  readonly budget: SessionBudget | undefined;
  /** False: the session never delivers, whatever its pipeline says: it is a fork. */
  readonly deliver: DeliveryPolicy | false | undefined;
  /** The given options. */
  readonly options: PipelineOptions;
}

const PIPELINE_OPTIONS = options({
  batchSize: withDefault(whole(1, 1_000_000), 512),
  maxInFlight: optional(whole(1, MAX_WINDOW)),
  checkpointInterval: optional(whole(1)),
  checkpointEveryMs: optional(everyMs),
  maxCrashes: withDefault(whole(2, 1_000), 3),
  onPoison: withDefault(oneOf(['fail', 'skip', 'dead-letter']), 'fail'),
  losses: optional(anything),
  sample: optional(whole(1)),
  deadLetter: optional(anything),
  budget: optional(sessionBudgetOption),
  deliver: optional(anything),
});

/** @throws {InvalidOptionError} */
export function definePipeline(pipeline: PipelineLike, stages: readonly AnyStage[]): PipelineDefinition {
  const { name, options: given = {} } = pipeline;
  if (typeof name !== 'string' || name === '' || name.length > 200)
    throw new InvalidOptionError('A pipeline needs a name of 1 to 200 characters.');
  const { maxInFlight, checkpointInterval, checkpointEveryMs, ...sizes } = readOptions(
    'pipeline()',
    PIPELINE_OPTIONS,
    given,
  );
  checkStages(stages);
  const sink = toSink(pipeline.sink);
  const source = toSource(pipeline.source);
  const deadLetter = given.deadLetter === undefined ? sink.deadLetters?.() : toSink(given.deadLetter);
  assertDistinctPaths({ source, sink, 'dead-letter sink': deadLetter, ...resultSinks(stages) });
  // All slots can be in use while as many batches as the widest stage has wait for an earlier one (I4). A larger window gains
  // nothing, and the machine's events cost more.
  const slots = stages.map(({ concurrency }) => (concurrency > 1 ? concurrency : 0));
  const window = slots.reduce((sum, count) => sum + count, Math.max(0, ...slots));
  return {
    name,
    source,
    sink,
    deadLetter,
    maxCrashes: sizes.maxCrashes,
    onPoison: sizes.onPoison,
    losses: lossLimits(given.losses),
    sample: sizes.sample,
    batchSize: sizes.batchSize,
    maxInFlight: maxInFlight ?? Math.min(MAX_WINDOW, Math.max(4, window)),
    checkpointInterval,
    checkpointEveryMs,
    budget: checkBudget(sizes.budget, stages),
    deliver: deliverOption(given.deliver),
    options: given,
  };
}

/** The pipeline with other limits. @throws {InvalidOptionError} */
export function withBudget(
  definition: PipelineDefinition,
  change: unknown,
  stages: readonly AnyStage[],
): PipelineDefinition {
  if (change === undefined) return definition;
  const changed = readOption('resume()', 'budget', sessionBudgetOption, change);
  const budget = changeBudget(definition.budget, changed);
  // A session that is opened again is defined from the options.
  const options = { ...definition.options, budget };
  return { ...definition, options, budget: checkBudget(budget, stages) };
}

/** @throws {InvalidOptionError} for a budget that nothing could keep. */
function checkBudget(
  budget: SessionBudget | undefined,
  stages: readonly AnyStage[],
): SessionBudget | undefined {
  const names = stages.map(({ name }) => name);
  const stray = Object.keys(budget?.stages ?? {}).find((name) => !names.includes(name));
  if (stray !== undefined)
    throw new InvalidOptionError(
      `The budget names a stage "${stray.slice(0, 100)}", which the pipeline has not. Its stages: ${names.join(', ')}.`,
    );
  for (const { name, budget: defined, estimate } of stages) {
    const own = { ...defined, ...budget?.stages?.[name] };
    assertPriced(`Stage "${name}"`, own, [estimate]);
  }
  if (budget === undefined) return undefined;
  assertPriced(
    'The pipeline',
    budget,
    stages.map(({ estimate }) => estimate),
  );
  const isCalled = stages.some(
    ({ name, estimate, budget: own = budget.stages?.[name], limit, rowsPerCall }) =>
      estimate !== undefined || own !== undefined || limit.length > 0 || rowsPerCall !== undefined,
  );
  if (isCalled) return budget;
  throw new InvalidOptionError(
    'The pipeline has a budget, but no stage whose calls are counted. Give the paid stage `estimate`, or `rowsPerCall`.',
  );
}

/** @throws {InvalidOptionError} for a limit in dollars or tokens where no stage says what a call costs. */
function assertPriced(whose: string, budget: Budget, estimates: readonly AnyStage['estimate'][]): void {
  for (const unit of ['usd', 'tokens'] as const) {
    if (budget[unit] === undefined) continue;
    const isKnown = estimates.some(
      (estimate) =>
        typeof estimate === 'function' ||
        (estimate !== undefined && (inBudgetUnits(estimate)[unit] ?? 0) > 0),
    );
    if (!isKnown)
      throw new InvalidOptionError(
        `${whose} has a budget in ${unit}, but no price: give the paid stage an \`estimate\` of the ${unit} of a call.`,
      );
  }
}

/** What the machine has to know of it. @param rhythm where the pipeline does not say how often checkpoints are saved. */
export function executorSettings(
  { maxInFlight, maxCrashes, checkpointInterval }: PipelineDefinition,
  rhythm: { readonly checkpointInterval: number },
): ExecutorSettings {
  return {
    maxInFlight,
    maxCrashes,
    checkpointInterval: checkpointInterval ?? rhythm.checkpointInterval,
  };
}

/** Whether it is a result of `defineStage`, `map`, `filter` or `flatMap`, of any copy of the package. */
export function isStage(value: unknown): value is AnyStage {
  if (typeof value !== 'object' || value === null) return false;
  const { name, kind, retry, concurrency } = value as Partial<AnyStage>;
  return (
    typeof name === 'string' &&
    (kind === 'row' || kind === 'batch') &&
    typeof retry === 'object' &&
    typeof concurrency === 'number'
  );
}

/** @throws {InvalidOptionError} for a value that is not a stage, and for two stages of one name. */
export function checkStages(stages: readonly AnyStage[]): void {
  if (!Array.isArray(stages)) throw new InvalidOptionError('The stages are a list.');
  const seen = new Set<string>();
  for (const [i, stage] of stages.entries()) {
    if (!isStage(stage)) {
      throw new InvalidOptionError(
        `Stage ${i + 1} is not a stage. Make it with defineStage, map, filter or flatMap.`,
      );
    }
    if (stage.name === 'source') {
      throw new InvalidOptionError(
        'A stage cannot be named "source": events and dead letters call the input so. Give it another name.',
      );
    }
    if (seen.has(stage.name)) {
      throw new InvalidOptionError(
        `Two stages are named "${stage.name}". Give each stage its own name: checkpoints and the journal tell them apart by it.`,
      );
    }
    seen.add(stage.name);
  }
  checkLimiters(stages);
  assertCheckpointFits(stages);
}

/** @throws {InvalidOptionError} for two limiters of one name: events and `tune` tell them apart by it. */
function checkLimiters(stages: readonly AnyStage[]): void {
  const limiters = new Map<string, Limiter>();
  for (const each of stages.flatMap(({ limit }) => limit)) {
    const known = limiters.get(each.name) ?? each;
    if (known !== each)
      throw new InvalidOptionError(
        `Two limiters are named "${each.name}". Give both stages the same limiter, or give each limiter its own name.`,
      );
    limiters.set(each.name, each);
  }
}
