/** A page, and the function that fetches one. */
import type { CallContext } from '../stages/retried-call.js';

/** What `fetch` returns. */
export interface Page<T, C> {
  /** JSON values, in the order of the service. May be empty. */
  readonly rows: readonly T[];
  /** Where the next page is: JSON of at most 1,000 characters. `undefined`, `null`, `false` or `''`: this is the last page. */
  readonly next?: C | undefined | null | false | '';
}

/** What `fetch` gets beside the cursor. */
export interface PageContext extends CallContext {
  /** Rows of the session before this page. */
  readonly rowsBefore: number;
}

/** Fetches one page. */
export type FetchPage<T, C> = (cursor: C, context: PageContext) => Promise<Page<T, C>>;
