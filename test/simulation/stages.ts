/** The stages of a plan, as a process has them: they work, dawdle and fail as the plan and the scheduler say. */
import {
  type AnyStage,
  defineStage,
  filter,
  flatMap,
  map,
  type StageContext,
  type StageOptions,
} from '../../src/index.js';
import type { Ledger } from './ledger.js';
import {
  batchFate,
  type Fate,
  type Plan,
  ROW_MARK,
  type Row,
  rowFate,
  type StagePlan,
  timesOf,
  workOnBatch,
  workOnRow,
} from './plan.js';

/** The process that the stages run in. */
export interface Workplace {
  readonly ledger: Ledger;
  /** Waits for some turns, perhaps for none. */
  dawdle(): Promise<void>;
  turn(): Promise<void>;
  readonly isDead: boolean;
}

/** Attempts that a process has begun and that were neither answered nor aborted. */
export class Running {
  readonly #attempts = new Set<{ readonly stage: StagePlan; readonly signal: AbortSignal }>();

  begin(stage: StagePlan, signal: AbortSignal, ledger: Ledger): () => void {
    const attempt = { stage, signal };
    this.#attempts.add(attempt);
    let atOnce = 0;
    for (const other of this.#attempts) if (other.stage === stage && !other.signal.aborted) atOnce++;
    if (atOnce > stage.concurrency) ledger.violated(`${stage.name} runs ${atOnce} batches at once`);
    return () => this.#attempts.delete(attempt);
  }

  get count(): number {
    return [...this.#attempts].filter(({ signal }) => !signal.aborted).length;
  }
}

export function stagesOf(plan: Plan, workplace: Workplace, running: Running): AnyStage[] {
  return plan.stages.map((stage) => new Worker(plan, stage, workplace, running).stage());
}

class Worker {
  constructor(
    private readonly plan: Plan,
    private readonly spec: StagePlan,
    private readonly workplace: Workplace,
    private readonly running: Running,
  ) {}

  stage(): AnyStage {
    const { shape, name, isAsync, rowConcurrency } = this.spec;
    const options = this.#options();
    if (shape === 'batch') {
      return defineStage({
        ...options,
        name,
        process: (rows: Row[], context) =>
          isAsync ? this.#batchLater(rows, context) : this.#batch(rows, context),
      });
    }
    const work = isAsync
      ? async (row: Row, context: StageContext, index: number) => this.#rowLater(row, context, index)
      : (row: Row, context: StageContext) => this.#row(row, context);
    const rowOptions = { ...options, rowConcurrency };
    if (shape === 'map') return map(name, work as (row: Row) => Row, rowOptions);
    if (shape === 'filter') return filter(name, work as (row: Row) => boolean, rowOptions);
    return flatMap(name, work as (row: Row) => Row[], rowOptions);
  }

  #options(): StageOptions<Row, Row> {
    const { durable, concurrency, attempts, timeoutMs, onError } = this.spec;
    return {
      durable,
      concurrency,
      onError,
      retry: { attempts, initialDelayMs: 20, maxDelayMs: 200 },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
  }

  #see(rows: readonly Row[], { batch, idempotencyKey, attempt }: StageContext): void {
    const { ledger, isDead } = this.workplace;
    if (isDead) return;
    ledger.invoked(this.spec, batch.index, idempotencyKey);
    if (!(attempt >= 1)) ledger.violated(`attempt ${attempt} of ${this.spec.name}`);
    if (rows.some((row) => !row.text.startsWith(ROW_MARK)))
      ledger.violated(`I8: ${this.spec.name} got a row that is not one, in batch ${batch.index}`);
  }

  #batch(rows: Row[], context: StageContext): readonly Row[] {
    this.#see(rows, context);
    if (this.#batchFate(context) === 'throw') throw new Error('a batch was refused');
    return workOnBatch(this.spec, rows);
  }

  async #batchLater(rows: Row[], context: StageContext): Promise<readonly Row[]> {
    this.#see(rows, context);
    const done = this.running.begin(this.spec, context.signal, this.workplace.ledger);
    try {
      const fate = this.#batchFate(context);
      await this.#dawdle();
      await this.#suffer(fate, context, 'a batch was refused');
      if (fate === 'late') return [{ n: -1, copy: 0, value: -1, text: `${ROW_MARK} too late` }];
      return workOnBatch(this.spec, rows);
    } finally {
      done();
    }
  }

  #row(row: Row, context: StageContext): unknown {
    this.#see([row], context);
    this.#throwForRow(row);
    return workOnRow(this.spec, row);
  }

  async #rowLater(row: Row, context: StageContext, index: number): Promise<unknown> {
    this.#see([row], context);
    const fate = index === 0 ? this.#batchFate(context) : 'well';
    if (index % 4 === 0) await this.#dawdle();
    await this.#suffer(fate, context, 'the first row was refused');
    this.#throwForRow(row);
    if (fate === 'late') return this.spec.shape === 'flatMap' ? [] : row;
    return workOnRow(this.spec, row);
  }

  /** Where being slow would cost rows, nobody is slow but by fate. */
  async #dawdle(): Promise<void> {
    const { timeoutMs, onError } = this.spec;
    if (timeoutMs === undefined || onError === 'fail') await this.workplace.dawdle();
  }

  async #suffer(fate: Fate, { signal }: StageContext, why: string): Promise<void> {
    if (fate === 'well') return;
    if (fate === 'throw') throw new Error(why);
    await aborted(signal);
    if (fate === 'stall') throw signal.reason;
    await this.workplace.turn();
    await this.workplace.turn();
  }

  #batchFate({ batch }: StageContext): Fate {
    const fate = batchFate(this.plan, this.spec, batch.index);
    if (fate === 'well') return fate;
    const times = timesOf(this.plan, this.spec, batch.index);
    return this.workplace.ledger.misbehaves(this.spec, `batch ${batch.index}`, times) ? fate : 'well';
  }

  #throwForRow(row: Row): void {
    if (rowFate(this.plan, this.spec, row) === 'well') return;
    const times = timesOf(this.plan, this.spec, row.n * 64 + row.copy);
    if (this.workplace.ledger.misbehaves(this.spec, `row ${row.n} ${row.copy}`, times))
      throw new Error(`row ${row.n} was refused`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
