/**
 * Reads a recording, whole or while it grows, at any record.
 *
 * 1. Only a summary is kept decoded: a record is decoded on demand.
 * 2. A frame folds the steps since the last keyframe: at most 1,000. The frame after it folds one step.
 * 3. Nothing in a recording is trusted (I9), and no content throws: a damaged line is a `damaged` record. An unreadable line is
 *    found by its missing number.
 */
import { contextOfFormat1, pathOfFormat1 } from '../formats/format-1.js';
import { isObject } from '../formats/json.js';
import { decodeRecord } from './decode.js';
import {
  type ActorFrame,
  type BeginRecord,
  EXECUTOR,
  KINDS,
  type RecordingRecord,
  type RecordType,
  type Stamp,
} from './format.js';
import { LineIndex } from './line-index.js';
import { applyPatch, changedPaths } from './patch.js';
import { type RecordingSummary, SummaryBuilder } from './summary.js';

/** All actors at one moment. */
export interface Frame {
  /** The record after which the actors are in this state. */
  readonly index: number;
  readonly at: number;
  readonly actors: Readonly<Record<string, ActorFrame>>;
  readonly record: RecordingRecord;
  /** Changed paths in the context of the step's actor: `activity.reader`, `window`. Empty if `record` is no step. */
  readonly changed: readonly string[];
  /** A record since the keyframe was unreadable: contexts may be wrong until the next keyframe. */
  readonly isUncertain: boolean;
}

/** A record matches if every given field matches. */
export interface RecordFilter {
  readonly types?: readonly RecordType[];
  /** `executor`, `stage:<name>`. */
  readonly actor?: string;
  /** The stage that an observers' event is about. */
  readonly stage?: string;
  /** Part of what the record says, in any case: names, messages, values. The patch of a step is not searched. */
  readonly text?: string;
  /** The search ends before this index. Default: at the end. */
  readonly to?: number;
}

/** A record that `find` has found. */
export interface FoundRecord {
  readonly index: number;
  readonly record: RecordingRecord;
}

interface Folded {
  readonly index: number;
  readonly actors: Readonly<Record<string, ActorFrame>>;
  readonly isUncertain: boolean;
}

const SUMMARISED = 'bdSVe';
const FOLDED = 'kasS';

/**
 * Reads a recording as it grows: any record, and the state of all actors at it.
 * @example
 * const reader = new RecordingReader();
 * reader.append(await readFile('recording/000001.jsonl'));
 */
export class RecordingReader {
  readonly #lines = new LineIndex();
  readonly #summary = new SummaryBuilder();
  /** Indices of keyframes. */
  readonly #keyframes: number[] = [];
  readonly #begins: number[] = [];
  readonly #dropped = new Map<number, number>();
  /** Missing records right before a record, by its index. Within a segment, no record is removed on purpose. */
  readonly #missing = new Map<number, number>();
  #next: number | undefined;
  #last: Folded | undefined;
  #decoded = 0;

  /** Feeds more bytes, cut anywhere. */
  append(bytes: Uint8Array): void {
    this.#lines.append(bytes, (index, { kind, n }) => {
      if (kind === 'b' && this.#next !== undefined && n > this.#next)
        this.#dropped.set(index, n - this.#next);
      if (kind !== 'b' && this.#next !== undefined && n !== this.#next)
        this.#missing.set(index, Math.max(1, n - this.#next));
      this.#next = n + 1;
      if (kind === 'k') this.#keyframes.push(index);
      if (kind === 'b') this.#begins.push(index);
      if (SUMMARISED.includes(kind)) {
        const previous = index === 0 ? undefined : this.#lines.head(index - 1).at;
        this.#summary.add(index, this.record(index), previous);
      }
    });
  }

  /** Records, so far. */
  get length(): number {
    return this.#lines.length;
  }

  /** Decoded records so far: the cost of reading. */
  get decoded(): number {
    return this.#decoded;
  }

  /** @throws {RangeError} for an index without a record. */
  record(index: number): RecordingRecord {
    this.#check(index);
    this.#decoded++;
    const { n, at } = this.#lines.head(index);
    const record = decodeRecord(this.#lines.text(index), n, at);
    const dropped = this.#dropped.get(index);
    return record.type === 'begin' && dropped !== undefined
      ? ({ ...record, dropped } satisfies BeginRecord)
      : record;
  }

