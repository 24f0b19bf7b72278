/** Failures grouped by their cause: stage, kind and message, without the numbers and names in it. Pure. */
import type { RecordingRecord } from '../../recording/format.js';
import { fields, text } from './read.js';

/** What happened; the name of the observers' event. */
export const FAILURE_KINDS = [
  'pipeline.failed',
  'stage.failed',
  'delivery.failed',
  'batch.skipped',
  'row.failed',
  'batch.held',
  'batch.retried',
  'stage.stalled',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** One cause of failures up to a moment. */
export interface FailureCause {
  /** Stable over moments. */
  readonly id: string;
  readonly kind: FailureKind;
  /** Empty: the run as a whole. */
  readonly stage: string;
  readonly code: string;
  /** The newest message. */
  readonly message: string;
  readonly count: number;
  /** Index and time of the first and the last record. */
  readonly first: number;
  readonly firstAt: number;
  readonly last: number;
  readonly lastAt: number;
  /** The last batches with it, newest first; at most 8. */
  readonly batches: readonly number[];
}

/** Further causes are counted together. */
const MAX_CAUSES = 60;
const MAX_BATCHES = 8;

export class Causes {
  readonly #byId: Map<string, FailureCause>;

  constructor(known: ReadonlyMap<string, FailureCause> = new Map()) {
    this.#byId = new Map(known);
  }

  clone(): Causes {
    return new Causes(this.#byId);
  }

  add(index: number, record: RecordingRecord & { readonly type: 'event' }): void {
    const { event, at } = record;
    const kind = FAILURE_KINDS.find((each) => each === event.type);
    if (kind === undefined || (kind === 'batch.held' && event.error === undefined)) return;
    const { code: given, message: said } = fields(event.error);
    const code = text(given);
    const message = kind === 'stage.stalled' ? 'an attempt has not settled' : text(said) || 'no message';
    const stage = text(event.stage);
    const full = `${kind} ${stage} ${code} ${likeness(message)}`;
    const isKnown = this.#byId.has(full) || this.#byId.size < MAX_CAUSES;
    const id = isKnown ? full : `${kind} other`;
    const before = this.#byId.get(id);
    const batches = typeof event.batch === 'number' ? [event.batch] : [];
    this.#byId.set(id, {
      ...{ id, kind, code, last: index, lastAt: at, count: (before?.count ?? 0) + 1 },
      stage: isKnown ? stage : '',
      message: isKnown ? message : 'other causes',
      ...{ first: before?.first ?? index, firstAt: before?.firstAt ?? at },
      batches: [...new Set([...batches, ...(before?.batches ?? [])])].slice(0, MAX_BATCHES),
    });
  }

  /** The gravest first, then the most frequent. */
  list(): FailureCause[] {
    return [...this.#byId.values()].sort(
      (a, b) => FAILURE_KINDS.indexOf(a.kind) - FAILURE_KINDS.indexOf(b.kind) || b.count - a.count,
    );
  }
}

/** Messages that differ in numbers, ids and quoted texts have one cause. */
const likeness = (message: string): string =>
  message
    .slice(0, 300)
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '"…"')
    .replace(/\b[0-9a-f]{8,}(-[0-9a-f]+)*\b/gi, '#')
    .replace(/\d+/g, '#');
