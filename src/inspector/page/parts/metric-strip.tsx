/** The main metrics of the run at the cursor. */
import { bytes, count, duration, short } from '../view/format.js';
import type { Checkpoint, ExecutorMetrics, Lane } from '../view/lanes.js';

interface Props {
  readonly metrics: ExecutorMetrics;
  readonly lanes: readonly Lane[];
  /** The newest checkpoint up to the cursor; null: unknown. */
  readonly checkpoint: Checkpoint | null;
}

export function MetricStrip({ metrics, lanes, checkpoint }: Props) {
  const { rowsIn, rowsOut, committed, written, lost, read } = metrics;
  const last = lanes[lanes.length - 1]?.rate ?? null;
  const behind = Math.max(0, read - committed);
  return (
    <dl class="metrics">
      <Metric name="Rows in" value={count(rowsIn)} />
      <Metric
        name="Rows out"
        value={count(rowsOut)}
        note={lost === 0 ? 'none lost' : `${count(lost)} lost`}
        bad={lost > 0}
      />
      <Metric name="Throughput" value={last === null ? '–' : `${short(last)}/s`} note="rows, last stage" />
      <Metric
        name="Watermark"
        value={count(committed)}
        note={behind === 0 ? 'batches, all batches read' : `batches, ${count(behind)} ahead`}
      />
      <Metric name="Written" value={count(written)} note="batches to the sink" />
      <Metric
        name="Checkpoint"
        value={checkpoint === null ? '–' : bytes(checkpoint.bytes)}
        note={checkpoint === null ? 'none nearby' : `${duration(checkpoint.ageMs)} before`}
      />
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly bad?: boolean;
}

function Metric({ name, value, note, bad = false }: FigureProps) {
  return (
    <div class={bad ? 'figure bad' : 'figure'}>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        {note !== undefined && <small>{note}</small>}
      </dd>
    </div>
  );
}
