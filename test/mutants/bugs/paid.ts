/** Seeded bugs: paid work, databases, and what came with them (I20 to I28). */

import { awaitPermit } from '../../../machines/stage-updates.js';
import { StateManager } from '../../../src/checkpoint/state-manager.js';
import { holdReason } from '../../../src/executor/hold-reason.js';
import { CallJournal } from '../../../src/executor/rows/calls/call-journal.js';
import { CallProcessor } from '../../../src/executor/rows/calls/call-processor.js';
import { RunSpending } from '../../../src/executor/rows/spending/run-spending.js';
import { openLedger } from '../../../src/executor/rows/spending/spending-journal.js';
import { endRunsWithActors } from '../../../src/executor/session/actor-lifetime.js';
import { assertCheckpointFits } from '../../../src/executor/session/checkpoints/fit-checkpoint.js';
import { SessionLedger } from '../../../src/sql/ledger.js';
import { OpenTable } from '../../../src/sql/open-table.js';
import { tableSink } from '../../../src/sql/table-sink.js';
import type { Bug } from '../seeded-bug.js';

const CALLS = 'test/executor/rows/calls/calls.test.ts';
const SPENDING = 'test/executor/rows/calls/spending.test.ts';

export const BUGS: readonly Bug[] = [
  {
    name: 'calls-made-again',
    what: 'a resume makes calls again that the journal has',
    invariant: 'I20',
    in: CallProcessor,
    find: '$plan.isJournaled ? $journal.restoreCalls($one, $batch, $all) : undefined',
    replace: 'undefined',
    suite: CALLS,
  },
  {
    name: 'call-of-other-rows',
    what: 'the record of a call is used for other rows',
    invariant: 'I20, I26',
    in: CallJournal,
    find: '$record.input !== $hash($rows)',
    replace: 'false',
    suite: 'test/executor/rows/calls/calls-input.test.ts',
  },
  {
    name: 'spending-unwritten',
    what: 'what a call spent is not written to the journal',
    invariant: 'I21',
    in: RunSpending,
    find: 'if ($journal !== undefined) $writeEntry($one, $batch, $entry).catch($fail);',
    replace: '',
    suite: SPENDING,
  },
  {
    name: 'reservation-forgotten',
    what: 'a call that was in flight at a crash is not charged',
    invariant: 'I21',
    in: openLedger,
    find: "$kind === 'reserved' && $entry > $before && $batch >= $committed && !$settled.has($one)",
    replace: 'false',
    suite: SPENDING,
  },
  {
    name: 'reservation-of-committed',
    what: 'a reservation that outlasts its settlement in the journal is charged',
    invariant: 'I21',
    in: openLedger,
    find: '$batch >= $committed',
    replace: 'true',
    suite: 'test/executor/rows/calls/spending-journal.test.ts',
  },
  {
    name: 'budget-ignored',
    what: 'a call begins although its budget is exhausted',
    invariant: 'I21',
    in: RunSpending,
    find: 'if ($exceeded === undefined) continue;',
    replace: 'continue;',
    suite: SPENDING,
  },
  {
    name: 'permit-counts-as-retry',
    what: 'a batch that waits for a permit counts an attempt',
    invariant: 'I22',
    beside: awaitPermit,
    find: '$waitingFor === undefined ? $attempt + 1 : $one',
    replace: '$attempt + 1',
    suite: 'test/limits/limited-run.test.ts',
  },
  {
    name: 'table-unfenced',
    what: 'a writer that has lost its session commits',
    invariant: 'I10, I23',
    in: SessionLedger,
    find: 'if ($updated.length !== 1) throw $error;',
    replace: '',
    suite: 'test/sql/faults.test.ts',
  },
  {
    name: 'table-position-apart',
    what: 'rows are committed without their position',
    invariant: 'I23',
    in: OpenTable,
    find: 'if ($isPosition) await $ledger.advance($query, $fence, $upTo);',
    replace: '',
    suite: 'test/sql/table.test.ts',
  },
  {
    name: 'table-not-cut',
    what: 'rows behind the position stay in the staging table',
    invariant: 'I7, I23',
    beside: tableSink,
    find: 'if (!(await $hasRow($one, $table, $rows))) { throw $error; } else { await $query($text); }',
    replace: 'if (!(await $hasRow($one, $table, $rows))) throw $error;',
    suite: 'test/sql/table.test.ts',
  },
  {
    name: 'all-sessions-read',
    what: 'the newest session is found by reading all of them',
    invariant: 'I25',
    in: StateManager,
    find: '$ids.slice($from, $from + $count)',
    replace: '$ids',
    suite: 'test/checkpoint/many-sessions.test.ts',
  },
  {
    name: 'reason-unbounded',
    what: 'the reason of a pause is longer than a checkpoint takes',
    invariant: 'I27',
    beside: holdReason,
    find: '$text.length > $most ? $cut : $text',
    replace: '$text',
    suite: 'test/executor/rows/holding/long-reason.test.ts',
  },
  {
    name: 'stages-unbounded',
    what: 'a pipeline is accepted whose checkpoints do not fit',
    invariant: 'I27',
    in: assertCheckpointFits,
    find: 'if ($needed <= $most) return;',
    replace: 'return;',
    suite: 'test/executor/session/fit-checkpoint.test.ts',
  },
  {
    name: 'actor-outlived',
    what: 'a run continues when its actor is stopped',
    invariant: 'I28',
    in: endRunsWithActors,
    find: 'if ($stopped.has($self)) $known($one)?.stopRun($state, $context);',
    replace: '',
    suite: 'test/executor/session/actor-is-the-run.test.ts',
  },
];
