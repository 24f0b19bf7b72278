/** The log: the records of the session, or those that match a filter. The record at the cursor is selected. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { LogRows } from '../log-rows.js';
import type { RecordFilter, RecordingRecord } from '../records.js';
import type { Session } from '../session.js';
import { clock } from '../view/format.js';
import { logRow } from '../view/log.js';
import { VirtualList } from './virtual-list.js';

const KINDS: Readonly<Record<string, RecordFilter>> = {
  Everything: {},
  'Machine steps': { types: ['step'] },
  'Run events': { types: ['event'] },
  Processes: { types: ['begin', 'end'] },
};
const TYPING_MS = 200;
const ROW = 26;

export function Log({ session }: { readonly session: Session }) {
  const rows = useMemo(() => new LogRows(session), [session]);
  const kind = useSignal('Everything');
  const actor = useSignal('');
  const text = useSignal('');
  const records = session.records.value;
  const found = rows.found.value;
  const cursor = session.cursor.value;

  const filter = useMemo(() => {
    const { value: words } = text;
    return {
      ...KINDS[kind.value],
      ...(actor.value === '' ? {} : { actor: actor.value }),
      ...(words === '' ? {} : { text: words }),
    };
  }, [kind.value, actor.value, text.value]);
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
        <select aria-label="Kind" value={kind.value} onChange={(e) => (kind.value = e.currentTarget.value)}>
          {Object.keys(KINDS).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <select
          aria-label="Actor"
          value={actor.value}
          onChange={(e) => (actor.value = e.currentTarget.value)}
        >
          <option value="">All actors</option>
          <option>executor</option>
          {session.summary.value.stages.map((stage) => (
            <option key={stage}>{`stage:${stage}`}</option>
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
  const { actor, title, detail, from, to, tone } = logRow(record);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the list's keys choose rows.
    <span class={`line ${tone}`} onClick={choose}>
      <time>{clock(record.at)}</time>
      <span class="who">{actor.replace(/^stage:/, '')}</span>
      <span class="what">
        <b>{title}</b>
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
