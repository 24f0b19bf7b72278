/**
 * Spans of runs and attempts.
 *
 * 1. A run span begins with the run, or its resume, in this process, and ends when the run stops. It belongs to the session's trace, and
 *    is linked to the span that was active when the run began.
 * 2. An attempt span is a child of the run span, and active while the stage's function runs: spans of its calls are its children.
 * 3. No span has a row, or the message of an error.
 */
import {
  type Attributes,
  type Context,
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { PipelineEvent } from '../observers/events.js';
import type { TracedAttempt } from '../platform/environment.js';
import { codeOf } from '../platform/thrown.js';
import { sessionContext } from './trace-id.js';

const OUTCOMES = {
  'pipeline.paused': 'paused',
  'pipeline.cancelled': 'cancelled',
  'pipeline.completed': 'completed',
} as const;

export class Spans {
  readonly #runs = new Map<string, { readonly span: Span; readonly context: Context }>();
  /** By session: a resume after a pause does not name the pipeline. */
  readonly #pipelines = new Map<string, string>();

  constructor(
    private readonly tracer: Tracer,
    private readonly isSampled: (sessionId: string) => boolean,
    private readonly attributes: Attributes,
  ) {}

  observe(event: PipelineEvent): void {
    const { type, sessionId } = event;
    if (type === 'pipeline.started') this.#pipelines.set(sessionId, event.pipeline);
    if (type === 'pipeline.started' || type === 'pipeline.resumed')
      this.#startRun(sessionId, type === 'pipeline.resumed' || event.resumed);
    else if (type === 'pipeline.failed')
      this.#endRun(sessionId, 'failed', event.error.code ?? event.error.name);
    else if (type in OUTCOMES) this.#endRun(sessionId, OUTCOMES[type as keyof typeof OUTCOMES]);
  }

  /** Calls `work` in the context of a new span, which ends with it. */
  traceAttempt<R>({ sessionId, stage, batch, attempt }: TracedAttempt, work: () => R): R {
    const parent = this.#runs.get(sessionId)?.context ?? this.#contextOf(sessionId);
    const attributes = {
      ...this.attributes,
      'xstate_pipeline.session.id': sessionId,
      'xstate_pipeline.stage.name': stage,
      'xstate_pipeline.batch.index': batch,
      'xstate_pipeline.attempt.number': attempt,
    };
    const span = this.tracer.startSpan(`stage ${stage}`, { attributes }, parent);
    let result: R;
    try {
      result = context.with(trace.setSpan(parent, span), work);
    } catch (error) {
      endFailed(span, error);
      throw error;
    }
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function')
      (result as PromiseLike<unknown>).then(
        () => span.end(),
        (error: unknown) => endFailed(span, error),
      );
    else span.end();
    return result;
  }

  #startRun(sessionId: string, isResumed: boolean): void {
    if (this.#runs.has(sessionId)) return;
    const pipeline = this.#pipelines.get(sessionId) ?? '';
    const attributes = {
      ...this.attributes,
      'xstate_pipeline.resumed': isResumed,
      'xstate_pipeline.session.id': sessionId,
      'xstate_pipeline.pipeline.name': pipeline,
    };
    const cause = trace.getActiveSpan()?.spanContext();
    const links: Link[] = cause === undefined ? [] : [{ context: cause }];
    const parent = this.#contextOf(sessionId);
    const span = this.tracer.startSpan(`pipeline ${pipeline}`, { attributes, links }, parent);
    this.#runs.set(sessionId, { span, context: trace.setSpan(parent, span) });
  }

  #endRun(sessionId: string, outcome: string, errorType?: string): void {
    const run = this.#runs.get(sessionId);
    if (run === undefined) return;
    this.#runs.delete(sessionId);
    run.span.setAttribute('xstate_pipeline.outcome', outcome);
    if (errorType !== undefined) {
      run.span.setAttribute('error.type', errorType);
      run.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    run.span.end();
  }

  #contextOf(sessionId: string): Context {
    const session = sessionContext(sessionId, this.isSampled(sessionId));
    return session === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, session);
  }
}

function endFailed(span: Span, error: unknown): void {
  span.setAttribute('error.type', codeOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
