/** The pipeline from left to right: source, one lane a stage, sink; and the window of batches in flight. */
import type { ComponentChildren } from 'preact';
import { bytes, count, duration, short } from '../view/format.js';
import type { Checkpoint, ExecutorMetrics, Lane } from '../view/lanes.js';

interface Props {
  readonly lanes: readonly Lane[];
  readonly metrics: ExecutorMetrics;
  readonly checkpoint: Checkpoint | null;
  /** Bytes; undefined: none or unknown. */
  readonly journal: number | undefined;
  readonly chosen: string;
  readonly choose: (actor: string) => void;
}

/** Maximum number of drawn cells. */
const MAX_CELLS = 96;

export function Lanes({ lanes, metrics, checkpoint, journal, chosen, choose }: Props) {
  return (
    <div class="pipeline">
      <ol class="lanes" aria-label="Pipeline">
        <Terminal name="Source" state={metrics.doing.includes('reading') ? 'reading' : ''}>
          <Fact name="rows read" value={count(metrics.rowsRead)} />
          <Fact name="batches read" value={count(metrics.read)} />
        </Terminal>
        {lanes.map((lane) => (
          <StageLane key={lane.actor} lane={lane} isChosen={lane.actor === chosen} choose={choose} />
        ))}
        <Terminal
          name="Sink"
          state={metrics.doing.find((each) => each === 'writing' || each === 'committing') ?? ''}
        >
          <Fact name="rows out" value={count(metrics.rowsOut)} />
          <Fact name="batches" value={count(metrics.written)} />
          <Fact name="lost" value={count(metrics.lost)} tone={metrics.lost > 0 ? 'bad' : ''} />
          {metrics.sinkBytes !== null && <Fact name="durable" value={bytes(metrics.sinkBytes)} />}
        </Terminal>
      </ol>
      <Window
        metrics={metrics}
        checkpoint={checkpoint}
        journal={journal}
        stages={lanes.map((lane) => lane.stage)}
      />
    </div>
  );
}

function StageLane({
  lane,
  isChosen,
  choose,
}: {
  readonly lane: Lane;
  readonly isChosen: boolean;
  readonly choose: (actor: string) => void;
}) {
  const { stage, actor, state, queued, inFlight, retrying, awaitingPermit } = lane;
  const { done, rowsLost, concurrency, rate, latencyMs } = lane;
  const busy = concurrency === 0 ? 0 : Math.min(1, inFlight / concurrency);
  return (
    <li class={`lane ${isChosen ? 'chosen' : ''}`} data-stage={stage}>
      <button
        type="button"
        class="lane-head"
        aria-pressed={isChosen}
        title={`Show the statechart of ${stage}`}
        onClick={() => choose(isChosen ? 'executor' : actor)}
      >
        <b>{stage}</b>
        <span class={`chip ${state}`}>{state || '–'}</span>
      </button>
      <div
        class="lane-flow"
        role="img"
        aria-label={`${queued} queued, ${inFlight} of ${concurrency} in flight`}
      >
        <span class="queue">
          {Array.from({ length: Math.min(queued, 12) }, (_, i) => (
            <i key={i} />
          ))}
        </span>
        <span class="slots">
          <i style={{ width: `${busy * 100}%` }} />
        </span>
      </div>
      <dl>
        <Fact name="in flight" value={concurrency === 0 ? count(inFlight) : `${inFlight}/${concurrency}`} />
        {queued > 0 && <Fact name="queued" value={count(queued)} />}
        <Fact name="batches done" value={short(done)} />
        {retrying > 0 && <Fact name="retrying" value={count(retrying)} tone="warn" />}
        {awaitingPermit > 0 && <Fact name="awaiting permit" value={count(awaitingPermit)} tone="warn" />}
        {rowsLost > 0 && <Fact name="rows lost" value={short(rowsLost)} tone="bad" />}
        {rate !== null && <Fact name="rows/s" value={short(rate)} />}
        <Fact name="per batch" value={latencyMs === null ? '–' : duration(latencyMs)} />
      </dl>
      {lane.error !== '' && <p class="lane-error">{lane.error}</p>}
    </li>
  );
}

function Terminal({
  name,
  state,
  children,
}: {
  readonly name: string;
  readonly state: string;
  readonly children: ComponentChildren;
}) {
  return (
    <li class="lane terminal">
      <div class="lane-head">
        <b>{name}</b>
      </div>
      <div class="lane-flow">
        <span class={state === '' ? 'chip' : 'chip busy'}>{state || 'idle'}</span>
      </div>
      <dl>{children}</dl>
    </li>
  );
}

function Fact({
  name,
  value,
  tone = '',
}: {
  readonly name: string;
  readonly value: string;
  readonly tone?: string;
}) {
  return (
    <div class={`fact ${tone}`}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

interface WindowProps extends Pick<Props, 'metrics' | 'checkpoint' | 'journal'> {
  readonly stages: readonly string[];
}

/** One cell a batch in flight, placed by its stage; then the free room of the window. */
function Window({ metrics, checkpoint, journal, stages }: WindowProps) {
  const { window: cells, maxInFlight, committed, read } = metrics;
  const free = Math.max(0, Math.min(MAX_CELLS, maxInFlight) - cells.length);
  const where = (at: number) => stages[at] ?? 'the sink';
  const full = `${cells.length} of ${maxInFlight} batches in flight`;
  return (
    <div class="window">
      <p class="window-title">
        <span>
          Window <b class="said">{full}</b>
        </span>
        <span>
          Watermark <b class="said">{`${count(committed)} of ${count(read)} batches`}</b>
        </span>
        <span>
          Checkpoint{' '}
          <b class="said">
            {checkpoint === null ? '–' : `${bytes(checkpoint.bytes)}, ${duration(checkpoint.ageMs)} before`}
          </b>
        </span>
        {journal !== undefined && (
          <span>
            Journal <b class="said">{bytes(journal)}</b>
          </span>
        )}
      </p>
      <div class="cells" role="img" aria-label={full}>
        {cells.slice(0, MAX_CELLS).map((cell) => (
          <i
            key={cell.batch}
            class="cell"
            title={`batch ${cell.batch}, at ${where(cell.at)}`}
            style={{ '--along': `${(100 * (cell.at + 1)) / (stages.length + 1)}%` }}
          />
        ))}
        {Array.from({ length: free }, (_, i) => (
          <i key={i} class="cell free" />
        ))}
      </div>
    </div>
  );
}
