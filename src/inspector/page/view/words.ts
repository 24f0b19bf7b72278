/** What happened to the job, in words. Pure. */

import { fields, number, text } from '../../job/read.js';
import type { RecordingRecord } from '../records.js';
import { bytes, count, duration } from './format.js';

export interface Words {
  readonly title: string;
  readonly detail: string;
}

type Event = Readonly<Record<string, unknown>>;
type Describe = (event: Event) => readonly [title: string, ...details: readonly string[]];

const batchOf = (event: Event): string => `batch ${number(event.batch)}`;
const errorOf = (event: Event): string => text(fields(event.error).message);
const attemptOf = (event: Event): string => `attempt ${number(event.attempt)}`;
const rowsOf = ({ rowsIn, rowsOut }: Event): string =>
  typeof rowsIn === 'number' && typeof rowsOut === 'number'
    ? `${count(rowsIn)} → ${count(rowsOut)} rows`
    : '';

const DESCRIBE: Readonly<Record<string, Describe>> = {
  'pipeline.started': (event) =>
    event.resumed === true
      ? ['Run resumed', `from batch ${count(number(event.fromBatch))}`]
      : ['Run started', sizeOf(fields(event.total))],
  'pipeline.paused': (event) => ['Run paused', text(fields(event.reason).message), rowsOf(event)],
  'pipeline.resumed': (event) => ['Run resumed', `from batch ${count(number(event.fromBatch))}`],
  'pipeline.cancelled': (event) => ['Run cancelled', `${count(number(event.batches))} batches are saved`],
  'pipeline.completed': (event) => ['Run completed', rowsOf(event), duration(number(event.durationMs))],
  'pipeline.failed': (event) => ['Run failed', errorOf(event)],
  'stage.started': (event) => [`${text(event.stage)}: first batch`],
  'stage.completed': (event) => [`${text(event.stage)}: all done`],
  'stage.failed': (event) => [`${text(event.stage)} failed at ${batchOf(event)}`, errorOf(event)],
  'stage.stalled': (event) => [
    `${text(event.stage)}: ${batchOf(event)} does not end`,
    `for ${duration(number(event.ageMs))}`,
  ],
  'batch.completed': (event) => [
    `${text(event.stage)}: ${batchOf(event)} done`,
    rowsOf(event),
    event.fromJournal === true ? 'from the journal' : duration(number(event.durationMs)),
    event.durable === true && event.fromJournal !== true ? 'journaled' : '',
    number(event.attempt) > 1 ? `attempt ${number(event.attempt)}` : '',
  ],
  'batch.retried': (event) => [
    `${text(event.stage)}: ${batchOf(event)}, attempt ${number(event.attempt)} failed`,
    errorOf(event),
    `again in ${duration(number(event.delayMs))}`,
  ],
  'batch.deferred': (event) => [
    `${text(event.stage)}: ${batchOf(event)} waits for a permit`,
    text(event.waitingFor),
    duration(number(event.delayMs)),
  ],
  'batch.held': (event) => [
    `${text(event.stage)}: ${batchOf(event)} is held until the resume`,
    errorOf(event),
  ],
  'batch.skipped': (event) => [
    `${text(event.stage)}: ${batchOf(event)} given up`,
    `${count(number(event.rows))} rows ${event.deadLettered === true ? 'to the dead letters' : 'lost'}`,
    errorOf(event),
  ],
  'row.failed': (event) => [
    `${text(event.stage)}: row ${number(event.row)} of ${batchOf(event)} ${event.deadLettered === true ? 'to the dead letters' : 'lost'}`,
    errorOf(event),
  ],
  'checkpoint.saved': (event) => [
    'Checkpoint saved',
    bytes(number(event.bytes)),
    duration(number(event.durationMs)),
  ],
  'batches.committed': (event) => [`Committed up to batch ${count(number(event.upTo))}`, rowsOf(event)],
  'budget.warning': (event) => [
    `${Math.round(number(event.share) * 100)} % of the budget is spent`,
    `${count(number(event.used))} of ${count(number(event.limit))} ${text(event.unit)}`,
  ],
  'delivery.started': (event) => ['Delivery of the output begins', attemptOf(event)],
  'delivery.failed': (event) => ['Delivery failed', attemptOf(event), errorOf(event)],
  'delivery.completed': (event) => ['Output delivered', duration(number(event.durationMs))],
  tuned: () => ['Concurrency or limits changed'],
  notice: (event) => [text(event.message)],
};

/** Undefined: a step of the library, or something unknown. */
export function wordsOf(record: RecordingRecord): Words | undefined {
  if (record.type !== 'event') return undefined;
  const { type } = record.event;
  const describe = Object.hasOwn(DESCRIBE, type) ? DESCRIBE[type] : undefined;
  if (describe === undefined) return undefined;
  const [title, ...details] = describe(record.event);
  return {
    title,
    detail: details
      .filter((part) => part !== '')
      .join(' · ')
      .slice(0, 240),
  };
}

function sizeOf({ unit, value }: Event): string {
  if (typeof value !== 'number') return '';
  return unit === 'bytes' ? `input of ${bytes(value)}` : `${count(value)} rows`;
}
