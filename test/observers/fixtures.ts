/** What the observers' tests share: a clock driven by hand, a stream that remembers, short ways to write events. */

import type { EventType, PipelineEvent, PipelineEventOf } from '../../src/observers/events.js';
import type { TerminalStream } from '../../src/observers/progress/terminal-block.js';
import type { Clock } from '../../src/platform/clock.js';

export const SESSION = '5b0e9d3c-6a62-4f0a-9d2e-1f2d3c4b5a69';

export class HandClock implements Clock {
  time = 1_000_000;
  readonly #timers = new Set<{ at: number; callback: () => void }>();
  now = () => this.time;
  monotonic = () => this.time;
  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.time + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  get pending(): number {
    return this.#timers.size;
  }
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.time = due.at;
      due.callback();
    }
    this.time = end;
  }
}

export class FakeStream implements TerminalStream {
  writes: string[] = [];
  isTTY = true;
  columns = 80;
  rows = 24;
  writableNeedDrain = false;
  readonly listeners: { event: string; listener: () => void }[] = [];
  constructor(settings: { isTTY?: boolean; columns?: number; rows?: number } = {}) {
    Object.assign(this, settings);
  }
  write(text: string): boolean {
    this.writes.push(text);
    return true;
  }
  on(event: string, listener: () => void): void {
    this.listeners.push({ event, listener });
  }
  off(event: string, listener: () => void): void {
    const index = this.listeners.findIndex((each) => each.event === event && each.listener === listener);
    if (index >= 0) this.listeners.splice(index, 1);
  }
  emit(event: string): void {
    for (const each of [...this.listeners]) if (each.event === event) each.listener();
  }
}

/** What a terminal shows after these writes: just enough of one to follow lines, columns and erasing. */
export function screenAfter(writes: readonly string[]): string[] {
  const lines: string[] = [''];
  let row = 0;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is read here.
  for (const part of writes.join('').match(/\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+/g) ?? []) {
    if (part === '\n') {
      row++;
      column = 0;
      lines[row] ??= '';
    } else if (part === '\r') column = 0;
    else if (part.startsWith('\x1b[')) {
      if (part.endsWith('A')) row -= Number(part.slice(2, -1));
      else if (part.endsWith('K')) lines[row] = (lines[row] ?? '').slice(0, column);
      else if (part.endsWith('J')) {
        lines[row] = (lines[row] ?? '').slice(0, column);
        lines.length = row + 1;
      }
    } else {
      const line = (lines[row] ?? '').padEnd(column);
      lines[row] = line.slice(0, column) + part + line.slice(column + part.length);
      column += part.length;
    }
  }
  return lines.map((line) => line.trimEnd());
}

type Fields<T extends EventType> = Omit<PipelineEventOf<T>, 'type' | 'at' | 'sessionId'>;

export function event<T extends EventType>(type: T, at: number, fields: Fields<T>): PipelineEvent {
  return { type, at, sessionId: SESSION, ...fields } as unknown as PipelineEvent;
}

export const FAILURE = { name: 'Error', code: 'BOOM', message: 'the service is away' };

/** `pipeline.started` of a pipeline "reviews" with 1,000 rows of input. */
export function started(at: number, fields: Partial<Fields<'pipeline.started'>> = {}): PipelineEvent {
  return event('pipeline.started', at, {
    pipeline: 'reviews',
    stages: ['normalise', 'classify'],
    resumed: false,
    fromBatch: 0,
    rowsIn: 0,
    rowsOut: 0,
    total: { unit: 'rows', value: 1_000 },
    done: 0,
    ...fields,
  });
}

/** `batch.started` and `batch.completed` of one stage. */
export function batchDone(
  at: number,
  stage: string,
  batch: number,
  rowsIn: number,
  rowsOut = rowsIn,
): PipelineEvent[] {
  return [
    event('batch.started', at, { stage, batch, attempt: 1 }),
    event('batch.completed', at, {
      stage,
      batch,
      rowsIn,
      rowsOut,
      attempt: 1,
      durationMs: 4,
      durable: false,
      fromJournal: false,
    }),
  ];
}

export function committed(at: number, upTo: number, rowsIn: number, rowsOut = rowsIn): PipelineEvent {
  return event('batches.committed', at, { upTo, rowsIn, rowsOut, done: rowsIn });
}

export function completed(at: number, fields: Partial<Fields<'pipeline.completed'>> = {}): PipelineEvent {
  return event('pipeline.completed', at, {
    success: true,
    isComplete: true,
    batches: 10,
    rowsIn: 1_000,
    rowsOut: 990,
    durationMs: 10_000,
    ...fields,
  });
}
