/**
 * The reader: asks the source for batches when the executor requests them. One request at a time (I13).
 *
 * The source answers a request with one or several `source.batches`, or with `source.end`. An answer that nothing waits
 * for is ignored. It knows references only (I3).
 */
import { sendTo, setup } from 'xstate';
import type { ReadRequest, SourceReport } from './executor-events.js';
import { parentOf } from './report.js';

/** What the reader receives: requests of the executor, and answers of the source. */
export type ReaderEvent = ({ readonly type: 'read' } & ReadRequest) | SourceReport;

export const readerMachine = setup({
  types: {} as { context: Record<string, never>; events: ReaderEvent },
  actions: {
    /** Provided: read at most `count` batches, from `batch` on; answer `source.batches` or `source.end`. */
    readBatches: (_, _request: ReadRequest) => {},
    /** Replaced where there is no executor. */
    report: sendTo(
      ({ self }) => parentOf(self),
      ({ event }) => event,
    ),
  },
  guards: {
    expectsMore: ({ event }) => event.type === 'source.batches' && event.more === true,
  },
}).createMachine({
  id: 'reader',
  context: {},
  initial: 'idle',
  states: {
    idle: {
      on: {
        read: {
          target: 'reading',
          actions: { type: 'readBatches', params: ({ event }) => event },
        },
      },
    },
    reading: {
      on: {
        'source.batches': [
          { guard: 'expectsMore', actions: 'report' },
          { target: 'idle', actions: 'report' },
        ],
        'source.end': { target: 'ended', actions: 'report' },
      },
    },
    ended: {},
  },
});
