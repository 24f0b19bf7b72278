/**
 * Searches records slice by slice, in either direction, so that a rare match in a million records blocks no request.
 */
import { MAX_RECORDS, MAX_SCAN } from '../protocol.js';
import type { Feed } from './feed.js';
import type { FoundRecord, RecordFilter } from './records.js';

/** Up to `count` matches from `from` on (or before it, where `way` is -1), in the order of the recording.
 * `isStale` ends a search whose result is no longer needed. */
export async function search(
  feed: Pick<Feed, 'find'>,
  filter: RecordFilter,
  { from, way, count, records }: { from: number; way: 1 | -1; count: number; records: number },
  isStale: () => boolean = () => false,
): Promise<FoundRecord[]> {
  return way === 1
    ? forward(feed, filter, from, count, records, isStale)
    : backward(feed, filter, from, count, isStale);
}

async function forward(
  feed: Pick<Feed, 'find'>,
  filter: RecordFilter,
  from: number,
  count: number,
  records: number,
  isStale: () => boolean,
): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  for (let start = from; start < records && found.length < count && !isStale(); ) {
    const to = Math.min(records, start + MAX_SCAN);
    const wanted = Math.min(MAX_RECORDS, count - found.length);
    const answer = await feed.find({ ...filter, to }, start, wanted);
    found.push(...answer);
    start = answer.length < wanted ? to : (answer[answer.length - 1]?.index ?? to) + 1;
  }
  return found;
}

async function backward(
  feed: Pick<Feed, 'find'>,
  filter: RecordFilter,
  before: number,
  count: number,
  isStale: () => boolean,
): Promise<FoundRecord[]> {
  let found: FoundRecord[] = [];
  // A small first slice, because most searches end in it.
  let size = Math.max(64, 2 * count);
  for (let to = before; to > 0 && found.length < count && !isStale(); size = Math.min(MAX_SCAN, 4 * size)) {
    const start = Math.max(0, to - size);
    found = [...(await allIn(feed, filter, start, to)), ...found];
    to = start;
  }
  return found.slice(-count);
}

/** All matches in `[from, to)`. */
export async function allIn(
  feed: Pick<Feed, 'find'>,
  filter: RecordFilter,
  from: number,
  to: number,
): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  for (let start = from; start < to; ) {
    const answer = await feed.find({ ...filter, to }, start, Math.min(MAX_RECORDS, to - start));
    found.push(...answer);
    if (answer.length < MAX_RECORDS) break;
    start = (answer[answer.length - 1]?.index ?? to) + 1;
  }
  return found;
}
