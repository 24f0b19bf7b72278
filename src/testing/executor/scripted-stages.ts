/**
 * A pipeline's stages with scripted outcomes. Names, options and fingerprints stay the same, so that the executor, the
 * checkpoints and the journal see no difference. One instance serves all processes of a test.
 *
 * A scripted row stage returns promises, and is therefore not fused with its neighbours.
 */

import { isObject } from '../../formats/json.js';
import type { AnyStage, BatchContext, StageContext } from '../../stages/stage.js';
import { isThenable } from '../../stages/thenable.js';
import { TestingError } from '../errors.js';
import { callTwice, type Unrepeatable } from './call-twice.js';
import type { StageAnswer, StageOutcome, StageScript } from './stage-outcomes.js';

/** One attempt of a stage at a batch: one call of a batch stage's function, or the calls of a row stage's for all rows. */
export interface Invocation {
  readonly stage: string;
  /** Index from 0. */
  readonly batch: number;
  /** From 1, as in the stage's context. */
  readonly attempt: number;
  /** Number of the process, from 1; `restart` starts the next. */
  readonly process: number;
  readonly idempotencyKey: string;
}

/** The process, as its stages see it. */
export interface StageHost {
  readonly number: number;
  readonly hasCrashed: boolean;
}

interface Stalled {
  readonly stage: string;
  readonly batch: number;
  readonly release: () => void;
}

type StageFunction = (input: never, context: BatchContext, index: number) => unknown;

/** Refuses a mistyped batch or outcome, which would otherwise be ignored. */
function outcomesOf(stage: string, script: StageScript): readonly StageOutcome[] {
  const isOutcome = (value: unknown) => isObject(value) && KINDS.some((kind) => kind === value.kind);
  for (const [key, outcomes] of Object.entries(script)) {
    if (key !== 'otherwise' && !/^\d+$/.test(key))
      throw new TestingError(
        `The script of stage "${stage}" has the key ${key}. Use a batch index, from 0, or otherwise: { 3: [stall()], otherwise: succeed() }.`,
      );
    if (![outcomes].flat().every(isOutcome))
      throw new TestingError(
        `The script of stage "${stage}" has a wrong value for ${key === 'otherwise' ? key : `batch ${key}`}. Use succeed(), fail(), stall(), timeout(), or a list of them.`,
      );
  }
  return Object.values(script).flat() as readonly StageOutcome[];
}

const KINDS = ['succeed', 'fail', 'stall', 'timeout'] satisfies StageOutcome['kind'][];

const OWN_FUNCTION: StageOutcome = { kind: 'succeed', answer: undefined };

export class ScriptedStages {
  readonly invocations: Invocation[] = [];
  readonly secondInvocations: Invocation[] = [];
  readonly unrepeatable: Unrepeatable[] = [];
  readonly #announced = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #running = new Set<Promise<unknown>>();
  #stalled: Stalled[] = [];

  /** @throws {TestingError} for a malformed script, an unknown stage, or `timeout()` on a stage without `timeoutMs`. */
  constructor(
    private readonly stages: readonly AnyStage[],
    private readonly scripts: Readonly<Record<string, StageScript>>,
    private readonly twice = false,
  ) {
    const known = stages.map(({ name }) => name);
    for (const [name, script] of Object.entries(scripts)) {
      const stage = stages.find((one) => one.name === name);
      if (stage === undefined)
        throw new TestingError(`The script names an unknown stage "${name}". Stages: ${known.join(', ')}.`);
      const outcomes = outcomesOf(name, script);
      if (stage.timeoutMs === undefined && outcomes.some(({ kind }) => kind === 'timeout'))
        throw new TestingError(
          `Stage "${name}" cannot time out, because it has no timeoutMs. Set timeoutMs, or use stall().`,
        );
    }
  }

  get durableStages(): readonly string[] {
    return this.stages.filter(({ durable }) => durable).map(({ name }) => name);
  }

