/** `xstate-pipeline/web`: a run for web pages and scrapers: server-sent events, Prometheus text. Free of Node built-ins. */
export type { ObservedRun } from './web/observed-run.js';
export { type ProgressStreamOptions, progressStream, type RequestLike } from './web/progress-stream.js';
export { PROMETHEUS_CONTENT_TYPE, prometheusText } from './web/prometheus.js';
