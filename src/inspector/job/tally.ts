/** What the records up to a moment add up to. Pure. */
import type { RecordingRecord } from '../../recording/format.js';
import { Causes, type FailureCause } from './causes.js';
import { type Durations, Histogram } from './histogram.js';
import { fields, list, number, text } from './read.js';

/** How fast a stage has been. */
export interface StageSpeed {
  readonly stage: string;
  /** Of attempts that succeeded; batches from the journal, and those of a fused pass, take no time of their own. */
  readonly latency: Durations;
  /** Attempts that failed and were repeated. */
  readonly retries: number;
  /** Attempts that waited for a permit. */
  readonly deferred: number;
  readonly fromJournal: number;
}

/** Amounts by unit: `usd`, `tokens`, `calls` … */
export type Amounts = Readonly<Record<string, number>>;

export interface KnownBudget {
  /** Empty: the pipeline's. */
  readonly stage: string;
  readonly unit: string;
  readonly limit: number;
  readonly used: number;
}

/** The figures of the job at one moment, over all processes. */
export interface JobFigures {
  readonly index: number;
  readonly stages: readonly StageSpeed[];
  readonly causes: readonly FailureCause[];
  /** The sink's flush and fsync at a commit. */
  readonly fsync: Durations;
  /** Writing a checkpoint. */
  readonly checkpoint: Durations;
  readonly checkpointBytes: number;
  /** The size of the input, where known, and how much of it is committed. */
  readonly total: { readonly unit: 'bytes' | 'rows'; readonly value: number } | null;
  readonly done: number;
  /** Committed input a second, in the unit of `total`, over the last minute of work; null: unknown. */
  readonly pace: number | null;
  readonly spent: Amounts;
  /** Reserved by calls that were in flight when a process crashed. */
  readonly uncertain: Amounts;
  readonly budgets: readonly KnownBudget[];
  readonly processes: number;
}

interface Commit {
  readonly at: number;
  readonly done: number;
}

/** The pace is over the commits of the last minute. */
const PACE_MS = 60_000;
const MAX_COMMITS = 120;

export class Tally {
  #latencies = new Map<string, Histogram>();
  #counts = new Map<string, { retries: number; deferred: number; fromJournal: number }>();
  #causes = new Causes();
  #fsync = new Histogram();
  #checkpoint = new Histogram();
  #checkpointBytes = 0;
  #total: JobFigures['total'] = null;
  #done = 0;
  #commits: readonly Commit[] = [];
  #spent: Amounts = {};
  #uncertain: Amounts = {};
  #budgets = new Map<string, KnownBudget>();
  #processes = 0;
  #flushingSince: number | undefined;

  clone(): Tally {
    const copy = new Tally();
    copy.#latencies = new Map([...this.#latencies].map(([stage, each]) => [stage, each.clone()]));
    copy.#counts = new Map([...this.#counts].map(([stage, each]) => [stage, { ...each }]));
    copy.#causes = this.#causes.clone();
    copy.#fsync = this.#fsync.clone();
    copy.#checkpoint = this.#checkpoint.clone();
    copy.#checkpointBytes = this.#checkpointBytes;
    copy.#total = this.#total;
    copy.#done = this.#done;
    copy.#commits = this.#commits;
    copy.#spent = this.#spent;
    copy.#uncertain = this.#uncertain;
    copy.#budgets = new Map(this.#budgets);
    copy.#processes = this.#processes;
    copy.#flushingSince = this.#flushingSince;
    return copy;
  }

  add(index: number, record: RecordingRecord): void {
    if (record.type === 'begin') {
      if (record.continued) return;
      this.#processes++;
      this.#commits = [];
      this.#flushingSince = undefined;
    } else if (record.type === 'step') {
      if (record.actor === 'committer') this.#committer(record);
    } else if (record.type === 'event') this.#event(index, record);
  }

