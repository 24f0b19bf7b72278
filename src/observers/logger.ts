/** Events as structured log records through pino. For Node only: exported from the package's `node` entry. */

import { createRequire } from 'node:module';
import type { DestinationStream, LevelWithSilent } from 'pino';
import type { Observer } from 'rxjs';
import { amountText } from '../spending/budget.js';
import type { EventType, PipelineEvent } from './events.js';
import { counted } from './progress/terminal-text.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** What is needed of a pino logger. */
export interface EventLogger {
  /** What happens to a batch. */
  debug(fields: object, message: string): void;
  /** What happens to the run. */
  info(fields: object, message: string): void;
  /** What was lost, or tried again. */
  warn(fields: object, message: string): void;
  /** What ended a stage, or the run. */
  error(fields: object, message: string): void;
  /** Asked first, where it is there. */
  isLevelEnabled?(level: string): boolean;
}

/** A logger that is made for the events. */
export interface LogEventsOptions {
  /** The lowest level that is written. Default 'info'. */
  readonly level?: LevelWithSilent;
  /** Default: standard error, written at once. */
  readonly destination?: DestinationStream;
}

/**
 * An observer that logs each event: `batch.*` at debug, what concerns the pipeline, its stages and checkpoints at info,
 * `row.failed`, `batch.retried`, `batch.skipped` and `notice` at warn, failures at error. A record carries the event's
 * fields, its type as `event`, and its time as `eventTime` (milliseconds since the epoch).
 * @param target A pino logger, or how to make one.
 * @example
 * executor.addObserver(logEvents({ level: 'warn' }));
 */
export function logEvents(
  target: EventLogger | LogEventsOptions = {},
): Pick<Observer<PipelineEvent>, 'next'> {
  const logger = isLogger(target) ? target : create(target);
  return {
    next(event) {
      const level = levelOf(event.type);
      if (logger.isLevelEnabled?.(level) === false) return;
      const { type, at, ...fields } = event;
      logger[level]({ event: type, eventTime: at, ...fields }, messageFor(event));
    },
  };
}

function isLogger(target: EventLogger | LogEventsOptions): target is EventLogger {
  return 'info' in target && typeof target.info === 'function';
}

function create({ level = 'info', destination: to }: LogEventsOptions): EventLogger {
  // Loaded when it is asked for: every pipeline file imports the entry that this stands in.
  const { pino, destination } = createRequire(import.meta.url)('pino') as typeof import('pino');
  return pino({ name: 'xstate-pipeline', level }, to ?? destination(2));
}

function levelOf(type: EventType): Level {
  switch (type) {
    case 'pipeline.failed':
    case 'stage.failed':
      return 'error';
    case 'row.failed':
    case 'batch.retried':
    case 'batch.skipped':
    case 'batch.held':
    case 'delivery.failed':
    case 'stage.stalled':
    case 'budget.warning':
    case 'notice':
      return 'warn';
    case 'batch.started':
    case 'batch.completed':
    case 'batch.deferred':
    case 'batches.committed':
      return 'debug';
    default:
      return 'info';
  }
}

function batches(count: number): string {
  return counted(count, 'batch', 'batches');
}

function messageFor(event: PipelineEvent): string {
  switch (event.type) {
    case 'pipeline.started':
      return `${event.pipeline} ${event.resumed ? `resumed from batch ${event.fromBatch}` : 'started'}`;
    case 'pipeline.paused':
      return `paused after ${batches(event.batches)}${event.reason === undefined ? '' : `: ${event.reason.message} ${event.reason.advice}`}`;
    case 'budget.warning': {
      const { stage, unit, share, limit, used } = event;
      const whose = stage === undefined ? 'the budget' : `the budget of ${stage}`;
      return `${Math.round(share * 100)} % of ${whose} is spent: ${amountText(unit, used)} of ${amountText(unit, limit)}`;
    }
    case 'pipeline.resumed':
      return `resumed from batch ${event.fromBatch}`;
    case 'pipeline.cancelled':
      return `cancelled after ${batches(event.batches)}`;
    case 'pipeline.completed':
      return `completed: ${event.rowsIn} rows in, ${event.rowsOut} out`;
    case 'pipeline.failed':
      return `failed: ${event.error.message}`;
    case 'stage.started':
      return `stage ${event.stage} started`;
    case 'stage.completed':
      return `stage ${event.stage} completed: ${event.counters.rowsIn} rows in, ${event.counters.rowsOut} out`;
    case 'stage.failed':
      return `stage ${event.stage} failed at batch ${event.batch}: ${event.error.message}`;
    case 'stage.stalled':
      return `stage ${event.stage}, batch ${event.batch}: no answer for ${Math.round(event.ageMs / 1000)} s`;
    case 'batch.started':
      return `stage ${event.stage}, batch ${event.batch}: attempt ${event.attempt}`;
    case 'batch.completed':
      return `stage ${event.stage}, batch ${event.batch}: ${event.fromJournal ? 'taken from the journal' : 'completed'}`;
    case 'batch.retried':
      return `stage ${event.stage}, batch ${event.batch}: attempt ${event.attempt} failed, next in ${event.delayMs} ms: ${event.error.message}`;
    case 'batch.deferred':
      return `stage ${event.stage}, batch ${event.batch}: attempt ${event.attempt} waits ${event.delayMs} ms for a permit of ${event.waitingFor}`;
    case 'batch.skipped':
      return `stage ${event.stage}, batch ${event.batch}: ${counted(event.rows, 'row')} ${event.deadLettered ? 'dead-lettered' : 'skipped'}: ${event.error.message}`;
    case 'batch.held':
      return `stage ${event.stage}, batch ${event.batch}: attempt ${event.attempt} is held until the run resumes${event.error === undefined ? '' : `: ${event.error.message}`}`;
    case 'row.failed':
      return `stage ${event.stage}, batch ${event.batch}, row ${event.row}${event.deadLettered ? ' dead-lettered' : ''}: ${event.error.message}`;
    case 'checkpoint.saved':
      return `checkpoint saved after ${batches(event.batches)}, ${event.bytes} bytes`;
    case 'batches.committed':
      return `committed up to batch ${event.upTo}`;
    case 'delivery.started':
      return `delivering the output: attempt ${event.attempt}`;
    case 'delivery.failed':
      return `the delivery failed in attempt ${event.attempt}${event.delayMs === undefined ? '' : `, next in ${event.delayMs} ms`}: ${event.error.message}`;
    case 'delivery.completed':
      return `delivered in ${event.durationMs} ms`;
    case 'tuned':
      return `tuned: ${JSON.stringify(event.tuning)}`;
    case 'notice':
      return event.message;
  }
}
