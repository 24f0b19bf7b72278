/** What a recording is about, in short: gathered while its lines are indexed, from the few records that matter to it. */
import type { JsonObject } from '../formats/json.js';
import { EXECUTOR, type MachineDefinition, type RecordingRecord } from './format.js';

/** Why a moment is worth finding. */
export type MarkKind =
  | 'checkpoint'
  | 'paused'
  | 'resumed'
  | 'restart'
  | 'failed'
  | 'completed'
  | 'cancelled'
  | 'gap'
  | 'end';

/** A moment worth finding again. */
export interface Mark {
  readonly index: number;
  readonly at: number;
  readonly kind: MarkKind;
  /** For a person. */
  readonly label: string;
}

/** How far the run had committed. */
export interface Point {
  readonly at: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Of the journal, on the disk; absent where there is none, and in recordings that do not say. */
  readonly journalBytes?: number;
}

/** A recording at a glance. */
export interface RecordingSummary {
  /** Of the newest release that has written to it; 0 until a `begin` was read. */
  readonly format: number;
  /** Empty until a `begin` was read. */
  readonly sessionId: string;
  readonly pipeline: string;
  readonly stages: readonly string[];
  readonly definitions: Readonly<Record<string, MachineDefinition>>;
  /** Milliseconds since the epoch, of the first and the last record; 0 where there is none. */
  readonly from: number;
  readonly to: number;
  readonly records: number;
  readonly marks: readonly Mark[];
  /** At most 2,000 points. */
  readonly series: readonly Point[];
}

const MAX_POINTS = 2000;
/** Checkpoints are thinned out beyond so many marks. */
const MAX_MARKS = 4000;

/** A session that another process stored is opened first. */
const RESUMED: ReadonlySet<string> = new Set(['INITIALIZING', 'EXECUTING']);

const STATE_MARKS: Readonly<Record<string, MarkKind | undefined>> = {
  PAUSED: 'paused',
  COMPLETED: 'completed',
  FAILED: 'failed',
  IDLE: 'cancelled',
};

export class SummaryBuilder {
  #format = 0;
  #sessionId = '';
  #pipeline = '';
  #stages: readonly string[] = [];
  readonly #definitions: Record<string, MachineDefinition> = {};
  #marks: Mark[] = [];
  #points: Point[] = [];

  add(index: number, record: RecordingRecord): void {
    const mark = (kind: MarkKind, label: string) => this.#marks.push({ index, at: record.at, kind, label });
    switch (record.type) {
      case 'begin':
        if (record.dropped > 0) mark('gap', `${record.dropped} records dropped`);
        if (record.resumed && !record.continued)
          mark('restart', record.pid === null ? 'restart' : `process ${record.pid}`);
        this.#format = Math.max(this.#format, record.format);
        this.#sessionId = record.sessionId;
        this.#pipeline = record.pipeline;
        this.#stages = record.stages;
        return;
      case 'definition':
        this.#definitions[record.id] = record.definition;
        return;
      case 'step': {
        if (record.actor !== EXECUTOR || typeof record.to !== 'string') return;
        const kind = record.from === 'PAUSED' && RESUMED.has(record.to) ? 'resumed' : STATE_MARKS[record.to];
        if (kind !== undefined && record.from !== record.to) mark(kind, kind);
        return;
      }
      case 'event':
        this.#event(record.event, record.at, (label) => mark('checkpoint', label));
        return;
      case 'end':
        mark('end', record.reason);
        return;
      default:
    }
  }

  #event(event: JsonObject, at: number, mark: (label: string) => void): void {
    const { type, batches, rowsIn, rowsOut, journalBytes } = event;
    if (type === 'checkpoint.saved') {
      mark(`checkpoint after ${Number(batches)} batches`);
      if (this.#marks.length > MAX_MARKS) this.#marks = thinned(this.#marks);
    } else if (typeof rowsIn === 'number' && typeof rowsOut === 'number') {
      const journal = typeof journalBytes === 'number' ? { journalBytes } : {};
      this.#points.push({ at, rowsIn, rowsOut, ...journal });
      if (this.#points.length > 2 * MAX_POINTS) this.#points = halved(this.#points);
    }
  }

  summary(from: number, to: number, records: number): RecordingSummary {
    return {
      format: this.#format,
      sessionId: this.#sessionId,
      pipeline: this.#pipeline,
      stages: this.#stages,
      definitions: { ...this.#definitions },
      ...{ from, to, records },
      marks: [...this.#marks],
      series: this.#points.length > MAX_POINTS ? halved(this.#points) : [...this.#points],
    };
  }
}

/** Every second one, and the last. */
function halved<T>(list: readonly T[]): T[] {
  return list.filter((_, i) => i % 2 === 0 || i === list.length - 1);
}

function thinned(marks: readonly Mark[]): Mark[] {
  let seen = 0;
  return marks.filter(({ kind }) => kind !== 'checkpoint' || seen++ % 2 === 0);
}
