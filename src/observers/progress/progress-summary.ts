/** The lines that stay: how a run began, how far it is where nothing can be repainted, how it ended. Pure. */
import type { PipelineEventOf } from '../events.js';
import type { Progress } from './progress.js';
import { nameOf } from './progress-lines.js';
import type { Colors } from './segments.js';
import { counted, grouped, printable, span, spanInSeconds } from './terminal-text.js';

type EndEvent = PipelineEventOf<
  'pipeline.paused' | 'pipeline.cancelled' | 'pipeline.completed' | 'pipeline.failed'
>;

export function startLine(event: PipelineEventOf<'pipeline.started'>): string {
  const stages = [counted(event.stages.length, 'stage'), event.stages.map(printable).join(', ')];
  const from = event.resumed ? ` resumes after ${counted(event.fromBatch, 'batch', 'batches')}` : ' started';
  return `${printable(event.pipeline)}${from}, session ${event.sessionId}, ${stages.filter((text) => text !== '').join(': ')}`;
}

/** An attempt that does not settle. */
export function stallLine({ stage, batch, ageMs }: PipelineEventOf<'stage.stalled'>): string {
  return `Stage "${printable(stage)}" has worked on batch ${batch} without an answer for ${spanInSeconds(ageMs)}.`;
}

/** A delivery begins, or failed and is tried again. A failure for good is the failure of the run. */
export function deliveryLines(event: PipelineEventOf<'delivery.started' | 'delivery.failed'>): string[] {
  if (event.type === 'delivery.started') return event.attempt === 1 ? ['Delivering the output.'] : [];
  const { attempt, delayMs, error } = event;
  if (delayMs === undefined) return [];
  return [
    `Delivery: attempt ${attempt} failed, next in ${spanInSeconds(delayMs)}: ${printable(error.message)}`,
  ];
}

export function plainLine(progress: Progress, ascii: boolean): string {
  const { fraction, etaMs } = progress;
  return [
    `${nameOf(progress)}${fraction === undefined ? '' : ` ${Math.floor(fraction * 100)}%`}`,
    `${grouped(progress.rowsIn)} ${ascii ? '->' : '→'} ${grouped(progress.rowsOut)} rows`,
    `${grouped(progress.rowsPerSecond)} rows/s`,
    ...losses(progress),
    ...(etaMs === undefined ? [] : [`ETA ${spanInSeconds(etaMs)}`]),
  ].join(', ');
}

export function summaryLine(progress: Progress, event: EndEvent, colors: Colors, ascii: boolean): string {
  const name = colors.bold(nameOf(progress));
  const rows = `${grouped(progress.rowsIn)} ${ascii ? '->' : '→'} ${grouped(progress.rowsOut)} rows`;
  const took = `in ${span(progress.elapsedMs)}`;
  switch (event.type) {
    case 'pipeline.completed': {
      const lost = losses(progress);
      const figures = [rows, took, `${grouped(progress.rowsPerSecond)} rows/s`, ...lost].join(', ');
      if (!event.success) return `${colors.red(ascii ? 'x' : '✖')} ${name} ended without success: ${figures}`;
      if (!event.isComplete)
        return `${colors.yellow(ascii ? '!' : '▲')} ${name} completed, not whole: ${figures}`;
      return `${colors.green(ascii ? '+' : '✔')} ${name} completed: ${figures}`;
    }
    case 'pipeline.failed': {
      const { message, code } = event.error;
      return `${colors.red(ascii ? 'x' : '✖')} ${name} failed: ${printable(message)} ${colors.dim(`(${code}; ${rows}, ${took})`)}`;
    }
    case 'pipeline.paused': {
      const why = event.reason === undefined ? '' : ` by itself: ${printable(event.reason.message)}`;
      return `${colors.yellow(ascii ? '=' : '‖')} ${name} paused${why}: ${counted(event.batches, 'batch', 'batches')} committed, ${rows}, ${took}`;
    }
    case 'pipeline.cancelled':
      return `${colors.yellow(ascii ? '#' : '■')} ${name} cancelled: ${counted(event.batches, 'batch', 'batches')} committed, ${took}`;
  }
}

function losses(progress: Progress): string[] {
  return [
    ...(progress.retries > 0 ? [counted(progress.retries, 'retry', 'retries')] : []),
    ...(progress.rowsSkipped > 0 ? [`${grouped(progress.rowsSkipped)} skipped`] : []),
    ...(progress.rowsDeadLettered > 0 ? [`${grouped(progress.rowsDeadLettered)} dead-lettered`] : []),
  ];
}
