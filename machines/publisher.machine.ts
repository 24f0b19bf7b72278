/** The publisher: puts the whole result at its target, once, when everything is committed (I19). */
import { sendTo, setup } from 'xstate';
import type { SinkPublished } from './executor-events.js';
import { parentOf, sealEvent } from './report.js';

/** What the publisher receives: the request of the executor, and the answer of the sink. */
export type PublisherEvent = { readonly type: 'publish' } | SinkPublished;

export const publisherMachine = setup({
  types: {} as { context: Record<string, never>; events: PublisherEvent },
  actions: {
    /** Provided: put the result at its target; answer `sink.published`. */
    publishResult: () => {},
    /** Replaced where there is no executor. */
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
