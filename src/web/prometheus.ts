/**
 * The metrics of a run as Prometheus text (exposition format 0.0.4).
 *
 * Names and units follow Prometheus' conventions: counters end in `_total`, durations are seconds.
 */
import type { RunMetrics } from '../observers/metrics.js';

/** The content type of `prometheusText()`. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly { readonly labels?: Labels; readonly value: number | undefined }[];
}

/**
 * The latest value of `executor.metrics$` as text for a Prometheus scrape.
 *
 * @param metrics of one run.
 * @param labels added to every sample; for example the name of the pipeline. Names must be letters, digits and `_`; others are left out.
 * @returns lines of the exposition format, with the content type `PROMETHEUS_CONTENT_TYPE`.
 * @example
 * let latest: RunMetrics | undefined;
 * executor.metrics$.subscribe((metrics) => (latest = metrics));
 * const page = () => (latest === undefined ? '' : prometheusText(latest, { pipeline: 'reviews' }));
 */
export function prometheusText(metrics: RunMetrics, labels: Readonly<Record<string, string>> = {}): string {
  return metricsOf(metrics)
    .filter(({ samples }) => samples.some(({ value }) => value !== undefined))
    .map((metric) => textOf(metric, labels))
    .join('');
}

function metricsOf(metrics: RunMetrics): readonly Metric[] {
  const { stages, spending } = metrics;
  const one = (name: string, type: Metric['type'], help: string, value: number | undefined): Metric => ({
    ...{ name, type, help },
    samples: [{ value }],
  });
  const perStage = (
    name: string,
    help: string,
    count: (stage: (typeof stages)[number]) => number,
  ): Metric => ({
    ...{ name, type: 'counter', help },
    samples: stages.map((stage) => ({ labels: { stage: stage.stage }, value: count(stage) })),
  });
  return [
    one(
      'rows_read_total',
      'counter',
      'Rows that passed the first stage, in the whole session.',
      metrics.rowsIn,
    ),
    one(
      'rows_written_total',
      'counter',
      'Rows that left the last stage, in the whole session.',
      metrics.rowsOut,
    ),
    one('rows_skipped_total', 'counter', 'Rows left out because of errors.', metrics.rowsSkipped),
    one('rows_dead_lettered_total', 'counter', 'Rows set aside because of errors.', metrics.rowsDeadLettered),
    one('batches_committed_total', 'counter', 'Batches in output and checkpoint.', metrics.batches),
    one('retries_total', 'counter', 'Attempts after the first.', metrics.retries),
    one(
      'run_seconds_total',
      'counter',
      'Time in which the run was going, in this process.',
      metrics.durationMs / 1000,
    ),
    one('rows_per_second', 'gauge', 'Rows read by this process, over its time.', metrics.rowsPerSecond),
    perStage('stage_rows_in_total', 'Rows that a stage took in.', ({ rowsIn }) => rowsIn),
    perStage('stage_rows_out_total', 'Rows that a stage put out.', ({ rowsOut }) => rowsOut),
    perStage('stage_batches_total', 'Batches that a stage has done.', ({ batches }) => batches),
    perStage('stage_retries_total', 'Attempts of a stage after the first.', ({ retries }) => retries),
    perStage('stage_seconds_total', 'Time of attempts of a stage, added up.', ({ busyMs }) => busyMs / 1000),
    {
      ...{
        name: 'spent_total',
        type: 'counter',
        help: 'Amounts spent in the whole session, by name (usd, calls …).',
      },
      samples: amountSamples(spending?.certain),
    },
    {
      ...{
        name: 'spent_uncertain_total',
        type: 'counter',
        help: 'Amounts reserved by calls in flight at a crash.',
      },
      samples: amountSamples(spending?.uncertain),
    },
  ];
}

const amountSamples = (amounts: Readonly<Record<string, number>> = {}) =>
  Object.entries(amounts).map(([amount, value]) => ({ labels: { amount }, value }));

function textOf({ name, type, help, samples }: Metric, common: Labels): string {
  const full = `xstate_pipeline_${name}`;
  const lines = samples.flatMap(({ labels = {}, value }) =>
    value === undefined ? [] : [`${full}${labelText({ ...common, ...labels })} ${value}\n`],
  );
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels)
    .filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    .map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (value: string) =>
  value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
