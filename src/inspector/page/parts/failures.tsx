/** Failures up to the cursor: lost rows, retried and skipped batches, failed stages and runs. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { MAX_SCAN } from '../../protocol.js';
import { allIn } from '../search.js';
import type { Session } from '../session.js';
import { clock } from '../view/format.js';
import { FAILURE_WORDS, type Failure, failureOf } from '../view/log.js';

const MOST = 200;
/** Records in the first slice. */
const FIRST_SLICE = 2_000;

export function Failures({ session }: { readonly session: Session }) {
  const list = useSignal<readonly Failure[]>([]);
  const searching = useSignal(true);
  const cursor = session.cursor.value;
  useEffect(() => {
    let isStale = false;
    list.value = [];
    searching.value = true;
    const timer = setTimeout(async () => {
      const tell = (failures: readonly Failure[]) => {
        if (isStale) return false;
        if (failures.length > 0) list.value = failures;
        return true;
      };
      await failuresBefore(session, cursor + 1, tell).catch(() => {});
      if (!isStale) searching.value = false;
    }, 150);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [session, cursor]);
  const failures = list.value;
  if (failures.length === 0)
    return <p class="empty">{searching.value ? 'Searching …' : 'No failures up to the cursor.'}</p>;
  return (
    <div class="failures">
      <p class="about">
        {failures.length >= MOST ? `The last ${MOST}` : failures.length} up to the cursor, newest first
        {searching.value ? ', searching …' : ''}
      </p>
      <ul>
        {failures.map((each) => (
          <li key={each.index}>
            <button
              type="button"
              class={`failure ${each.what.replace('.', '-')}`}
              onClick={() => session.seek(each.index)}
            >
              <span class="failure-head">
                <b class="failure-what">{each.what}</b>
                <time>{clock(each.at)}</time>
              </span>
              <span class="failure-where">{whereOf(each)}</span>
              <span class="failure-message">{each.message}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function whereOf({ stage, batch, row, attempt }: Failure): string {
  const parts = [
    stage,
    batch === null ? '' : `batch ${batch}`,
    row === null ? '' : `row ${row}`,
    attempt === null ? '' : `attempt ${attempt}`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** Newest first. `found` is called after each slice, so that the newest show while the search continues. */
async function failuresBefore(
  session: Session,
  before: number,
  found: (failures: readonly Failure[]) => boolean,
): Promise<void> {
  const failures: Failure[] = [];
  let size = FIRST_SLICE;
  for (let to = before; to > 0 && failures.length < MOST; size = Math.min(MAX_SCAN, 4 * size)) {
    const from = Math.max(0, to - size);
    const slice: Failure[] = [];
    for (const text of FAILURE_WORDS) {
      const records = await allIn(session.feed, { types: ['event'], text }, from, to);
      slice.push(...records.flatMap(({ index, record }) => failureOf(index, record) ?? []));
    }
    failures.push(...slice.sort((a, b) => b.index - a.index));
    if (!found(failures.slice(0, MOST))) return;
    to = from;
  }
}
