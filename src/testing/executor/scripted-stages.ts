/**
 * A pipeline's stages with a script laid over them: same names, same options, same fingerprints, so that the executor, its
 * checkpoints and its journal see no difference. It lives as long as the test does, over all processes.
 *
 * A row stage with a script answers with promises: it does not share a pass over the rows with its neighbours.
 */
import { isObject } from '../../formats/json.js';
import type { AnyStage, StageContext } from '../../stages/stage.js';
import { TestingError } from '../errors.js';
import type { StageAnswer, StageOutcome, StageScript } from './stage-outcomes.js';

/** One call of a stage for a batch: of a batch stage's function once, of a row stage's for its rows. */
export interface Invocation {
  readonly stage: string;
  /** Index from 0. */
  readonly batch: number;
  /** From 1, as the stage is told. */
  readonly attempt: number;
  /** Of the process, from 1; `restart` begins the next. */
  readonly process: number;
  readonly idempotencyKey: string;
}

/** What a process is to its stages. */
export interface StageHost {
  readonly number: number;
  readonly isDead: boolean;
}

interface Stalled {
  readonly stage: string;
  readonly batch: number;
  readonly letGo: () => void;
}

type StageFunction = (input: never, context: StageContext, index: number) => unknown;

/** Where a name or a fate is mistyped, the stage would do something else than its script says. */
function fatesOf(stage: string, script: StageScript): readonly StageOutcome[] {
  const isFate = (fate: unknown) => isObject(fate) && KINDS.some((kind) => kind === fate.kind);
  for (const [key, fates] of Object.entries(script)) {
    if (key !== 'otherwise' && !/^\d+$/.test(key))
      throw new TestingError(
        `The script of stage "${stage}" names batches, from 0, or otherwise; not ${key}: { 3: [stall()], otherwise: succeed() }.`,
      );
    if (![fates].flat().every(isFate))
      throw new TestingError(
        `The script of stage "${stage}" for ${key === 'otherwise' ? key : `batch ${key}`} takes succeed(), fail(), stall(), timeout(), or a list of them.`,
      );
  }
  return Object.values(script).flat() as readonly StageOutcome[];
}

const KINDS = ['succeed', 'fail', 'stall', 'timeout'] satisfies StageOutcome['kind'][];

const OWN: StageOutcome = { kind: 'succeed', answer: undefined };

export class ScriptedStages {
  readonly invocations: Invocation[] = [];
  readonly secondInvocations: Invocation[] = [];
  readonly #announced = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #running = new Set<Promise<unknown>>();
  #stalled: Stalled[] = [];

  /** @throws {TestingError} for a script that says something else than fates by batch, of a stage that is not there, or of a
   * timeout without `timeoutMs`. */
  constructor(
    private readonly stages: readonly AnyStage[],
    private readonly scripts: Readonly<Record<string, StageScript>>,
  ) {
    const known = stages.map(({ name }) => name);
    for (const [name, script] of Object.entries(scripts)) {
      const stage = stages.find((one) => one.name === name);
      if (stage === undefined)
        throw new TestingError(`There is no stage "${name}" to script; there are ${known.join(', ')}.`);
      const fates = fatesOf(name, script);
      if (stage.timeoutMs === undefined && fates.some(({ kind }) => kind === 'timeout'))
        throw new TestingError(
          `Stage "${name}" has no timeoutMs, so that it cannot time out: give it one, or stall() it.`,
        );
    }
  }

  /** Work of the stages' own functions that has not been answered: none of what is scripted. */
  get running(): readonly Promise<unknown>[] {
    return [...this.#running];
  }

  /** Lets stalled invocations go on with the stages' own functions. @returns how many. */
  release(stage: string | undefined, batch: number | undefined): number {
    const isMeant = (one: Stalled) =>
      (stage === undefined || one.stage === stage) && (batch === undefined || one.batch === batch);
    const meant = this.#stalled.filter(isMeant);
    this.#stalled = this.#stalled.filter((one) => !isMeant(one));
    for (const { letGo } of meant) letGo();
    return meant.length;
  }

  /** The output of a durable stage is promised. @param place session, stage and batch. */
  announced(place: string): void {
    this.#announced.add(place);
  }

  /** As a process has them. */
  of(host: StageHost): AnyStage[] {
    return this.stages.map((stage): AnyStage => {
      if (stage.kind === 'batch')
        return { ...stage, process: this.#wrap(stage, stage.process.bind(stage), host) as never };
      return { ...stage, processRow: this.#wrap(stage, stage.processRow.bind(stage), host) as never };
    });
  }

  #wrap(stage: AnyStage, own: StageFunction, host: StageHost): StageFunction {
    const script = this.scripts[stage.name];
    /** By batch, of its latest attempt. An attempt has one context: the rows of a row stage share a fate, another attempt draws
     * another. */
    const drawn = new Map<number, { readonly context: StageContext; readonly fate: StageOutcome }>();
    const fateOf = (context: StageContext): StageOutcome => {
      const { batch, attempt, idempotencyKey } = context;
      const last = drawn.get(batch.index);
      const known = last?.context === context ? last.fate : undefined;
      if (known !== undefined && stage.kind !== 'batch') return known;
      const fate = known ?? this.#draw(stage.name, batch.index, script);
      drawn.set(batch.index, { context, fate });
      const place = { stage: stage.name, batch: batch.index };
      const invocation = { ...place, attempt, process: host.number, idempotencyKey };
      this.invocations.push(invocation);
      const isAnnounced = this.#announced.has(`${idempotencyKey.slice(0, 36)} ${stage.name} ${batch.index}`);
      if (isAnnounced || (stage.durable && known !== undefined)) this.secondInvocations.push(invocation);
      return fate;
    };
    const begin = (context: StageContext): StageOutcome => {
      if (host.isDead) throw new TestingError('The process has crashed.');
      return fateOf(context);
    };
    const work = (answer: StageAnswer | StageFunction, ...input: Parameters<StageFunction>) => {
      const answered = (answer as StageFunction)(...input);
      if (answered instanceof Promise) this.#follow(answered);
      return answered;
    };
    if (script === undefined) {
      return (input, context, index) => {
        begin(context);
        return work(own, input, context, index);
      };
    }
    return async (input, context, index) => {
      const fate = begin(context);
      if (fate.kind === 'fail') throw fate.error;
      if (fate.kind === 'timeout') await this.#stall(stage.name, context, false);
      if (fate.kind === 'stall') await this.#stall(stage.name, context, true);
      return work(fate.kind === 'succeed' ? (fate.answer ?? own) : own, input, context, index);
    };
  }

  #draw(stage: string, batch: number, script: StageScript | undefined): StageOutcome {
    const key = `${stage} ${batch}`;
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    const fates = script?.[batch] ?? script?.otherwise ?? OWN;
    return 'kind' in fates ? fates : (fates[count] ?? OWN);
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
      const stalled = { stage, batch: batch.index, letGo: resolve };
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
