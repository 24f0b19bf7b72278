/** The whole life of one batch, as a table. A row moves the cursor to its beginning. */
import type { BatchLife } from '../../job/life.js';
import type { Session } from '../session.js';
import { clock, count, duration } from '../view/format.js';
import { END_WORDS, SPAN_WORDS } from '../view/gantt.js';

interface Props {
  readonly life: BatchLife;
  readonly stages: readonly string[];
  readonly session: Session;
}

export function LifeView({ life, stages, session }: Props) {
  const { batch, rows, spans, journaled, committedAt } = life;
  const facts = [
    `${count(rows)} rows`,
    ...journaled.map(([stage, at]) => `journaled after ${stages[stage]} at ${clock(at)}`),
    committedAt === null ? 'not committed in this part' : `committed at ${clock(committedAt)}`,
  ];
  return (
    <div class="life">
      <h3>{`Batch ${batch}`}</h3>
      <p>{facts.join(' · ')}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the keyboard. */}
      <section class="table-box" tabIndex={0} aria-label={`Life of batch ${batch}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">For</th>
              <th scope="col">Stage</th>
              <th scope="col" class="wide">
                What
              </th>
            </tr>
          </thead>
          <tbody>
            {spans.map((span) => (
              <tr key={`${span.index} ${span.stage} ${span.from}`}>
                <td>
                  <button type="button" class="link" onClick={() => session.seek(span.index)}>
                    {clock(span.from)}
                  </button>
                </td>
                <td>{duration(span.to - span.from)}</td>
                <td>{stages[span.stage] ?? 'output'}</td>
                <td class="wide">
                  <span
                    class={span.end === 'failed' || span.end === 'lost' || span.end === 'killed' ? 'bad' : ''}
                  >
                    {[
                      span.kind === 'running' ? `attempt ${span.attempt}` : SPAN_WORDS[span.kind],
                      END_WORDS[span.end],
                      span.note,
                    ]
                      .filter((part) => part !== '')
                      .join(' · ')}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}
