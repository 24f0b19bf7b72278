/** Metrics of runs, from their events: counters and durations by pipeline and stage. Durations are seconds; units are UCUM. */
import type { Attributes, Meter } from '@opentelemetry/api';
import type { PipelineEvent } from '../observers/events.js';

const name = (of: string) => `xstate_pipeline.${of}`;

/** @returns an observer's handler. */
export function metricsObserver(meter: Meter, common: Attributes): (event: PipelineEvent) => void {
  const seconds = (of: string, description: string) =>
    meter.createHistogram(name(of), { unit: 's', description });
  const count = (of: string, unit: string, description: string) =>
    meter.createCounter(name(of), { unit, description });
  const attempts = seconds('attempt.duration', 'Duration of attempts of a stage at a batch.');
  const checkpoints = seconds('checkpoint.duration', 'Duration of saving a checkpoint.');
  const rowsIn = count('stage.rows_in', '{row}', 'Rows that a stage took in.');
  const rowsOut = count('stage.rows_out', '{row}', 'Rows that a stage put out.');
  const lost = count('stage.rows_lost', '{row}', 'Rows skipped or dead-lettered.');
  const retries = count('stage.retries', '{attempt}', 'Attempts after the first.');
  const runs = count('runs', '{run}', 'Runs that ended, by outcome.');
  const spent = meter.createGauge(name('session.spent'), {
    description: 'Amounts that the session has spent, over all its processes.',
  });
  const pipelines = new Map<string, string>();

  return (event) => {
    if (event.type === 'pipeline.started') pipelines.set(event.sessionId, event.pipeline);
    const run = { ...common, [name('pipeline.name')]: pipelines.get(event.sessionId) ?? '' };
    const at = (stage: string) => ({ ...run, [name('stage.name')]: stage });
    if ('spending' in event && event.spending !== undefined)
      for (const [amount, value] of Object.entries(event.spending.certain))
        spent.record(value, { ...run, [name('amount')]: amount });
    switch (event.type) {
      case 'batch.completed':
        rowsIn.add(event.rowsIn, at(event.stage));
        rowsOut.add(event.rowsOut, at(event.stage));
        if (!event.fromJournal) attempts.record(event.durationMs / 1000, at(event.stage));
        return;
      case 'batch.retried':
        retries.add(1, { ...at(event.stage), 'error.type': event.error.code ?? event.error.name });
        return;
      case 'row.failed':
        lost.add(1, { ...at(event.stage), 'error.type': event.error.code ?? event.error.name });
        return;
      case 'batch.skipped':
        lost.add(event.rows, { ...at(event.stage), 'error.type': event.error.code ?? event.error.name });
        return;
      case 'checkpoint.saved':
        checkpoints.record(event.durationMs / 1000, run);
        return;
      case 'pipeline.paused':
      case 'pipeline.cancelled':
      case 'pipeline.completed':
      case 'pipeline.failed':
        runs.add(1, { ...run, [name('outcome')]: event.type.slice('pipeline.'.length) });
        return;
      default:
        return;
    }
  };
}
