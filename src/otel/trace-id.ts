/**
 * The trace of a session. Its id is the session's id without dashes, so that every process of a session writes into one trace
 * without storing anything, and a log line leads to the trace.
 */
import { isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api';

const HEX_DIGITS = 32;

/**
 * The id of a session's trace: its UUID without dashes.
 * @example
 * traceIdOf('0190f3a4-7b1c-7d2e-8f00-000000000001'); // '0190f3a47b1c7d2e8f00000000000001'
 */
export function traceIdOf(sessionId: string): string {
  const digits = sessionId.toLowerCase().replace(/[^0-9a-f]/g, '');
  return digits.slice(0, HEX_DIGITS).padEnd(HEX_DIGITS, '1');
}

/** The parent of a session's spans in all of its processes. No span has this id: it marks the session. */
export function sessionContext(sessionId: string, isSampled: boolean): SpanContext | undefined {
  const traceId = traceIdOf(sessionId);
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  const context = { traceId, spanId: traceId.slice(HEX_DIGITS / 2), traceFlags, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}
