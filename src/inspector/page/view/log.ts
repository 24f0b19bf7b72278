/** A record as a row of the log: event, actor, and change of state. Pure. */

import { type Fields, fields, text } from '../../job/read.js';
import type { RecordingRecord } from '../records.js';
import { bytes, count, duration } from './format.js';
import { stateText } from './state-value.js';

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'mark' | 'quiet';

export interface LogRow {
  /** Its name in the filter. */
  readonly kind: string;
  readonly actor: string;
  readonly title: string;
  /** The values that tell one such event from another. */
  readonly detail: string;
  /** States, where they differ. */
  readonly from: string;
  readonly to: string;
  readonly tone: Tone;
}

const MAX_DETAIL = 160;
const row = (row: Partial<LogRow> & { kind: string; title: string }): LogRow => ({
  actor: '',
  detail: '',
  from: '',
  to: '',
  tone: 'plain',
  ...row,
});

export function logRow(record: RecordingRecord): LogRow {
  switch (record.type) {
    case 'step': {
      const { actor, event } = record;
      const [from, to] = [stateText(record.from), stateText(record.to)];
      const title = event === null ? 'always' : event.type;
      const moved = from === to ? {} : { from, to };
      const tone = event === null ? 'quiet' : from === to ? toneOf(event.type) : toneOfState(to);
      return row({
        kind: 'step',
        actor,
        title,
        detail: event === null ? '' : detailOf(event),
        tone,
        ...moved,
      });
    }
    case 'event': {
      const { event } = record;
      const actor = 'stage' in event && text(event.stage) !== '' ? `stage:${text(event.stage)}` : 'executor';
      return row({
        kind: 'event',
        actor,
        title: event.type,
        detail: detailOf(event),
        tone: toneOf(event.type),
      });
    }
    case 'begin': {
      const title = record.continued ? 'new segment' : record.resumed ? 'process restart' : 'process start';
      const pid = record.pid === null ? '' : `pid ${record.pid}`;
      const gap = record.dropped > 0 ? `${record.dropped} earlier records were dropped` : '';
      const detail = [pid, gap].filter((part) => part !== '').join(' · ');
      return row({ kind: 'process', title, detail, tone: record.continued ? 'quiet' : 'mark' });
    }
    case 'end':
      return row({ kind: 'process', title: 'process end', detail: record.reason, tone: 'mark' });
    case 'actor':
      return row({
        kind: 'actor',
        actor: record.actor,
        title: 'actor',
        to: stateText(record.state),
        tone: 'quiet',
      });
    case 'damaged':
      return row({ kind: 'damaged', title: 'damaged', detail: record.reason, tone: 'warn' });
    case 'definition':
      return row({ kind: 'definition', title: 'definition', detail: record.id, tone: 'quiet' });
    case 'keyframe':
      return row({ kind: 'keyframe', title: 'keyframe', tone: 'quiet' });
  }
}

/** The event's values: `batch 12 · attempt 2 · 480 → 455 rows`, errors by their message. */
export function detailOf(event: Fields): string {
  const { rowsIn, rowsOut, ...rest } = event;
  const parts: string[] = [];
  for (const [key, value] of Object.entries(rest)) {
    if (!TOLD_ELSEWHERE.has(key)) parts.push(detail(key, value));
    if (key === 'batch' && typeof rowsIn === 'number' && typeof rowsOut === 'number')
      parts.push(`${count(rowsIn)} → ${count(rowsOut)} rows`);
  }
  return parts
    .filter((part) => part !== '')
    .join(' · ')
    .slice(0, MAX_DETAIL);
}

/** By the row's own columns. */
const TOLD_ELSEWHERE = new Set(['type', 'sessionId', 'at', 'stage', 'dueAt']);

function detail(key: string, value: unknown): string {
  if (typeof value === 'number') {
    if (key === 'bytes') return bytes(value);
    return key.endsWith('Ms') ? `${key.slice(0, -2)} ${duration(value)}` : `${key} ${count(value)}`;
  }
  if (typeof value === 'string') return value === '' || key === 'message' ? value : `${key} ${value}`;
  if (key === 'error') return text(fields(value).message);
  return value === true ? key : '';
}

function toneOf(type: string): Tone {
  if (/failed|timedOut|failure|poison/.test(type)) return 'bad';
  if (/retr|deferred|skipped|notice|cancel/.test(type)) return 'warn';
  if (/^(checkpoint|batches)\./.test(type)) return 'good';
  if (/^pipeline\./.test(type)) return 'mark';
  return 'plain';
}

function toneOfState(state: string): Tone {
  if (/^failed$/i.test(state)) return 'bad';
  if (/^completed$/i.test(state)) return 'good';
  if (/^(paused|backingOff|awaitingPermit|held|stopped)$/i.test(state)) return 'warn';
  return 'mark';
}
