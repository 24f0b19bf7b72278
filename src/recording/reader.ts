/**
 * Reads a recording, whole or while it grows, and goes to any moment of it.
 *
 * 1. Nothing is kept decoded but a summary: a record is decoded when it is asked for.
 * 2. A frame folds the steps since the keyframe before it: at most a thousand, wherever it is; the next one folds one.
 * 3. Nothing in a recording is trusted, and nothing in it throws: what is damaged is said to be. A line that is no record any
 *    more is known by the number that is missing.
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
  /** Of the record after which it is so. */
  readonly index: number;
  readonly at: number;
  readonly actors: Readonly<Record<string, ActorFrame>>;
  readonly record: RecordingRecord;
  /** Paths in the context of the step's actor: `activity.reader`, `window`. Empty where `record` is no step. */
  readonly changed: readonly string[];
  /** A record between the keyframe and this one could not be read: contexts may be off until the next keyframe. */
  readonly isUncertain: boolean;
}

/** All that are given have to hold. */
export interface RecordFilter {
  readonly types?: readonly RecordType[];
  /** `executor`, `stage:<name>`. */
  readonly actor?: string;
  /** In the name of an event: of the machine's or the observers'. */
  readonly text?: string;
  /** Before this index: what a search may cost is the asker's to say. */
  readonly to?: number;
}

/** A record that was looked for. */
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
  /** Records that are missing right before a record, by its index: within a segment none was dropped on purpose. */
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
      if (SUMMARISED.includes(kind)) this.#summary.add(index, this.record(index));
    });
  }

  /** Records, so far. */
  get length(): number {
    return this.#lines.length;
  }

  /** How many records were decoded so far: what reading has cost. */
  get decoded(): number {
    return this.#decoded;
  }

  /** @throws {RangeError} for an index that is none. */
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

  /** What kind of record it is, without decoding it; a line that cannot be read has one too.
   * @throws {RangeError} for an index that is none. */
  typeAt(index: number): RecordType {
    this.#check(index);
    return KINDS[this.#lines.kind(index)];
  }

  /** Number and time of a record.
   * @throws {RangeError} for an index that is none. */
  stampAt(index: number): Stamp {
    this.#check(index);
    return this.#lines.head(index);
  }

  /** How many records are missing between the one before and this one: lines that cannot be read, or are not there.
   * What a recording has dropped to stay within its bounds is in `begin` records. */
  missingBefore(index: number): number {
    return this.#missing.get(index) ?? 0;
  }

  /** The line as it was written.
   * @throws {RangeError} for an index that is none. */
  textAt(index: number): string {
    this.#check(index);
    return this.#lines.text(index);
  }

  /** Everything as it was after a record, in today's words also where an earlier release recorded it.
   * @throws {RangeError} for an index that is none. */
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

  /** The last record that was not after a time (milliseconds since the epoch); 0 where all are. */
  indexAtTime(at: number): number {
    return this.#lines.atTime(at);
  }

  /** Records from an index on that fit; as many as `count`. */
  find(filter: RecordFilter, from = 0, count = 100): FoundRecord[] {
    const found: FoundRecord[] = [];
    const end = Math.min(this.length, filter.to ?? this.length);
    // What a line does not say needs no decoding: most of what is looked at is not what is looked for.
    const said = [filter.actor, filter.text].flatMap((word) =>
      word === undefined ? [] : [JSON.stringify(word).slice(1, -1)],
    );
    for (let index = Math.max(0, from); index < end && found.length < count; index++) {
      const type: RecordType = KINDS[this.#lines.kind(index)];
      if (filter.types !== undefined && !filter.types.includes(type)) continue;
      if (said.length > 0) {
        const line = this.#lines.text(index);
        if (!said.every((word) => line.includes(word))) continue;
      }
      const record = this.record(index);
      if (fits(record, filter)) found.push({ index, record });
    }
    return found;
  }

  /** The recording so far, at a glance. */
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

  /** In a segment's head, what the keyframe at its end says. */
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

function fits(record: RecordingRecord, { actor, text }: RecordFilter): boolean {
  if (actor !== undefined && !('actor' in record && record.actor === actor)) return false;
  if (text === undefined) return true;
  return 'event' in record && record.event !== null && record.event.type.includes(text);
}

/** The last of sorted numbers that is not beyond `limit`; -1 where all are. */
function lastUpTo(sorted: readonly number[], limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return sorted[low - 1] ?? -1;
}
