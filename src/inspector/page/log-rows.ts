/**
 * The loaded rows of the log: pages of the whole recording, or the matches of a filter on both sides of the cursor.
 */
import { signal } from '@preact/signals';
import type { FoundRecord, RecordFilter, RecordingRecord } from './records.js';
import { search } from './search.js';
import type { Session } from './session.js';

const PAGE = 100;
/** Pages kept in memory. */
const MAX_PAGES = 40;
/** Matches loaded at a time. */
const MATCHES = 80;

export class LogRows {
  /** Increases when new rows are loaded. */
  readonly version = signal(0);
  readonly searching = signal(false);
  /** Matches of the filter, if any. */
  readonly found = signal<readonly FoundRecord[] | null>(null);
  private readonly pages = new Map<number, readonly FoundRecord[] | 'asked'>();
  private filter: RecordFilter = {};
  private token = 0;
  private reachesStart = false;
  private reachesEnd = 0;

  constructor(private readonly session: Session) {}

  /** Without a filter, row `index` is record `index`; undefined: loading. */
  record(index: number): RecordingRecord | undefined {
    const page = this.pages.get(Math.floor(index / PAGE));
    return page === 'asked' ? undefined : page?.[index % PAGE]?.record;
  }

  /** Loads these rows. */
  view(first: number, last: number): void {
    const end = Math.floor(last / PAGE);
    for (let page = Math.floor(first / PAGE); page <= end; page++) {
      const known = this.pages.get(page);
      const whole = Math.min(PAGE, this.session.records.value - page * PAGE);
      if (known === undefined || (known !== 'asked' && known.length < whole)) void this.fetch(page, known);
    }
  }

  async setFilter(filter: RecordFilter): Promise<void> {
    this.filter = filter;
    const token = ++this.token;
    if (Object.keys(filter).length === 0) {
      this.found.value = null;
      this.searching.value = false;
      return;
    }
    const records = this.session.records.value;
    const from = this.session.cursor.value;
    const isStale = () => token !== this.token;
    this.searching.value = true;
    this.found.value = [];
    const range = { count: MATCHES, records };
    const before = await this.search({ ...range, from: from + 1, way: -1 }, isStale);
    if (isStale()) return;
    this.found.value = before;
    const after = await this.search({ ...range, from: from + 1, way: 1 }, isStale);
    if (isStale()) return;
    this.reachesStart = before.length < MATCHES;
    this.reachesEnd = after.length < MATCHES ? records : 0;
    this.found.value = [...before, ...after];
    this.searching.value = false;
  }

  /** The filter may have more matches above or below. */
  async more(way: 1 | -1): Promise<void> {
    const found = this.found.value;
    const records = this.session.records.value;
    if (found === null || this.searching.value) return;
    if (way === -1 ? this.reachesStart : this.reachesEnd >= records) return;
    const token = this.token;
    const isStale = () => token !== this.token;
    this.searching.value = true;
    const last = found[found.length - 1]?.index ?? -1;
    const from = way === -1 ? (found[0]?.index ?? 0) : Math.max(last + 1, this.reachesEnd);
    const more = await this.search({ count: MATCHES, records, from, way }, isStale);
    if (isStale()) return;
    if (more.length < MATCHES && way === -1) this.reachesStart = true;
    if (way === 1) this.reachesEnd = more.length < MATCHES ? records : 0;
    this.found.value = way === -1 ? [...more, ...found] : [...found, ...more];
    this.searching.value = false;
  }

  private async search(range: Parameters<typeof search>[2], isStale: () => boolean): Promise<FoundRecord[]> {
    try {
      return await search(this.session.feed, this.filter, range, isStale);
    } catch {
      return [];
    }
  }

  private async fetch(page: number, before: readonly FoundRecord[] | undefined): Promise<void> {
    this.pages.set(page, before === undefined ? 'asked' : before);
    let rows: readonly FoundRecord[] | undefined;
    try {
      rows = await this.session.feed.find({}, page * PAGE, PAGE);
    } catch {
      rows = before;
    }
    this.pages.delete(page);
    if (rows !== undefined) this.pages.set(page, rows);
    for (const key of this.pages.keys()) {
      if (this.pages.size <= MAX_PAGES) break;
      this.pages.delete(key);
    }
    this.version.value++;
  }
}
