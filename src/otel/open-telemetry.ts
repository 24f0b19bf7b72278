/** `openTelemetry()`: the observer and the tracing of a run, as options of `run`. */
import { type Attributes, type Meter, metrics, type Tracer, trace } from '@opentelemetry/api';
import type { Observer } from 'rxjs';
import { anything, callable, optional, options, readOptions, type Shape } from '../formats/shape.js';
import type { PipelineEvent } from '../observers/events.js';
import type { Tracing } from '../platform/environment.js';
import { metricsObserver } from './metrics.js';
import { Spans } from './spans.js';
import { traceIdOf } from './trace-id.js';

export { traceIdOf };

/** How runs are traced and measured. */
export interface OpenTelemetryOptions {
  /** Default: of the global provider. */
  readonly tracer?: Tracer | undefined;
  /** Default: of the global provider. */
  readonly meter?: Meter | undefined;
  /** Added to every span and every metric. */
  readonly attributes?: Attributes | undefined;
  /** Whether a session's trace is recorded; the same in all of its processes. Default: every one. */
  readonly isSampled?: ((sessionId: string) => boolean) | undefined;
}

/** Options of `run` and `pipelineMachine`; for a `PipelineExecutor`, its third and fourth parameter. */
export interface Telemetry {
  readonly observers: readonly Pick<Observer<PipelineEvent>, 'next'>[];
  readonly environment: { readonly tracing: Tracing };
}

const OPTIONS = options({
  tracer: optional(anything as Shape<Tracer>),
  meter: optional(anything as Shape<Meter>),
  attributes: optional(anything as Shape<Attributes>),
  isSampled: optional(callable as unknown as Shape<(sessionId: string) => boolean>),
});

/**
 * Traces and measures runs with OpenTelemetry.
 *
 * A run has a span in each process that it takes, all in one trace, whose id is the session's id without dashes; it is in every event as
 * `traceId`, and so in logs, progress and `--json`. Each attempt has a span below it. A span that is made inside a stage, by hand or by an
 * instrumentation of `fetch`, is a child of the attempt's. Spans and metrics hold no rows and no messages of errors.
 *
 * Synchronous stages on threads have a span for the attempt, and none inside.
 *
 * @throws {InvalidOptionError}
 * @example
 * await labels.run({ ...openTelemetry() });
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  const {
    tracer = trace.getTracer('xstate-pipeline'),
    meter = metrics.getMeter('xstate-pipeline'),
    attributes = {},
    isSampled = () => true,
  } = readOptions('openTelemetry()', OPTIONS, options);
  const spans = new Spans(tracer, isSampled, attributes);
  const measure = metricsObserver(meter, attributes);
  return {
    observers: [
      {
        next(event) {
          spans.observe(event);
          measure(event);
        },
      },
    ],
    environment: {
      tracing: { around: (attempt, work) => spans.traceAttempt(attempt, work), traceIdOf },
    },
  };
}

/**
 * Whether an OpenTelemetry SDK is registered in this process: without one, the API records nothing.
 * @example
 * const telemetry = hasOpenTelemetrySdk() ? openTelemetry() : {};
 */
export function hasOpenTelemetrySdk(): boolean {
  const provider = trace.getTracerProvider() as { getDelegate?(): object };
  const delegate = provider.getDelegate?.() ?? provider;
  return delegate.constructor.name !== 'NoopTracerProvider';
}
