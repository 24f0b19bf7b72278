/** The log: the records of the session, or those that match a filter. The record at the cursor is selected. */
import { useEffect, useMemo } from 'preact/hooks';
import { LogRows } from '../log-rows.js';
import type { RecordFilter, RecordingRecord } from '../records.js';
import type { Selection } from '../selection.js';
import { ALL_EVENTS, JOB_EVENTS, type Session } from '../session.js';
import { clock } from '../view/format.js';
import { logRow } from '../view/log.js';
import { wordsOf } from '../view/words.js';
import { VirtualList } from './virtual-list.js';

const TYPING_MS = 200;
const ROW = 26;

interface Props {
  readonly session: Session;
  readonly selection: Selection;
}

export function Log({ session, selection }: Props) {
  const rows = useMemo(() => new LogRows(session), [session]);
  const { text, from: actor } = selection;
  // An app without a pipeline has no other events.
  const isJob = session.summary.value.stages.length > 0;
  const withSteps = selection.steps.value || !isJob;
  const records = session.records.value;
  const found = rows.found.value;
  const cursor = session.cursor.value;

  const isAll = withSteps && actor.value === '' && text.value === '';
  const filter = useMemo<RecordFilter>(
    () => ({
      ...(isAll ? {} : withSteps ? ALL_EVENTS : JOB_EVENTS),
      ...(actor.value === '' ? {} : withSteps ? { actor: actor.value } : { stage: actor.value }),
      ...(text.value === '' ? {} : { text: text.value }),
    }),
    [isAll, withSteps, actor.value, text.value],
  );
  const isOutside = found !== null && isFar(found, cursor);
  useEffect(() => {
    const timer = setTimeout(() => rows.setFilter(filter), TYPING_MS);
    return () => clearTimeout(timer);
  }, [rows, filter, isOutside]);
  useEffect(() => {
    if (session.following.value && found !== null) void rows.more(1);
  }, [rows, records, found === null]);

  // Between two matches, the one before the cursor.
  const chosen = found === null ? cursor : found.findLastIndex((each) => each.index <= cursor);
  const indexOf = (row: number) => (found === null ? row : (found[row]?.index ?? 0));
  // Read, so that loaded rows are drawn.
  void rows.version.value;
  return (
    <div class="log">
      {/* biome-ignore lint/a11y/useSemanticElements: the search landmark of a part of the page. */}
      <div class="filters" role="search">
        <select
          aria-label="Actor"
          value={actor.value}
          onChange={(e) => (actor.value = e.currentTarget.value)}
        >
          <option value="">{withSteps ? 'All actors' : 'All stages'}</option>
          {actorsOf(session, withSteps).map((name) => (
            <option key={name} value={name}>
              {name.replace(/^stage:/, '')}
            </option>
          ))}
        </select>
        <input
          type="search"
          id="log-text"
          aria-label="Text of the event"
          placeholder="Search all text"
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
        {isJob && (
          <label class="check" title="Events inside the statecharts of the library">
            <input
              type="checkbox"
              checked={selection.steps.value}
              onChange={(e) => {
                selection.steps.value = e.currentTarget.checked;
                actor.value = '';
              }}
            />
            Library steps
          </label>
        )}
      </div>
      <VirtualList
        label="Events"
        count={found === null ? records : found.length}
        rowHeight={ROW}
        chosen={chosen}
        onMove={(way) => {
          const next = found === null ? cursor + way : found[beside(found, cursor, way)]?.index;
          if (next !== undefined) session.seek(next);
        }}
        onView={(first, last) => {
          if (found === null) rows.view(first, last);
          else if (last >= found.length - 1) void rows.more(1);
          else if (first === 0) void rows.more(-1);
        }}
        render={(row) => (
          <Line
            record={found === null ? rows.record(row) : found[row]?.record}
            choose={() => session.seek(indexOf(row))}
          />
        )}
      />
      <p class="log-foot" aria-live="polite">
        {found === null
          ? `${records.toLocaleString('en')} records`
          : `${found.length.toLocaleString('en')} near the cursor${rows.searching.value ? ', searching …' : ''}`}
      </p>
    </div>
  );
}

/** Stages, or all actors of the moment. */
function actorsOf(session: Session, withSteps: boolean): readonly string[] {
  if (!withSteps) return session.summary.value.stages;
  return Object.keys(session.shown.value?.frame.actors ?? {});
}

type Found = readonly { readonly index: number }[];

/** The cursor has left the loaded matches: those around it are another list. */
function isFar(found: Found, cursor: number): boolean {
  const [first, last] = [found[0], found[found.length - 1]];
  return first !== undefined && last !== undefined && (cursor < first.index || cursor > last.index + 5000);
}

function beside(found: Found, cursor: number, way: 1 | -1): number {
  if (way === 1) return found.findIndex((each) => each.index > cursor);
  return found.findLastIndex((each) => each.index < cursor);
}

interface LineProps {
  readonly record: RecordingRecord | undefined;
  readonly choose: () => void;
}

function Line({ record, choose }: LineProps) {
  if (record === undefined) return <span class="line quiet">…</span>;
  const row = logRow(record);
  const { actor, from, to, tone } = row;
  const { title, detail } = wordsOf(record) ?? row;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the list's keys choose rows.
    <span class={`line ${tone}`} onClick={choose}>
      <time>{clock(record.at)}</time>
      <span class="who">{actor.replace(/^stage:/, '')}</span>
      <span class="what">
        <b title={row.title}>{title}</b>
        {to !== '' && (
          <span class="move">
            {from} → {to}
          </span>
        )}
        <span class="detail">{detail}</span>
      </span>
    </span>
  );
}