  #committer({ from, to, at }: RecordingRecord & { readonly type: 'step' }): void {
    if (from === to) return;
    if (from === 'flushing' && to === 'saving' && this.#flushingSince !== undefined)
      this.#fsync.add(at - this.#flushingSince);
    this.#flushingSince = to === 'flushing' ? at : undefined;
  }

  #event(index: number, record: RecordingRecord & { readonly type: 'event' }): void {
    const { event, at } = record;
    switch (event.type) {
      case 'batch.completed':
        this.#completed(event);
        return;
      case 'batch.deferred':
        this.#countsOf(text(event.stage)).deferred++;
        return;
      case 'checkpoint.saved':
        this.#checkpoint.add(number(event.durationMs));
        this.#checkpointBytes = number(event.bytes);
        return;
      case 'pipeline.started': {
        const { unit, value } = fields(event.total);
        if ((unit === 'bytes' || unit === 'rows') && typeof value === 'number') this.#total = { unit, value };
        this.#commit(at, number(event.done));
        return;
      }
      case 'pipeline.resumed':
        this.#commits = [];
        this.#commit(at, this.#done);
        return;
      case 'batches.committed':
        this.#commit(at, number(event.done));
        this.#spending(event.spending);
        return;
      case 'pipeline.paused':
      case 'pipeline.completed':
        this.#spending(event.spending);
        return;
      case 'budget.warning': {
        const [stage, unit] = [text(event.stage), text(event.unit)];
        const budget = { stage, unit, limit: number(event.limit), used: number(event.used) };
        this.#budgets.set(`${stage} ${unit}`, budget);
        return;
      }
      case 'batch.retried':
        this.#countsOf(text(event.stage)).retries++;
        break;
      default:
    }
    this.#causes.add(index, record);
  }

  #completed(event: Readonly<Record<string, unknown>>): void {
    const stage = text(event.stage);
    if (event.fromJournal === true) {
      this.#countsOf(stage).fromJournal++;
      return;
    }
    let latency = this.#latencies.get(stage);
    if (latency === undefined) {
      latency = new Histogram();
      this.#latencies.set(stage, latency);
    }
    latency.add(number(event.durationMs));
  }

  #commit(at: number, done: number): void {
    this.#done = done;
    const recent = this.#commits.filter((each) => each.at > at - PACE_MS).slice(-MAX_COMMITS);
    this.#commits = [...recent, { at, done }];
  }

  #spending(spending: unknown): void {
    if (spending === undefined) return;
    this.#spent = amountsOf(fields(spending).certain);
    this.#uncertain = amountsOf(fields(spending).uncertain);
  }

  #countsOf(stage: string) {
    const counts = this.#counts.get(stage) ?? { retries: 0, deferred: 0, fromJournal: 0 };
    this.#counts.set(stage, counts);
    return counts;
  }

  /** @param stages in order. */
  figures(index: number, stages: readonly string[]): JobFigures {
    const none = new Histogram();
    const [first, last] = [this.#commits[0], this.#commits[this.#commits.length - 1]];
    const span = first === undefined || last === undefined ? 0 : last.at - first.at;
    return {
      index,
      stages: stages.map((stage) => ({
        stage,
        latency: (this.#latencies.get(stage) ?? none).durations(),
        ...this.#countsOf(stage),
      })),
      causes: this.#causes.list(),
      fsync: this.#fsync.durations(),
      checkpoint: this.#checkpoint.durations(),
      checkpointBytes: this.#checkpointBytes,
      total: this.#total,
      done: this.#done,
      pace: span > 0 ? (((last as Commit).done - (first as Commit).done) * 1000) / span : null,
      spent: this.#spent,
      uncertain: this.#uncertain,
      budgets: list([...this.#budgets.values()]) as KnownBudget[],
      processes: this.#processes,
    };
  }
}

function amountsOf(value: unknown): Amounts {
  const amounts: Record<string, number> = {};
  for (const [unit, sum] of Object.entries(fields(value)).slice(0, 20))
    if (typeof sum === 'number' && Number.isFinite(sum)) amounts[unit] = sum;
  return amounts;
}
