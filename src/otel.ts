/** `xstate-pipeline/otel`: traces and metrics of runs through OpenTelemetry's API, an optional peer. */
export {
  hasOpenTelemetrySdk,
  type OpenTelemetryOptions,
  openTelemetry,
  type Telemetry,
  traceIdOf,
} from './otel/open-telemetry.js';
export type { TracedAttempt, Tracing } from './platform/environment.js';
