/**
 * The writer: appends finished batches to the sink, in source order, one request at a time (I4).
 *
 * The executor says which batches; the rows are in the data plane (I3).
 */
import { sendTo, setup } from 'xstate';
import type { SinkWritten, WriteRequest } from './executor-events.js';
import { parentOf } from './report.js';

/** What the writer receives: requests of the executor, and the answers of the sink. */
export type WriterEvent = ({ readonly type: 'write' } & WriteRequest) | SinkWritten;

export const writerMachine = setup({
  types: {} as { context: Record<string, never>; events: WriterEvent },
  actions: {
    /** Provided: append the finished batches `from` to `upTo`; answer `sink.written`. */
    writeBatches: (_, _request: WriteRequest) => {},
    /** Replaced where there is no executor. */
    report: sendTo(
      ({ self }) => parentOf(self),
      ({ event }) => event,
    ),
  },
}).createMachine({
  id: 'writer',
  context: {},
  initial: 'idle',
  states: {
    idle: {
      on: { write: { target: 'writing', actions: { type: 'writeBatches', params: ({ event }) => event } } },
    },
    writing: {
      on: { 'sink.written': { target: 'idle', actions: 'report' } },
    },
  },
});
