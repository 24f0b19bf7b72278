/**
 * The committer: makes the sinks durable, then saves the checkpoint that covers them, one commit at a time (I6).
 *
 * Under load a minimum pause follows: until it is over, rows alone do not ask for the next commit. The executor decides;
 * a commit that it requests during the pause begins at once.
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
    /** Replaced where there is no executor. */
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
