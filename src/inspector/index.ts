/** The inspector: a page on this machine that shows sessions of xstate-pipeline, or any XState 5 app, live and recorded. */
export {
  type AppInspector,
  type CreateInspectorOptions,
  createInspector,
} from './app/create-inspector.js';
export { InspectorError } from './errors.js';
export { type ExportedFile, type ExportOptions, exportHtml } from './export.js';
export type {
  CommandAnswer,
  CommandLines,
  InspectorHost,
  SessionCommand,
  SessionFeed,
  SessionSummary,
} from './host.js';
export { type Inspector, type InspectorOptions, serveInspector } from './server/serve.js';
