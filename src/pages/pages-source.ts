/**
 * The pages of a service as a source.
 *
 * 1. The position is `{ cursor, skip, rows, row }`: the page, its rows that were read, the rows of the session before, and a hash
 *    of the last row before the position in that page. Behind a whole page it is the next page, with `skip` 0.
 * 2. Reopening at a position makes one request, whatever was read before.
 * 3. (I15) The identity is the first cursor and the row before the position, as the service answers now.
 * 4. (I13) At most two pages are in memory: the one that is read, and the one after it.
 * 5. A page that cannot be fetched fails the run, or pauses it where `retry.when` says so. After a resume it is fetched again.
 * 6. An endless walk is refused: a cursor that comes back, and 10,000 empty pages in a row.
 */
import { sha256 } from '#sha256';
import { PipelineMismatchError, SourceError } from '../errors.js';
import { isCount, isObject, type Json } from '../formats/json.js';
import { kindOf } from '../formats/shape.js';
import type { OpenContext } from '../platform/open-context.js';
import { messageOf } from '../platform/thrown.js';
import { RowsBatch } from '../sources/rows-batch.js';
import { hashOfRows } from '../sources/rows-hash.js';
import type { OpenSource, Source, SourceBatch, SourcePosition } from '../sources/source.js';
import { SourcePause } from '../sources/source-pause.js';
import { CallFailed, type CallPolicy, retriedCalls } from '../stages/retried-call.js';
import { CursorCycle, cursorText } from './cursor.js';
import type { FetchPage } from './page.js';

/** Checked options. */
export interface PagesParts<T> {
  readonly first: unknown;
  readonly fetch: FetchPage<T, unknown>;
  readonly policy: CallPolicy;
}

/** Empty pages in a row: `next` never ends. */
const MAX_EMPTY_PAGES = 10_000;

export function pagesSource<T>(parts: PagesParts<T>): Source<T> {
  return {
    kind: 'pages',
    onMalformed: 'fail',
    describe: () => undefined,
    async open(at, context) {
      const position = at === undefined ? { cursor: parts.first, skip: 0, rows: 0 } : placeAt(at);
      const source = new OpenPages<T>(parts, position, context);
      try {
        await source.checkPosition();
        return source;
      } catch (error) {
        await source.close();
        throw error instanceof SourcePause ? new SourceError(error.message, { cause: error.cause }) : error;
      }
    },
  };
}

/** A position, read. */
interface Place {
  readonly cursor: unknown;
  readonly skip: number;
  readonly rows: number;
}

function placeAt({ cursor, skip, rows }: SourcePosition): Place {
  if (isCount(skip) && isCount(rows)) return { cursor, skip, rows };
  throw new PipelineMismatchError(['the stored position is not one of pages()'], false);
}

/** A page that was fetched. */
interface FetchedPage<T> {
  readonly cursor: unknown;
  readonly rows: readonly T[];
  /** Undefined: it is the last page. */
  readonly next: { readonly cursor: unknown } | undefined;
}

class OpenPages<T> implements OpenSource<T> {
  readonly #abort = new AbortController();
  readonly #call: ReturnType<typeof retriedCalls>;
  readonly #cycle: CursorCycle;
  readonly #opened: Place;
  #page: FetchedPage<T> | undefined;
  /** The page after `#page`, or the first one, as it is being fetched. */
  #ahead: Promise<FetchedPage<T>> | undefined;
  /** Rows of `#page` that were read. */
  #skip: number;
  #rows: number;

  constructor(
    private readonly parts: PagesParts<T>,
    at: Place,
    { clock, random = Math.random }: Pick<OpenContext, 'clock' | 'random'>,
  ) {
    this.#opened = at;
    this.#skip = at.skip;
    this.#rows = at.rows;
    this.#cycle = new CursorCycle(cursorText(at.cursor, 'next'));
    this.#call = retriedCalls(parts.policy, { clock, random, signal: this.#abort.signal });
  }

  /** Requests the page of the position, unless no row of it was read.
   * @throws {PipelineMismatchError} if it has fewer rows than were read. */
  async checkPosition(): Promise<void> {
    const { cursor, skip } = this.#opened;
    if (skip === 0) return;
    this.#page = await this.#fetchPage(cursor);
    const has = this.#page.rows.length;
    if (has < skip)
      throw new PipelineMismatchError(
        [`the page at the stored cursor has ${has} rows, and the run had read ${skip} of them`],
        false,
      );
  }

