/** Failures up to the moment, grouped by cause: how often, since when, at which stage, in which batches. */
import type { FailureCause, FailureKind } from '../../job/causes.js';
import type { Session } from '../session.js';
import { clock, count, day } from '../view/format.js';

const WORDS: Readonly<Record<FailureKind, string>> = {
  'pipeline.failed': 'The run failed',
  'stage.failed': 'The stage failed',
  'delivery.failed': 'Delivery failed',
  'batch.skipped': 'Batch given up',
  'row.failed': 'Row lost',
  'batch.held': 'Batch held',
  'batch.retried': 'Attempt failed, repeated',
  'stage.stalled': 'Attempt does not end',
};
const MILD: ReadonlySet<FailureKind> = new Set(['batch.retried', 'batch.held', 'stage.stalled']);

interface Props {
  readonly session: Session;
  readonly chooseBatch: (batch: number) => void;
}

export function Causes({ session, chooseBatch }: Props) {
  const figures = session.figures.value;
  if (figures === null) return <p class="empty">Counting …</p>;
  const { causes } = figures;
  if (causes.length === 0) return <p class="empty">No failure up to this moment.</p>;
  return (
    <ul class="causes">
      {causes.map((cause) => (
        <Cause key={cause.id} cause={cause} session={session} chooseBatch={chooseBatch} />
      ))}
    </ul>
  );
}

function Cause({ cause, session, chooseBatch }: Props & { readonly cause: FailureCause }) {
  const { kind, stage, code, message, count: times, first, firstAt, last, lastAt, batches } = cause;
  const isOneDay = day(firstAt) === day(lastAt);
  const when = (at: number) => (isOneDay ? clock(at, false) : `${day(at)} ${clock(at, false)}`);
  return (
    <li class={MILD.has(kind) ? 'cause mild' : 'cause'}>
      <p class="cause-head">
        <b>{`${count(times)}×`}</b>
        <span class="cause-kind">{WORDS[kind]}</span>
        {stage !== '' && <span class="chip">{stage}</span>}
        {code !== '' && code !== 'Error' && <code>{code}</code>}
      </p>
      <p class="cause-message">{message}</p>
      <p class="cause-foot">
        <button type="button" class="link" onClick={() => session.seek(first)}>
          {`first ${when(firstAt)}`}
        </button>
        <button type="button" class="link" onClick={() => session.seek(last)}>
          {`last ${when(lastAt)}`}
        </button>
        {batches.map((batch) => (
          <button key={batch} type="button" class="link" onClick={() => chooseBatch(batch)}>
            {`batch ${batch}`}
          </button>
        ))}
      </p>
    </li>
  );
}
