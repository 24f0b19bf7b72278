/** The sessions of the state directory: running, finished, failed and killed ones alike. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { SessionSummary } from '../../host.js';
import type { Place } from '../feed.js';
import { count, moment, shortId } from '../view/format.js';
import { filteredSessions, shownState, statesOf } from '../view/sessions.js';

interface Props {
  readonly place: Place;
  readonly current: string | undefined;
  readonly choose: (session: string) => void;
}

const MOST = 300;
/** Milliseconds between two looks at the state directory. */
const REFRESH_MS = 2_000;

export function Sessions({ place, current, choose }: Props) {
  const list = useSignal<readonly SessionSummary[] | null>(null);
  const problem = useSignal('');
  const state = useSignal('');
  const text = useSignal('');
  useEffect(() => {
    const look = () =>
      place.sessions?.().then(
        (sessions) => {
          list.value = sessions;
          problem.value = '';
        },
        (error: Error) => (problem.value = error.message),
      );
    void look();
    const timer = setInterval(look, REFRESH_MS);
    return () => clearInterval(timer);
  }, [place]);
  if (problem.value !== '') return <p class="empty">{problem.value}</p>;
  if (list.value === null) return <p class="empty">Looking …</p>;
  if (list.value.length === 0)
    return <p class="empty">No session is stored here yet. Start one with: xstate-pipeline run</p>;
  const shown = filteredSessions(list.value, { state: state.value, text: text.value });
  return (
    <div class="sessions">
      {/* biome-ignore lint/a11y/useSemanticElements: the search landmark of a part of the page. */}
      <div class="filters" role="search">
        <select
          aria-label="State"
          value={state.value}
          onChange={(e) => (state.value = e.currentTarget.value)}
        >
          <option value="">Any state</option>
          {statesOf(list.value).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <input
          type="search"
          aria-label="Pipeline or id"
          placeholder="Pipeline or id"
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
      </div>
      <ul>
        {shown.slice(0, MOST).map((session) => (
          <li key={session.id}>
            <button
              type="button"
              class="session"
              aria-current={session.id === current ? 'true' : undefined}
              onClick={() => choose(session.id)}
            >
              <Row session={session} />
            </button>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p class="empty">No session matches.</p>}
      {shown.length > MOST && (
        <p class="empty">{`${count(shown.length - MOST)} more. Filter to see them.`}</p>
      )}
    </div>
  );
}

function Row({ session }: { readonly session: SessionSummary }) {
  const { pipeline, id, savedAt, rowsIn, rowsOut, lost = 0, error, live, recorded } = session;
  const state = shownState(session);
  return (
    <>
      <span class="session-name">
        <b class="session-pipeline">{pipeline}</b>
        <code>{shortId(id)}</code>
      </span>
      <span class={`chip ${state}`}>{live ? `${state} · live` : state}</span>
      <span class="session-facts">
        {moment(savedAt)} · {count(rowsIn)} in · {count(rowsOut)} out
        {lost > 0 && <b class="lost">{` · ${count(lost)} lost`}</b>}
        {recorded ? '' : ' · not recorded'}
      </span>
      {error !== undefined && <span class="session-error">{error}</span>}
    </>
  );
}
