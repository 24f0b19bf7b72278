/** Two sessions side by side: the figures of this one at the moment, and of another one at its end. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { SessionSummary } from '../../host.js';
import type { JobFigures } from '../../job/tally.js';
import type { Place } from '../feed.js';
import type { Frame } from '../records.js';
import type { Session } from '../session.js';
import { count, duration, moment, money, short, shortId } from '../view/format.js';
import { executorMetrics } from '../view/lanes.js';
import { timeline, workedMs } from '../view/timeline.js';

interface Side {
  readonly pipeline: string;
  readonly id: string;
  readonly frame: Frame;
  readonly figures: JobFigures;
  readonly workedMs: number;
  readonly startedAt: number;
}

interface Props {
  readonly place: Place;
  readonly session: Session;
  readonly other: string;
  readonly choose: (session: string) => void;
}

export function Compare({ place, session, other, choose }: Props) {
  const sessions = useSignal<readonly SessionSummary[]>([]);
  const beside = useSignal<Side | null>(null);
  const problem = useSignal('');
  useEffect(() => {
    place.sessions?.().then(
      (found) => (sessions.value = found.filter(({ id }) => id !== session.feed.session)),
      (error: Error) => (problem.value = error.message),
    );
  }, [place, session]);
  useEffect(() => {
    let isStale = false;
    beside.value = null;
    problem.value = '';
    if (other === '' || place.beside === undefined) return;
    place
      .beside(other)
      .then(async (feed) => {
        const { summary } = await feed.summary();
        const end = Math.max(0, summary.records - 1);
        const [frame, figures] = await Promise.all([feed.frame(end), feed.figures(end)]);
        feed.close();
        const worked = workedMs(timeline(summary), frame.at);
        const { pipeline, sessionId: id, from: startedAt } = summary;
        if (!isStale) beside.value = { pipeline, id, frame, figures, workedMs: worked, startedAt };
      })
      .catch((error: Error) => {
        if (!isStale) problem.value = error.message;
      });
    return () => {
      isStale = true;
    };
  }, [place, other]);
  if (place.beside === undefined)
    return (
      <p class="empty">An exported file has one session. Compare sessions with: xstate-pipeline inspect</p>
    );
  const shown = session.shown.value;
  const figures = session.figures.value;
  const { pipeline, sessionId: id, from: startedAt } = session.summary.value;
  const own: Side | null =
    shown === null || figures === null
      ? null
      : {
          pipeline,
          id,
          frame: shown.frame,
          figures,
          startedAt,
          workedMs: workedMs(session.line.value, shown.frame.at),
        };
  return (
    <section class="card compare" aria-label="Two sessions">
      <label class="compare-choice">
        Compare with
        <select value={other} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">choose a session</option>
          {sessions.value.map((each) => (
            <option key={each.id} value={each.id}>
              {`${each.pipeline} ${shortId(each.id)} · ${moment(each.savedAt)} · ${each.state}`}
            </option>
          ))}
        </select>
      </label>
      {problem.value !== '' && <p class="empty">{problem.value}</p>}
      {own !== null && <Sides own={own} other={beside.value} />}
    </section>
  );
}

type Row = readonly [name: string, of: (side: Side) => number, text: (value: number) => string];

function rowsOf(own: Side, other: Side | null): Row[] {
  const metrics = (side: Side) => executorMetrics(side.frame);
  const latency = (side: Side, stage: string) =>
    side.figures.stages.find((each) => each.stage === stage)?.latency;
  const stages = [
    ...new Set([own, other].flatMap((side) => side?.figures.stages.map(({ stage }) => stage) ?? [])),
  ];
  const causes = (side: Side) => side.figures.causes.reduce((sum, { count }) => sum + count, 0);
  return [
    ['Worked', (side) => side.workedMs, duration],
    ['Rows in', (side) => metrics(side).rowsIn, count],
    ['Rows out', (side) => metrics(side).rowsOut, count],
    ['Rows lost', (side) => metrics(side).lost, count],
    ['Rows a second', (side) => (metrics(side).rowsIn * 1000) / Math.max(1, side.workedMs), short],
    ['Failures', causes, count],
    ['Processes', (side) => side.figures.processes, count],
    ['Spent', (side) => side.figures.spent.usd ?? Number.NaN, money],
    ['Checkpoint p95', (side) => side.figures.checkpoint.p95, duration],
    ['Output fsync p95', (side) => side.figures.fsync.p95, duration],
    ...stages.flatMap((stage): Row[] => [
      [`${stage} p50`, (side) => latency(side, stage)?.p50 ?? Number.NaN, duration],
      [`${stage} p95`, (side) => latency(side, stage)?.p95 ?? Number.NaN, duration],
    ]),
  ];
}

function Sides({ own, other }: { readonly own: Side; readonly other: Side | null }) {
  const head = (side: Side | null, what: string) =>
    side === null ? '–' : `${side.pipeline} ${shortId(side.id)}, ${what}`;
  const state = (side: Side | null) => (side === null ? '–' : executorMetrics(side.frame).state);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the keyboard.
    <section class="table-box" tabIndex={0} aria-label="Figures of both sessions">
      <table>
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col">{head(own, 'at the moment')}</th>
            <th scope="col">{head(other, 'at its end')}</th>
            <th scope="col">Difference</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">State</th>
            <td>{state(own)}</td>
            <td>{state(other)}</td>
            <td />
          </tr>
          <tr>
            <th scope="row">Started</th>
            <td>{moment(own.startedAt)}</td>
            <td>{other === null ? '–' : moment(other.startedAt)}</td>
            <td />
          </tr>
          {rowsOf(own, other).map(([name, of, text]) => {
            const [a, b] = [of(own), other === null ? Number.NaN : of(other)];
            if (Number.isNaN(a) && Number.isNaN(b)) return null;
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{Number.isNaN(a) ? '–' : text(a)}</td>
                <td>{Number.isNaN(b) ? '–' : text(b)}</td>
                <td>{differenceOf(a, b)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function differenceOf(a: number, b: number): string {
  if (Number.isNaN(a) || Number.isNaN(b) || b === 0) return '';
  const share = Math.round((a / b - 1) * 100);
  return share === 0 ? 'same' : `${share > 0 ? '+' : '−'}${Math.abs(share)} %`;
}
