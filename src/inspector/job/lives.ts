/**
 * Folds the steps of a part of a recording into the lives of its batches.
 *
 * 1. Queue, running attempts and waits are the contexts of the stages, step by step: nothing is guessed from durations.
 * 2. A new process ends every open span as killed. Its batches continue in the same lives.
 * 3. It works in slices between which other work gets its turn.
 */
import { EXECUTOR, type RecordingRecord } from '../../recording/format.js';
import { applyPatch } from '../../recording/patch.js';
import type { RecordingReader } from '../../recording/reader.js';
import type { BatchLife, BatchLives, LifeSpan, SpanEnd, SpanKind } from './life.js';
import { type Fields, fields, list, number, text } from './read.js';

/** Maximum records of one part. */
export const MAX_PART = 20_000;
/** The newest are kept. */
const MAX_LIVES = 1_500;
const SLICE = 400;

/** @param turn lets other work have its turn. */
export async function livesOf(
  reader: RecordingReader,
  from: number,
  to: number,
  turn: () => Promise<void>,
): Promise<BatchLives> {
  const last = Math.min(to, reader.length - 1);
  const first = Math.max(0, from, last - MAX_PART);
  const { stages } = reader.summary();
  const fold = new Fold(stages);
  const fromAt = reader.stampAt(first).at;
  for (const [actor, { context }] of Object.entries(reader.frameAt(first).actors))
    fold.begin(actor, context, fromAt, first);
  for (let i = first + 1; i <= last; i++) {
    if ((i - first) % SLICE === 0) await turn();
    fold.add(i, reader.record(i));
  }
  const toAt = reader.stampAt(last).at;
  const lives = fold.end(toAt).slice(-MAX_LIVES);
  return { from: first, to: last, fromAt, toAt, stages, lives, isCut: first > Math.max(0, from) };
}

interface Open {
  readonly kind: SpanKind;
  readonly from: number;
  readonly attempt: number;
  readonly index: number;
  note: string;
}

interface Life {
  readonly batch: number;
  rows: number;
  readonly spans: LifeSpan[];
  readonly journaled: [stage: number, at: number][];
  committedAt: number | null;
}

/** Batches of a stage, with their state. */
type Members = ReadonlyMap<
  number,
  { readonly kind: SpanKind; readonly attempt: number; readonly note: string }
>;

class Fold {
  readonly #contexts = new Map<string, Fields>();
  readonly #members = new Map<number, Members>();
  /** Open spans, by stage and batch. */
  readonly #open = new Map<string, Open>();
  readonly #lives = new Map<number, Life>();
  readonly #stageOf: ReadonlyMap<string, number>;
  readonly #sink: number;
  #committed = 0;
  /** Time of the record before. */
  #lastAt = 0;

  constructor(stages: readonly string[]) {
    this.#stageOf = new Map(stages.map((stage, i) => [`stage:${stage}`, i]));
    this.#sink = stages.length;
  }

  begin(actor: string, context: Fields, at: number, index: number): void {
    this.#contexts.set(actor, context);
    if (actor === EXECUTOR) this.#committed = number(context.committed);
    this.#compare(actor, context, at, index);
  }

  add(index: number, record: RecordingRecord): void {
    this.#fold(index, record);
    this.#lastAt = record.at;
  }

