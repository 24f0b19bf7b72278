/**
 * The committer: makes the sinks durable, then saves the checkpoint that covers them, one commit at a time (I6).
 *
 * Under load a minimum pause follows: until its end, the executor requests no commit for rows alone. A commit requested during the
 * pause begins at once.
 */
import { sendTo, setup } from 'xstate';
import type { CommitReport } from './executor-events.js';
import { parentOf, sealEvent } from './report.js';

/** What the committer receives: requests of the executor, and the answers of sink, storage and timer. */
export type CommitterEvent = { readonly type: 'commit' } | CommitReport;

export const committerMachine = setup({
  types: {} as { context: Record<string, never>; events: CommitterEvent },
  actions: {
    /** Provided: make the sinks durable; answer `sink.flushed`. */
    flushSinks: () => {},
    /** Provided: persist a snapshot once this transition has settled; answer `checkpoint.saved`. */
    saveCheckpoint: () => {},
    /** Replaced in a machine without an executor. */
    report: sendTo(
      ({ self }) => parentOf(self),
      ({ event }) => sealEvent(event),
    ),
  },
  guards: {
    hasMinimumPause: ({ event }) => event.type === 'checkpoint.saved' && event.minimumPause === true,
  },
}).createMachine({
  id: 'committer',
  context: {},
  initial: 'idle',
  states: {
    idle: {
      on: { commit: { target: 'flushing', actions: 'flushSinks' } },
    },
    flushing: {
      on: { 'sink.flushed': { target: 'saving', actions: ['report', 'saveCheckpoint'] } },
    },
    saving: {
      on: {
        'checkpoint.saved': [
          { guard: 'hasMinimumPause', target: 'resting', actions: 'report' },
          { target: 'idle', actions: 'report' },
        ],
      },
    },
    resting: {
      on: {
        'minimumPause.over': { target: 'idle', actions: 'report' },
        commit: { target: 'flushing', actions: 'flushSinks' },
      },
    },
  },
});
