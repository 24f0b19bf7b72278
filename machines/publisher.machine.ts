/** The publisher: publishes the whole output, once, when everything is committed (I19). */
import { sendTo, setup } from 'xstate';
import type { SinkPublished } from './executor-events.js';
import { parentOf, sealEvent } from './report.js';

/** What the publisher receives: the request of the executor, and the answer of the sink. */
export type PublisherEvent = { readonly type: 'publish' } | SinkPublished;

export const publisherMachine = setup({
  types: {} as { context: Record<string, never>; events: PublisherEvent },
  actions: {
    /** Provided: publish the output; answer `sink.published`. */
    publishResult: () => {},
    /** Replaced in a machine without an executor. */
    report: sendTo(
      ({ self }) => parentOf(self),
      ({ event }) => sealEvent(event),
    ),
  },
}).createMachine({
  id: 'publisher',
  context: {},
  initial: 'idle',
  states: {
    idle: {
      on: { publish: { target: 'publishing', actions: 'publishResult' } },
    },
    publishing: {
      on: { 'sink.published': { target: 'published', actions: 'report' } },
    },
    published: {},
  },
});