  /** Pending promises of the stages' own functions; scripted stalls are not among them. */
  get running(): readonly Promise<unknown>[] {
    return [...this.#running];
  }

  /** Lets stalled invocations continue with the stages' own functions. @returns how many. */
  release(stage: string | undefined, batch: number | undefined): number {
    const isSelected = (one: Stalled) =>
      (stage === undefined || one.stage === stage) && (batch === undefined || one.batch === batch);
    const selected = this.#stalled.filter(isSelected);
    this.#stalled = this.#stalled.filter((one) => !isSelected(one));
    for (const { release } of selected) release();
    return selected.length;
  }

  /** Records that a durable output was announced. @param place session, stage and batch. */
  markAnnounced(place: string): void {
    this.#announced.add(place);
  }

  /** The stages of one process. */
  stagesFor(host: StageHost): AnyStage[] {
    return this.stages.map((stage): AnyStage => {
      if (stage.kind === 'batch')
        return { ...stage, process: this.#wrap(stage, stage.process.bind(stage), host) as never };
      return { ...stage, processRow: this.#wrap(stage, stage.processRow.bind(stage), host) as never };
    });
  }

  #wrap(stage: AnyStage, once: StageFunction, host: StageHost): StageFunction {
    const report = (found: Unrepeatable) => void this.unrepeatable.push(found);
    const own = this.twice ? callTwice(once, stage.name, report) : once;
    const script = this.scripts[stage.name];
    /** The outcome of each batch's latest attempt. An attempt has one context, which all rows of a row stage share. */
    const drawn = new Map<number, { readonly context: StageContext; readonly outcome: StageOutcome }>();
    const drawOutcome = (context: StageContext): StageOutcome => {
      const { batch, attempt, idempotencyKey } = context;
      const last = drawn.get(batch.index);
      const known = last?.context === context ? last.outcome : undefined;
      if (known !== undefined && stage.kind !== 'batch') return known;
      const outcome = known ?? this.#draw(stage.name, batch.index, script);
      drawn.set(batch.index, { context, outcome });
      const place = { stage: stage.name, batch: batch.index };
      const invocation = { ...place, attempt, process: host.number, idempotencyKey };
      this.invocations.push(invocation);
      const isAnnounced = this.#announced.has(`${idempotencyKey.slice(0, 36)} ${stage.name} ${batch.index}`);
      if (isAnnounced || (stage.durable && known !== undefined)) this.secondInvocations.push(invocation);
      return outcome;
    };
    const begin = (context: StageContext): StageOutcome => {
      if (host.hasCrashed) throw new TestingError('The process has crashed.');
      return drawOutcome(context);
    };
    const work = (answer: StageAnswer | StageFunction, ...input: Parameters<StageFunction>) => {
      const answered = (answer as StageFunction)(...input);
      if (isThenable(answered)) this.#follow(Promise.resolve(answered));
      return answered;
    };
    if (script === undefined) {
      return (input, context, index) => {
        begin(context);
        return work(own, input, context, index);
      };
    }
    return async (input, context, index) => {
      const outcome = begin(context);
      if (outcome.kind === 'fail') throw outcome.error;
      if (outcome.kind === 'timeout') await this.#stall(stage.name, context, false);
      if (outcome.kind === 'stall') await this.#stall(stage.name, context, true);
      return work(outcome.kind === 'succeed' ? (outcome.answer ?? own) : own, input, context, index);
    };
  }

  #draw(stage: string, batch: number, script: StageScript | undefined): StageOutcome {
    const key = `${stage} ${batch}`;
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    const outcomes = script?.[batch] ?? script?.otherwise ?? OWN_FUNCTION;
    return 'kind' in outcomes ? outcomes : (outcomes[count] ?? OWN_FUNCTION);
  }

  #follow(work: Promise<unknown>): void {
    const followed: Promise<unknown> = work
      .catch(() => {})
      .then(() => {
        this.#running.delete(followed);
      });
    this.#running.add(followed);
  }

  #stall(stage: string, { batch, signal }: StageContext, mayBeReleased: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const stalled = { stage, batch: batch.index, release: resolve };
      if (mayBeReleased) this.#stalled.push(stalled);
      const abort = () => {
        this.#stalled = this.#stalled.filter((one) => one !== stalled);
        reject(signal.reason);
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }
}
