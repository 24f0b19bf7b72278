/**
 * The publisher: publishes the whole output, once, when everything is committed (I19), then delivers it, where the pipeline says how.
 */
import { sendTo, setup } from 'xstate';
import type { PublishReport } from './executor-events.js';
import { parentOf, sealEvent } from './report.js';

/** What the publisher receives: the request of the executor, and the answer of the sink. */
export type PublisherEvent = { readonly type: 'publish' } | PublishReport;

export const publisherMachine = setup({
  types: {} as { context: Record<string, never>; events: PublisherEvent },
  actions: {
    /** Provided: publish the output; answer `sink.published`. */
    publishResult: () => {},
    /** Provided: deliver the output; answer `output.delivered` or `delivery.held`. */
    deliverResult: () => {},
    /** Replaced in a machine without an executor. */
    report: sendTo(
      ({ self }) => parentOf(self),
      ({ event }) => sealEvent(event),
    ),
  },
  guards: {
    delivers: ({ event }) => event.type === 'sink.published' && event.delivers === true,
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
      on: {
        'sink.published': [
          { guard: 'delivers', target: 'delivering', actions: ['report', 'deliverResult'] },
          { target: 'published', actions: 'report' },
        ],
      },
    },
    delivering: {
      on: {
        'output.delivered': { target: 'published', actions: 'report' },
        'delivery.held': { target: 'idle', actions: 'report' },
      },
    },
    published: {},
  },
});
