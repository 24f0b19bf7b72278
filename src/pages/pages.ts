/** `pages()` and its options. */
import { anything, callable, type Infer, optional, options, readOptions } from '../formats/shape.js';
import type { Limiter } from '../limits/limiter.js';
import type { Source } from '../sources/source.js';
import { checkedRetry, limitOption, retryOptions, timeoutOption } from '../stages/check-options.js';
import type { RetryOptions } from '../stages/stage.js';
import { cursorText } from './cursor.js';
import type { FetchPage } from './page.js';
import { pagesSource } from './pages-source.js';

/** Options of `pages()`. `C`: the cursor. */
export interface PagesOptions<T, C> {
  /** The cursor of the first page. Absent: `fetch` gets `undefined` for it. */
  readonly first?: C;
  /** Fetches one page. It is called again for the same cursor after a failure and at a resume. */
  readonly fetch: FetchPage<T, C>;
  /** As in a stage. Default: one attempt; with `when`, 5. Where `when` says `'pause'`, the run pauses and a resume fetches the page
   * again; `'lose'` and `'stop'` fail the run. `httpErrors()` is ready-made. */
  readonly retry?: RetryOptions;
  /** A limiter, or several: each attempt takes a permit of `requests`. Share one with stages that call the same service. */
  readonly limit?: Limiter | readonly Limiter[];
  /** Milliseconds of one attempt. Default: no limit. */
  readonly timeoutMs?: number;
}

const OPTIONS = options({
  first: optional(anything),
  fetch: callable,
  retry: retryOptions,
  limit: optional(limitOption),
  timeoutMs: timeoutOption,
});

/**
 * The pages of a service as a source: one request a page, and one page ahead.
 *
 * The position is the cursor of a page and the rows of it that were read. A resume requests that page once more. A batch never
 * spans two pages: with pages smaller than `batchSize`, a batch is a page.
 *
 * What a resume reads is what the service answers then. Rows before the position are not read again; if the row before it in
 * its page has changed, the resume is refused with `PIPELINE_MISMATCH`. A cursor that comes back is refused with `SOURCE`.
 * @throws {InvalidOptionError} for an unknown option, and a first cursor that is no JSON.
 * @example
 * const orders = pages({
 *   first: 'https://shop.example/orders?limit=200',
 *   fetch: async (url, { signal }) => {
 *     const page = await (await assertOk(await fetch(url, { signal }))).json();
 *     return { rows: page.orders, next: page.links.next };
 *   },
 *   retry: { attempts: 6, when: httpErrors() },
 * });
 * pipeline('export').from(orders).to(jsonl('orders.jsonl'))
 */
export function pages<T, C>(given: PagesOptions<T, C> & { readonly first: C }): Source<T>;
export function pages<T>(given: PagesOptions<T, string | undefined>): Source<T>;
export function pages<T>(given: object): Source<T> {
  const { retry, limit, fetch, ...rest } = readOptions('pages()', OPTIONS, given) as Infer<typeof OPTIONS>;
  cursorText(rest.first, 'first');
  return pagesSource<T>({
    first: rest.first,
    fetch: fetch as FetchPage<T, unknown>,
    policy: {
      whose: 'pages()',
      retry: checkedRetry(retry),
      limit: [limit ?? []].flat(),
      timeoutMs: rest.timeoutMs,
    },
  });
}
