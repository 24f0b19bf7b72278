/** The summary of a recording, collected from a few kinds of records while its lines are indexed. */
import type { JsonObject } from '../formats/json.js';
import { EXECUTOR, type MachineDefinition, type RecordingRecord } from './format.js';

/** The kind of a `Mark`. */
export type MomentKind =
  | 'checkpoint'
  | 'paused'
  | 'resumed'
  | 'restart'
  /** The last record of a process that stopped in the middle of its work. */
  | 'killed'
  | 'failed'
  | 'completed'
  | 'cancelled'
  | 'gap'
  | 'end';

/** A notable moment of the run. */
export interface NotableMoment {
  readonly index: number;
  readonly at: number;
  readonly kind: MomentKind;
  /** For display. */
  readonly label: string;
}

/** Committed rows at one moment. */
export interface Point {
  readonly at: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Size of the journal on disk. Absent without a journal, and in old recordings. */
  readonly journalBytes?: number;
}

/** The summary of a recording. */
export interface RecordingSummary {
  /** The newest format in it; 0 before the first `begin`. */
  readonly format: number;
  /** Empty before the first `begin`. */
  readonly sessionId: string;
  readonly pipeline: string;
  readonly stages: readonly string[];
  readonly definitions: Readonly<Record<string, MachineDefinition>>;
  /** Time of the first and the last record, in milliseconds since the epoch; 0 without records. */
  readonly from: number;
  readonly to: number;
  readonly records: number;
  readonly marks: readonly NotableMoment[];
  /** At most 2,000 points. */
  readonly series: readonly Point[];
}

const MAX_POINTS = 2000;
/** With more marks, every second checkpoint is removed. */
const MAX_MARKS = 4000;

/** States in which a process works; they follow PAUSED at a resume. */
const RESUMED: ReadonlySet<string> = new Set(['INITIALIZING', 'EXECUTING']);

const STATE_MARKS: Readonly<Record<string, MomentKind | undefined>> = {
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
  #marks: NotableMoment[] = [];
  #points: Point[] = [];
  /** Of the process whose records were added last. */
  #process: { readonly pid: number | null; isWorking: boolean } = { pid: null, isWorking: false };

  /** @param previousAt time of the record before it. */
  add(index: number, record: RecordingRecord, previousAt = record.at): void {
    const mark = (kind: MomentKind, label: string) => this.#marks.push({ index, at: record.at, kind, label });
    switch (record.type) {
      case 'begin':
        if (record.dropped > 0) mark('gap', `${record.dropped} records dropped`);
        if (record.resumed && !record.continued) {
          const { pid, isWorking } = this.#process;
          if (isWorking && index > 0)
            this.#marks.push({
              ...{ index: index - 1, at: previousAt, kind: 'killed' },
              label: pid === null ? 'killed' : `process ${pid} was killed`,
            });
          mark('restart', record.pid === null ? 'restart' : `process ${record.pid}`);
        }
        if (!record.continued) this.#process = { pid: record.pid, isWorking: false };
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
        this.#process.isWorking = RESUMED.has(record.to);
        const kind = record.from === 'PAUSED' && RESUMED.has(record.to) ? 'resumed' : STATE_MARKS[record.to];
        if (kind !== undefined && record.from !== record.to) mark(kind, kind);
        return;
      }
      case 'event':
        this.#event(record.event, record.at, (label) => mark('checkpoint', label));
        return;
      case 'end':
        this.#process.isWorking = false;
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

function thinned(marks: readonly NotableMoment[]): NotableMoment[] {
  let seen = 0;
  return marks.filter(({ kind }) => kind !== 'checkpoint' || seen++ % 2 === 0);
}
