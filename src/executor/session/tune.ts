/** Changes concurrency and rate limits of a run in progress: everything is checked before anything changes. */
import type { ConcurrencyRange } from '../../../machines/adaptive-concurrency.js';
import { stageActorId } from '../../../machines/children.js';
import { sealEvent } from '../../../machines/report.js';
import type { StageActorContext, StageEvent } from '../../../machines/stage-events.js';
import { IllegalCommandError, InvalidOptionError } from '../../errors.js';
import type { JsonObject } from '../../formats/json.js';
import { jsonObject, options, readOption } from '../../formats/shape.js';
import {
  assertLimiterOptions,
  changeLimiter,
  type Limiter,
  type LimiterOptions,
} from '../../limits/limiter.js';
import type { Clock } from '../../platform/clock.js';
import { concurrencyOption } from '../../stages/check-options.js';
import type { AnyStage } from '../../stages/stage.js';

/** What `tune` changes; at least one stage or limiter. */
export interface Tuning {
  /** By the stage's name. */
  readonly stages?: Readonly<
    Record<
      string,
      {
        /** Batches, or calls, at once. A stage that was defined with a constant concurrency takes a number only. */
        readonly concurrency: number | ConcurrencyRange;
      }
    >
  >;
  /** By the limiter's name: the rates that are named change, others stay. All runs of the process that share it are affected. */
  readonly limiters?: Readonly<Record<string, LimiterOptions>>;
}

const stageTuning = options({ concurrency: concurrencyOption });

interface TunedRun {
  readonly state: string;
  readonly stages: readonly AnyStage[];
  readonly clock: Clock;
  readonly snapshot: { readonly children: Readonly<Record<string, unknown>> };
}

interface StageActor {
  send(event: StageEvent): void;
  getSnapshot(): { readonly context: StageActorContext };
}

/** @returns what is in force afterwards, for the stages and limiters that are named.
 * @throws {IllegalCommandError} unless the run is EXECUTING or PAUSED.
 * @throws {InvalidOptionError} naming the stage, the limiter or the value; then nothing has changed. */
export function tuneRun({ state, stages, clock, snapshot }: TunedRun, given: unknown): JsonObject {
  if (state !== 'EXECUTING' && state !== 'PAUSED') throw new IllegalCommandError('tune', state, []);
  const tuning = readTuning(given);
  const limiters = new Map(stages.flatMap(({ limit }) => limit.map((each) => [each.name, each] as const)));
  for (const [name, { concurrency }] of Object.entries(tuning.stages)) checkStage(stages, name, concurrency);
  for (const [name, rates] of Object.entries(tuning.limiters)) {
    if (!limiters.has(name)) throw unknown('limiter', name, [...limiters.keys()]);
    assertLimiterOptions(name, rates);
  }
  const tunedStages = Object.entries(tuning.stages).map(([name, { concurrency }]) => {
    const actor = snapshot.children[stageActorId(name)] as StageActor | undefined;
    actor?.send(sealEvent({ type: 'tune', concurrency }));
    return [name, { concurrency }] as const;
  });
  const tunedLimiters = Object.entries(tuning.limiters).map(([name, rates]) => {
    const limiter = limiters.get(name) as Limiter;
    changeLimiter(limiter, rates, clock);
    return [name, limiter.rates as LimiterOptions] as const;
  });
  const tuned: Tuning = {
    stages: Object.fromEntries(tunedStages),
    limiters: Object.fromEntries(tunedLimiters),
  };
  return JSON.parse(JSON.stringify(tuned)) as JsonObject;
}

function readTuning(given: unknown): Required<Tuning> {
  const { stages = {}, limiters = {}, ...rest } = readOption('tune()', 'the tuning', jsonObject, given);
  const [stray] = Object.keys(rest);
  if (stray !== undefined)
    throw new InvalidOptionError(`tune(): unknown option "${stray.slice(0, 40)}"; known: stages, limiters.`);
  const names = (name: string, value: unknown) =>
    Object.entries(readOption('tune()', name, jsonObject, value));
  const tuned = names('stages', stages).map(
    ([name, value]) => [name, readOption('tune()', `stages.${name}`, stageTuning, value)] as const,
  );
  const limited = names('limiters', limiters);
  if (tuned.length + limited.length === 0)
    throw new InvalidOptionError('tune() changes nothing: name a stage or a limiter.');
  for (const [name, value] of tuned)
    if (value.concurrency === undefined)
      throw new InvalidOptionError(`tune(): stages.${name} needs a concurrency.`);
  return {
    stages: Object.fromEntries(tuned),
    limiters: Object.fromEntries(limited) as Tuning['limiters'] & {},
  };
}

function checkStage(stages: readonly AnyStage[], name: string, concurrency: number | ConcurrencyRange): void {
  const stage = stages.find((each) => each.name === name);
  if (stage === undefined)
    throw unknown(
      'stage',
      name,
      stages.map((each) => each.name),
    );
  if (typeof concurrency !== 'number' && stage.adaptive === undefined)
    throw new InvalidOptionError(
      `tune(): stage "${name}" was defined with a constant concurrency, and watches no load. Tune it to a number, or define it with concurrency: { min, max }.`,
    );
}

function unknown(what: string, name: string, known: readonly string[]): InvalidOptionError {
  const list = known.length === 0 ? 'it has none' : `it has ${known.map((each) => `"${each}"`).join(', ')}`;
  return new InvalidOptionError(`tune(): the pipeline has no ${what} "${name.slice(0, 100)}"; ${list}.`);
}