  /** The kind of a record, without decoding it; a damaged line has one too.
   * @throws {RangeError} for an index without a record. */
  typeAt(index: number): RecordType {
    this.#check(index);
    return KINDS[this.#lines.kind(index)];
  }

  /** Number and time of a record.
   * @throws {RangeError} for an index without a record. */
  stampAt(index: number): Stamp {
    this.#check(index);
    return this.#lines.head(index);
  }

  /** Records missing right before this one: unreadable or absent lines. `begin` records count what was removed to limit the size
   * of the recording. */
  missingBefore(index: number): number {
    return this.#missing.get(index) ?? 0;
  }

  /** The line as it was written.
   * @throws {RangeError} for an index without a record. */
  textAt(index: number): string {
    this.#check(index);
    return this.#lines.text(index);
  }

  /** The state of all actors after a record. Contexts of earlier formats are converted.
   * @throws {RangeError} for an index without a record. */
  frameAt(index: number): Frame {
    const record = this.record(index);
    const { actors, isUncertain } = this.#isHead(index) ? this.#headFrame(index) : this.#fold(index, record);
    const changed = record.type === 'step' ? changedPaths(record.patch) : [];
    const executor = actors[EXECUTOR];
    if (executor === undefined || !isObject(executor.context.flow))
      return { index, at: record.at, actors, record, changed, isUncertain };
    const context = contextOfFormat1(executor.context);
    return {
      ...{ index, at: record.at, record, isUncertain },
      actors: { ...actors, [EXECUTOR]: { ...executor, context } },
      changed: [...new Set(changed.map(pathOfFormat1))],
    };
  }

  /** The last record up to a time (milliseconds since the epoch); 0 if all are later. */
  indexAtTime(at: number): number {
    return this.#lines.atTime(at);
  }

  /** Matching records from an index on; at most `count`. */
  find(filter: RecordFilter, from = 0, count = 100): FoundRecord[] {
    const found: FoundRecord[] = [];
    const end = Math.min(this.length, filter.to ?? this.length);
    // A line without the words needs no decoding.
    const actor = filter.actor === undefined ? undefined : quotedText(filter.actor);
    const stage = filter.stage === undefined ? undefined : `"stage":"${quotedText(filter.stage)}"`;
    const text = filter.text === undefined ? undefined : quotedText(filter.text.toLowerCase());
    for (let index = Math.max(0, from); index < end && found.length < count; index++) {
      const type: RecordType = KINDS[this.#lines.kind(index)];
      if (filter.types !== undefined && !filter.types.includes(type)) continue;
      if (actor !== undefined || stage !== undefined || text !== undefined) {
        const line = this.#lines.text(index);
        if (actor !== undefined && !line.includes(actor)) continue;
        if (stage !== undefined && !line.includes(stage)) continue;
        if (text !== undefined && !line.toLowerCase().includes(text)) continue;
      }
      const record = this.record(index);
      if (fits(record, filter)) found.push({ index, record });
    }
    return found;
  }

  /** A summary of the recording so far. */
  summary(): RecordingSummary {
    const { length } = this;
    const timeOf = (index: number) => (length === 0 ? 0 : this.#lines.head(index).at);
    return this.#summary.summary(timeOf(0), timeOf(length - 1), length);
  }

  #check(index: number): void {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.length)
      throw new RangeError(`The recording has ${this.length} records, from 0; there is no record ${index}.`);
  }

  /** Between a `begin` and the keyframe that ends the segment's head. */
  #isHead(index: number): boolean {
    let first = index;
    while (first > 0 && this.#lines.kind(first) === 'd') first--;
    return this.#lines.kind(first) === 'b';
  }

  /** In a segment's head, the frame of the keyframe at its end. */
  #headFrame(index: number): Folded {
    let end = index + 1;
    while (end < this.length && this.#lines.kind(end) === 'd') end++;
    const keyframe = end < this.length ? this.record(end) : undefined;
    if (keyframe?.type !== 'keyframe') return { index, actors: {}, isUncertain: true };
    return { index: end, actors: keyframe.actors, isUncertain: false };
  }

  #fold(index: number, record: RecordingRecord): Folded {
    const base = Math.max(lastUpTo(this.#keyframes, index), lastUpTo(this.#begins, index));
    const last = this.#last;
    let folded: Folded =
      last !== undefined && last.index >= base && last.index <= index
        ? last
        : { index: Math.max(0, base) - 1, actors: {}, isUncertain: true };
    for (let i = folded.index + 1; i <= index; i++) {
      if (this.#missing.has(i)) folded = { ...folded, isUncertain: true };
      if (!FOLDED.includes(this.#lines.kind(i))) continue;
      folded = foldOne(folded, i, i === index ? record : this.record(i));
    }
    this.#last = folded;
    return folded;
  }
}

function foldOne({ actors, isUncertain }: Folded, index: number, record: RecordingRecord): Folded {
  switch (record.type) {
    case 'keyframe':
      return { index, actors: record.actors, isUncertain: false };
    case 'actor': {
      const { definition, parent, state, status, context } = record;
      const frame = { definition, parent, state, status, context };
      return { index, actors: { ...actors, [record.actor]: frame }, isUncertain };
    }
    case 'step': {
      const before = actors[record.actor];
      if (before === undefined) break;
      try {
        const context = applyPatch(before.context, record.patch);
        const { to: state, status = before.status } = record;
        return {
          index,
          actors: { ...actors, [record.actor]: { ...before, state, status, context } },
          isUncertain,
        };
      } catch {
        break;
      }
    }
    default:
  }
  return { index, actors, isUncertain: true };
}

function fits(record: RecordingRecord, { actor, stage, text }: RecordFilter): boolean {
  if (stage !== undefined && !(record.type === 'event' && record.event.stage === stage)) return false;
  if (actor !== undefined && !('actor' in record && record.actor === actor)) return false;
  return text === undefined || textOf(record).toLowerCase().includes(quotedText(text.toLowerCase()));
}

/** As in a line of JSON, without the quotes. */
const quotedText = (word: string): string => JSON.stringify(word).slice(1, -1);

/** What a record says, as JSON: its bookkeeping, patch and contexts left out. */
function textOf(record: RecordingRecord): string {
  if (record.type === 'definition' || record.type === 'keyframe') return record.type;
  const {
    n: _,
    at: __,
    patch: ___,
    context: ____,
    ...said
  } = record as RecordingRecord & Partial<Record<'patch' | 'context', unknown>>;
  return Object.values(said)
    .map((value) => JSON.stringify(value))
    .join(' ');
}

/** The last of sorted numbers up to `limit`; -1 if all are larger. */
function lastUpTo(sorted: readonly number[], limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return sorted[low - 1] ?? -1;
}
