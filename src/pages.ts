/** `xstate-pipeline/pages`: the pages of a service as a source. Runs in Node and in browsers. */
export type { FetchPage, Page, PageContext } from './pages/page.js';
export { type PagesOptions, pages } from './pages/pages.js';
export { SourcePause } from './sources/source-pause.js';
export type { CallContext } from './stages/retried-call.js';
