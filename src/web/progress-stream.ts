/** `progressStream()`: a run as a web `Response` of server-sent events. */

import { InvalidOptionError } from '../errors.js';
import {
  amount,
  callable,
  flag,
  optional,
  options,
  readOptions,
  type Shape,
  shape,
  text,
} from '../formats/shape.js';
import type { PipelineEvent } from '../observers/events.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { EventFrames, hasReceivedEnd } from './event-frames.js';
import { eventLogOf } from './event-log.js';
import type { ObservedRun } from './observed-run.js';

/** The headers of a request: those of `fetch`, or of `node:http`. */
export interface RequestLike {
  readonly headers: Pick<Headers, 'get'> | Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** How a run is streamed. */
export interface ProgressStreamOptions {
  /** The viewer's request, of `fetch` or of `node:http`. Its `Last-Event-ID` says where the stream continues after a reconnect. */
  readonly request?: RequestLike | undefined;
  /** Instead of `request`: the id of the last event that the viewer has received. */
  readonly lastEventId?: string | undefined;
  /** Which events are sent. Messages of errors in events may quote rows. Default true: all. */
  readonly events?: boolean | ((event: PipelineEvent) => boolean) | undefined;
  /** Least milliseconds between two progress messages. Default 250. */
  readonly intervalMs?: number | undefined;
  /** Milliseconds of silence after which a comment keeps the connection open. Default 15,000. */
  readonly keepAliveMs?: number | undefined;
  /** Further headers of the response. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

const object = shape('an object', (value): value is object => typeof value === 'object' && value !== null);
const OPTIONS = options({
  request: optional(object as Shape<RequestLike>),
  lastEventId: optional(text(200)),
  events: optional(flagOrFilter()),
  intervalMs: optional(amount(0, 60_000, 'milliseconds')),
  keepAliveMs: optional(amount(10, 3_600_000, 'milliseconds')),
  headers: optional(object as Shape<Readonly<Record<string, string>>>),
  clock: optional(object as Shape<Clock>),
});

/**
 * The progress and the events of an executor as server-sent events, for `EventSource` and `useRemoteProgress`.
 *
 * Each viewer gets a response of its own. A viewer that reads slowly misses progress, not events; the latest 1,000 events are kept, and
 * a viewer that has missed more receives how many. After a lost connection the browser sends the id of its last event, and the stream
 * continues there. The stream ends when the executor's streams complete; a viewer that connects again after the end gets status 204,
 * which tells `EventSource` to stop.
 *
 * Anyone who can reach the address sees the run: protect it as the rest of your application.
 *
 * @param executor a `PipelineExecutor`.
 * @returns a response of type `text/event-stream` for a server that answers with web responses (Next, Hono, Deno, Bun, Fastify 5).
 * @throws {InvalidOptionError}
 * @example
 * export const GET = (request: Request) => progressStream(executor, { request });
 */
export function progressStream(executor: ObservedRun, options: ProgressStreamOptions = {}): Response {
  const {
    request,
    lastEventId = request && lastEventIdOf(request),
    events = true,
    intervalMs = 250,
    keepAliveMs = 15_000,
    headers = {},
    clock = systemClock,
  } = readOptions('progressStream()', OPTIONS, options);
  if (
    typeof executor?.events$?.subscribe !== 'function' ||
    typeof executor.progress$?.subscribe !== 'function'
  )
    throw new InvalidOptionError(
      'progressStream() needs an executor: new PipelineExecutor(stages, stateManager).',
    );
  const log = eventLogOf(executor);
  if (hasReceivedEnd(log, lastEventId)) return new Response(null, { status: 204 });
  const accepts = typeof events === 'function' ? events : () => events;
  const frames = new EventFrames(log, lastEventId, { clock, intervalMs, keepAliveMs, accepts });
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const text = await frames.next();
        if (text === undefined) controller.close();
        else controller.enqueue(encoder.encode(text));
      },
      cancel: () => frames.stop(),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...headers,
    },
  });
}

function flagOrFilter(): Shape<boolean | ((event: PipelineEvent) => boolean)> {
  return shape(
    'true, false or a function',
    (value): value is boolean | ((event: PipelineEvent) => boolean) =>
      flag.fits(value) || callable.fits(value),
  );
}

function lastEventIdOf({ headers }: RequestLike): string | undefined {
  const name = 'last-event-id';
  const value =
    typeof headers?.get === 'function' ? headers.get(name) : (headers as Record<string, unknown>)?.[name];
  return typeof value === 'string' && value.length <= 200 ? value : undefined;
}