  async read(maxRows: number): Promise<SourceBatch<T> | undefined> {
    try {
      const page = await this.#pageWithRows();
      if (page === undefined || this.#isClosed) return undefined;
      // While the rows are worked on.
      this.#fetchAhead(page);
      return this.#take(page, maxRows);
    } catch (error) {
      if (this.#isClosed) return undefined;
      throw error;
    }
  }

  async identity(position: SourcePosition): Promise<Json> {
    const { skip, rows, row = null } = position;
    const { first } = this.parts;
    const at = this.#opened;
    const isOpened = skip === at.skip && rows === at.rows && this.#page?.cursor === at.cursor;
    const before = isOpened ? rowHash(this.#page, at.skip) : row;
    return { first: first === undefined ? null : sha256(JSON.stringify(first)).slice(0, 16), before };
  }

  async close(): Promise<void> {
    this.#abort.abort(new SourceError('pages(): closed while a page was fetched.'));
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  #take(page: FetchedPage<T>, maxRows: number): SourceBatch<T> {
    const values = page.rows.slice(this.#skip, this.#skip + maxRows);
    this.#skip += values.length;
    this.#rows += values.length;
    return new RowsBatch(values, this.#rows, this.#position(page));
  }

  #position(page: FetchedPage<T>): SourcePosition {
    const isWhole = this.#skip === page.rows.length && page.next !== undefined;
    const cursor = isWhole ? page.next?.cursor : page.cursor;
    const place = { skip: isWhole ? 0 : this.#skip, rows: this.#rows };
    const row = isWhole ? null : rowHash(page, this.#skip);
    return { ...(cursor === undefined ? {} : { cursor: cursor as Json }), ...place, row };
  }

  /** The page that has a row to read. @returns undefined: there is none. */
  async #pageWithRows(): Promise<FetchedPage<T> | undefined> {
    for (let empty = 0; empty < MAX_EMPTY_PAGES; empty++) {
      const page = this.#page;
      if (page !== undefined && this.#skip < page.rows.length) return page;
      if (page !== undefined && page.next === undefined) return undefined;
      await this.#turnPage();
    }
    throw new SourceError(
      `pages(): ${MAX_EMPTY_PAGES} pages in a row were empty. Return \`next: undefined\` behind the last page.`,
    );
  }

  async #turnPage(): Promise<void> {
    const before = this.#page;
    const fetching = this.#ahead ?? this.#fetchNext(before);
    // A page that could not be fetched is fetched again by the next read.
    this.#ahead = undefined;
    this.#page = await fetching;
    if (before !== undefined) this.#skip = 0;
  }

  #fetchAhead(page: FetchedPage<T>): void {
    if (this.#ahead !== undefined || page.next === undefined) return;
    this.#ahead = this.#fetchNext(page);
    this.#ahead.catch(() => {});
  }

  #fetchNext(before: FetchedPage<T> | undefined): Promise<FetchedPage<T>> {
    return this.#fetchPage(before === undefined ? this.#opened.cursor : before.next?.cursor);
  }

  async #fetchPage(cursor: unknown): Promise<FetchedPage<T>> {
    const rowsBefore = this.#rowsBeforeNext();
    const fetched: unknown = await this.#call((context) =>
      this.parts.fetch(cursor, { ...context, rowsBefore }),
    ).catch((error: unknown) => {
      throw this.#isClosed ? error : asSourceFailure(error, rowsBefore);
    });
    const page = checkedPage<T>(cursor, fetched);
    const next = page.next && cursorText(page.next.cursor, 'next');
    if (page.next !== undefined && this.#cycle.comesBack(next))
      throw new SourceError(
        'pages(): a cursor came back: `fetch` returned as `next` a page that was read before. Return `next: undefined` behind the last page.',
      );
    return page;
  }

  #rowsBeforeNext(): number {
    const left = this.#page === undefined ? -this.#skip : this.#page.rows.length - this.#skip;
    return this.#rows + left;
  }
}

/** @param count rows that were read of the page. @returns a hash of the last of them; null: none. */
function rowHash(page: FetchedPage<unknown> | undefined, count: number): string | null {
  return page === undefined || count === 0 ? null : hashOfRows(page.rows.slice(count - 1, count));
}

function checkedPage<T>(cursor: unknown, fetched: unknown): FetchedPage<T> {
  const rows = isObject(fetched) ? fetched.rows : undefined;
  if (!isObject(fetched) || !Array.isArray(rows)) {
    const got = isObject(fetched) ? `\`rows\` is ${kindOf(rows)}` : `it returned ${kindOf(fetched)}`;
    throw new SourceError(`pages(): fetch must return { rows, next }, with \`rows\` an array; ${got}.`);
  }
  const { next } = fetched;
  const isLast = next === undefined || next === null || next === false || next === '';
  return { cursor, rows, next: isLast ? undefined : { cursor: next } };
}

function asSourceFailure(failed: unknown, rowsBefore: number): Error {
  if (!(failed instanceof CallFailed))
    return new SourceError(`pages(): ${messageOf(failed)}.`, { cause: failed });
  const { error, attempts, kind } = failed;
  const tried = attempts === 1 ? '' : ` after ${attempts} attempts`;
  const message = `pages(): the page behind row ${rowsBefore} could not be fetched${tried}: ${messageOf(error)}`;
  if (kind !== 'pause') return new SourceError(`${message}. Resume to try again.`, { cause: error });
  return new SourcePause(message, 'Top up the account or remove the cause, then resume. No row was lost.', {
    cause: error,
  });
}
