/** The run at the moment: the verdict, how far, how fast, until when, what it cost, and what to do. */

import type { CommandLines } from '../../host.js';
import type { JobFigures } from '../../job/tally.js';
import { bytes, clock, count, day, duration, short } from '../view/format.js';
import type { ExecutorMetrics, Lane } from '../view/lanes.js';
import { type Bottleneck, progress, spendingLines, type Verdict, verdict } from '../view/verdict.js';
import { CopyLine } from './copy.js';

interface Props {
  readonly metrics: ExecutorMetrics;
  readonly lanes: readonly Lane[];
  readonly figures: JobFigures | null;
  readonly commands: CommandLines;
  readonly live: boolean;
  readonly isNewest: boolean;
  /** Time of the moment, and how long the run has worked until then; milliseconds. */
  readonly at: number;
  readonly workedMs: number;
  readonly bottleneck: Bottleneck | null;
}

export function RunCard(props: Props) {
  const { metrics, lanes, figures, commands, at, workedMs, bottleneck } = props;
  const said = verdict(props);
  const { share, leftMs } = progress(props);
  const { rowsRead, rowsOut, lost } = metrics;
  const rate = lanes[lanes.length - 1]?.rate ?? null;
  const mean = workedMs > 0 ? (metrics.rowsIn * 1000) / workedMs : null;
  const spending = figures === null ? [] : spendingLines(figures);
  const offers: [string, string][] = [];
  if (commands.fork !== undefined && !props.live)
    offers.push(['Rerun from this moment', commands.fork.replace('BATCH', String(metrics.committed))]);
  return (
    <section class={`card run-card ${said.tone}`} aria-label="The run">
      <div class="verdict">
        <h2>{said.title}</h2>
        <p>{said.text}</p>
      </div>
      <Bar share={share} tone={said.tone} />
      <dl class="run-facts">
        <Fact
          name="Progress"
          value={share === null ? '–' : `${percent(share)} %`}
          note={share === null ? 'the size of the input is unknown' : doneOf(figures)}
        />
        {metrics.state === 'COMPLETED' ? (
          <Fact name="Ended" value={clock(at, false)} note={day(at)} />
        ) : (
          <Fact
            name="Time left"
            value={leftMs === null ? '–' : duration(leftMs)}
            note={
              leftMs === null
                ? said.tone === 'running'
                  ? 'not known yet'
                  : 'nothing runs'
                : `until about ${untilOf(at, leftMs)}`
            }
          />
        )}
        <Fact name="Worked" value={duration(workedMs)} note={processesOf(figures)} />
        <Fact
          name="Rows read → out"
          value={`${compact(rowsRead)} → ${compact(rowsOut)}`}
          note={lost === 0 ? 'none lost' : `${count(lost)} lost`}
          tone={lost > 0 ? 'bad' : ''}
        />
        <Fact
          name="Throughput"
          value={rate !== null ? `${short(rate)}/s` : mean !== null ? `${short(mean)}/s` : '–'}
          note={rate !== null ? 'rows, now' : 'rows, mean'}
        />
        {spending.length === 0 ? (
          <Fact
            name="Slowest stage"
            value={bottleneck?.stage ?? '–'}
            note={bottleneck === null ? 'none is the limit' : bottleneck.why}
          />
        ) : (
          <div class="figure spending">
            <dt>Spent</dt>
            <dd>
              {spending.map(({ text, share }) => (
                <span key={text}>
                  <b>{text}</b>
                  {share !== null && (
                    <i class="meter" role="img" aria-label={`${Math.round(share * 100)} % of the budget`}>
                      <i class={share >= 0.95 ? 'bad' : ''} style={{ width: `${share * 100}%` }} />
                    </i>
                  )}
                </span>
              ))}
            </dd>
          </div>
        )}
      </dl>
      {(said.todo.length > 0 || offers.length > 0) && (
        <div class="todo">
          {said.todo.map(({ what, command }) =>
            command === undefined ? (
              <p key={what}>{what}</p>
            ) : (
              <CopyLine key={what} what={what} command={command} />
            ),
          )}
          {offers.map(([what, command]) => (
            <CopyLine key={what} what={what} command={command} />
          ))}
        </div>
      )}
    </section>
  );
}

function Bar({ share, tone }: { readonly share: number | null; readonly tone: Verdict['tone'] }) {
  if (share === null) return <div class="bar-track unknown" aria-hidden="true" />;
  return (
    <div
      class="bar-track"
      role="progressbar"
      aria-label="Progress"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(share * 100)}
    >
      <i class={tone} style={{ width: `${share * 100}%` }} />
    </div>
  );
}

const compact = (value: number): string => (value < 100_000 ? count(value) : short(value));

/** Never 100 before the end. */
const percent = (share: number): string =>
  share >= 1 ? '100' : Math.min(99.9, share * 100).toFixed(share < 0.1 ? 1 : 0);

function doneOf(figures: JobFigures | null): string {
  const { total, done = 0 } = figures ?? {};
  if (total === undefined || total === null) return '';
  return total.unit === 'bytes'
    ? `${bytes(done)} of ${bytes(total.value)} of input`
    : `${count(done)} of ${count(total.value)} rows`;
}

function processesOf(figures: JobFigures | null): string {
  const processes = figures?.processes ?? 1;
  return processes > 1 ? `in ${processes} processes` : 'without idle time';
}

const untilOf = (at: number, leftMs: number): string =>
  day(at) === day(at + leftMs)
    ? clock(at + leftMs, false)
    : `${day(at + leftMs)} ${clock(at + leftMs, false)}`;

interface FactProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: string;
}

function Fact({ name, value, note, tone = '' }: FactProps) {
  return (
    <div class={`figure ${tone}`}>
      <dt>{name}</dt>
      <dd>
        <b title={value}>{value}</b>
        <small title={note}>{note}</small>
      </dd>
    </div>
  );
}
