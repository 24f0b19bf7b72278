/** The stages of a plan in one process: they work, wait and fail as the plan and the scheduler decide. */
import {
  type AnyStage,
  defineStage,
  filter,
  flatMap,
  limiter,
  map,
  type StageContext,
  type StageOptions,
} from '../../src/index.js';
import type { Ledger } from './ledger.js';
import {
  batchFaultOf,
  type Plan,
  ROW_MARK,
  type Row,
  rowFaultOf,
  type StageFault,
  type StagePlan,
  timesOf,
  workOnBatch,
  workOnRow,
} from './plan.js';

/** The process, as its stages see it. */
export interface Workplace {
  readonly ledger: Ledger;
  /** Waits for a random number of turns, from 0. */
  waitSomeTurns(): Promise<void>;
  turn(): Promise<void>;
  readonly hasCrashed: boolean;
}

/** Attempts of a process that are neither settled nor aborted. */
export class Running {
  readonly #attempts = new Set<{ readonly stage: StagePlan; readonly signal: AbortSignal }>();

  begin(stage: StagePlan, signal: AbortSignal, ledger: Ledger): () => void {
    const attempt = { stage, signal };
    this.#attempts.add(attempt);
    let atOnce = 0;
    for (const other of this.#attempts) if (other.stage === stage && !other.signal.aborted) atOnce++;
    if (atOnce > stage.concurrency) ledger.addViolation(`${stage.name} runs ${atOnce} batches at once`);
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
    const { name, durable, concurrency, attempts, timeoutMs, onError, limit, minConcurrency, isPaid } =
      this.spec;
    return {
      durable,
      concurrency: minConcurrency === undefined ? concurrency : { min: minConcurrency, max: concurrency },
      ...(limit && { limit: limiter(name, { requests: { ...limit, perMs: 1_000 } }) }),
      ...(isPaid && { estimate: { units: 1 } }),
      onError,
      retry: { attempts, initialDelayMs: 20, maxDelayMs: 200 },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
  }

  #recordInvocation(rows: readonly Row[], { batch, idempotencyKey, attempt }: StageContext): void {
    const { ledger, hasCrashed } = this.workplace;
    if (hasCrashed) return;
    ledger.addInvocation(this.spec, batch.index, idempotencyKey);
    if (!(attempt >= 1)) ledger.addViolation(`attempt ${attempt} of ${this.spec.name}`);
    if (rows.some((row) => !row.text.startsWith(ROW_MARK)))
      ledger.addViolation(`I8: ${this.spec.name} got a foreign row in batch ${batch.index}`);
  }

  #batch(rows: Row[], context: StageContext): readonly Row[] {
    this.#recordInvocation(rows, context);
    if (this.#batchFault(context) === 'throw') throw new Error('a batch was refused');
    return workOnBatch(this.spec, rows);
  }

  async #batchLater(rows: Row[], context: StageContext): Promise<readonly Row[]> {
    this.#recordInvocation(rows, context);
    const done = this.running.begin(this.spec, context.signal, this.workplace.ledger);
    try {
      const fault = this.#batchFault(context);
      await this.#waitSomeTurns();
      await this.#applyFault(fault, context, 'a batch was refused');
      if (fault === 'late') return [{ n: -1, copy: 0, value: -1, text: `${ROW_MARK} too late` }];
      return workOnBatch(this.spec, rows);
    } finally {
      done();
    }
  }

  #row(row: Row, context: StageContext): unknown {
    this.#recordInvocation([row], context);
    this.#throwForRow(row);
    return workOnRow(this.spec, row);
  }

  async #rowLater(row: Row, context: StageContext, index: number): Promise<unknown> {
    this.#recordInvocation([row], context);
    const fault = index === 0 ? this.#batchFault(context) : 'none';
    if (index % 4 === 0) await this.#waitSomeTurns();
    await this.#applyFault(fault, context, 'the first row was refused');
    this.#throwForRow(row);
    if (fault === 'late') return this.spec.shape === 'flatMap' ? [] : row;
    return workOnRow(this.spec, row);
  }

  /** Waits, unless a delay could lose rows: then only planned faults delay. */
  async #waitSomeTurns(): Promise<void> {
    const { timeoutMs, onError } = this.spec;
    if (timeoutMs === undefined || onError === 'fail') await this.workplace.waitSomeTurns();
  }

  async #applyFault(fault: StageFault, { signal }: StageContext, why: string): Promise<void> {
    if (fault === 'none') return;
    if (fault === 'throw') throw this.#refusal(why);
    await aborted(signal);
    if (fault === 'stall') throw signal.reason;
    await this.workplace.turn();
    await this.workplace.turn();
  }

  /** A service with a limit refuses with an answer 429. */
  #refusal(message: string): Error {
    const { limit, minConcurrency } = this.spec;
    const isOverload = limit !== undefined || minConcurrency !== undefined;
    return Object.assign(new Error(message), isOverload ? { status: 429 } : {});
  }

  #batchFault({ batch }: StageContext): StageFault {
    const fault = batchFaultOf(this.plan, this.spec, batch.index);
    if (fault === 'none') return fault;
    const times = timesOf(this.plan, this.spec, batch.index);
    return this.workplace.ledger.isFaultDue(this.spec, `batch ${batch.index}`, times) ? fault : 'none';
  }

  #throwForRow(row: Row): void {
    if (rowFaultOf(this.plan, this.spec, row) === 'none') return;
    const times = timesOf(this.plan, this.spec, row.n * 64 + row.copy);
    if (this.workplace.ledger.isFaultDue(this.spec, `row ${row.n} ${row.copy}`, times))
      throw this.#refusal(`row ${row.n} was refused`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