  #fold(index: number, record: RecordingRecord): void {
    const { at } = record;
    switch (record.type) {
      case 'begin':
        if (!record.continued) this.#kill(this.#lastAt);
        return;
      case 'keyframe':
        for (const [actor, { context }] of Object.entries(record.actors))
          this.begin(actor, context, at, index);
        return;
      case 'actor':
        this.begin(record.actor, record.context, at, index);
        return;
      case 'step': {
        const before = this.#contexts.get(record.actor);
        if (before === undefined) return;
        try {
          const context = applyPatch(before as never, record.patch);
          this.#contexts.set(record.actor, context);
          this.#compare(record.actor, context, at, index);
        } catch {
          // A damaged step: the next keyframe is right again.
        }
        return;
      }
      case 'event':
        this.#event(record.event, at);
        return;
      default:
    }
  }

  end(at: number): BatchLife[] {
    for (const key of [...this.#open.keys()]) this.#close(key, at, 'cut');
    return [...this.#lives.values()];
  }

  #compare(actor: string, context: Fields, at: number, index: number): void {
    const stage = this.#stageOf.get(actor);
    if (stage !== undefined) this.#update(stage, membersOf(context), at, index);
    else if (actor === EXECUTOR) this.#executor(context, at, index);
  }

  #executor(context: Fields, at: number, index: number): void {
    const ready = new Map<number, { kind: SpanKind; attempt: number; note: string }>();
    const inWindow = new Set<number>();
    for (const cell of list(context.window).map(fields)) {
      const batch = number(cell.batch);
      inWindow.add(batch);
      this.#lifeOf(batch).rows = number(cell.rows);
      if (number(cell.at) >= this.#sink) ready.set(batch, { kind: 'ready', attempt: 0, note: '' });
    }
    const committed = number(context.committed);
    // What has left the window is written, and waits for the commit.
    for (const batch of this.#members.get(this.#sink)?.keys() ?? [])
      if (!inWindow.has(batch) && batch >= committed)
        ready.set(batch, { kind: 'written', attempt: 0, note: '' });
    this.#update(this.#sink, ready, at, index);
    for (let batch = this.#committed; batch < committed; batch++) {
      const life = this.#lives.get(batch);
      if (life !== undefined) life.committedAt = at;
    }
    this.#committed = committed;
  }

  #update(stage: number, now: Members, at: number, index: number): void {
    const before: Members = this.#members.get(stage) ?? new Map();
    this.#members.set(stage, now);
    for (const [batch, was] of before) {
      const is = now.get(batch);
      if (is?.kind === was.kind && is.attempt === was.attempt) continue;
      const isFailed = was.kind === 'running' && is !== undefined && is.kind !== 'permit';
      this.#close(`${stage} ${batch}`, at, isFailed ? 'failed' : 'done');
    }
    for (const [batch, is] of now) {
      const key = `${stage} ${batch}`;
      if (!this.#open.has(key)) this.#open.set(key, { ...is, from: at, index });
    }
  }

  #event(event: Fields, at: number): void {
    const stage = this.#stageOf.get(`stage:${text(event.stage)}`);
    if (stage === undefined || typeof event.batch !== 'number') return;
    const life = this.#lifeOf(event.batch);
    if (event.type === 'batch.completed' && event.durable === true) life.journaled.push([stage, at]);
    if (event.type === 'batch.retried' || event.type === 'batch.skipped')
      this.#note(stage, life, text(fields(event.error).message), event.type === 'batch.skipped');
  }

  /** The error of an attempt is reported before or after the step that ends it. */
  #note(stage: number, life: Life, note: string, isLost: boolean): void {
    const open = this.#open.get(`${stage} ${life.batch}`);
    if (open?.kind === 'running') {
      open.note = note;
      return;
    }
    const i = life.spans.findLastIndex((span) => span.stage === stage && span.kind === 'running');
    const span = life.spans[i];
    if (span !== undefined) life.spans[i] = { ...span, note, end: isLost ? 'lost' : span.end };
  }

  #close(key: string, at: number, end: SpanEnd): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    const [stage = 0, batch = 0] = key.split(' ').map(Number);
    const life = this.#lifeOf(batch);
    const isError = open.kind === 'running' && open.note !== '' && end === 'done';
    // A state of no duration is a step on the way.
    if (at > open.from || open.kind === 'running')
      life.spans.push({ ...open, stage, to: at, end: isError ? 'lost' : end });
  }

  #kill(at: number): void {
    for (const key of [...this.#open.keys()]) this.#close(key, at, 'killed');
    this.#contexts.clear();
    this.#members.clear();
  }

  #lifeOf(batch: number): Life {
    const known = this.#lives.get(batch);
    if (known !== undefined) return known;
    const life: Life = { batch, rows: 0, spans: [], journaled: [], committedAt: null };
    this.#lives.set(batch, life);
    return life;
  }
}

function membersOf(context: Fields): Members {
  const members = new Map<number, { kind: SpanKind; attempt: number; note: string }>();
  const add = (items: unknown, kind: SpanKind | undefined) => {
    for (const item of list(items).map(fields)) {
      const limiter = text(item.waitingFor);
      const state = kind ?? (limiter === '' ? 'backoff' : 'permit');
      members.set(number(item.batch, -1), { kind: state, attempt: number(item.attempt), note: limiter });
    }
  };
  add(context.queue, 'queued');
  add(context.waiting, undefined);
  add(context.held, 'held');
  add(context.running, 'running');
  members.delete(-1);
  return members;
}
