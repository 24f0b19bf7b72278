/** Seeded bugs: state by key. */
import { fileStateLogs } from '../../../src/checkpoint/state-logs/file-state-logs.js';
import { KeyedStages } from '../../../src/executor/rows/keyed/keyed-stages.js';
import { KeyedState } from '../../../src/executor/rows/keyed/keyed-state.js';
import { StateLog } from '../../../src/executor/rows/keyed/state-log.js';
import type { Bug } from '../seeded-bug.js';

export const BUGS: readonly Bug[] = [
  {
    name: 'no-turns',
    what: 'a batch reaches a keyed stage before an earlier one',
    invariant: 'I4',
    in: KeyedStages,
    find: 'if ($stage === undefined || $stage.turn === $batch) return false;',
    replace: 'return false;',
    suite: 'test/executor/keyed/keyed.test.ts',
  },
  {
    name: 'state-ahead',
    what: 'a commit stores the state after batches that it does not cover',
    invariant: 'I5',
    in: KeyedState,
    find: 'const $covered = this.#unsaved.filter(({ $batch }) => $batch < $upTo);',
    replace: 'const $covered = this.#unsaved;',
    suite: 'test/executor/rows/keyed/state-log.test.ts',
  },
  {
    name: 'state-not-synced',
    what: 'the log of keyed state is not fsynced before the checkpoint',
    invariant: 'I6',
    beside: fileStateLogs,
    find: 'await $log.handle.sync();',
    replace: '',
    suite: 'test/crash/keyed/keyed.test.ts',
  },
  {
    name: 'state-not-checked',
    what: 'a damaged log of keyed state is used',
    invariant: 'I9',
    in: StateLog,
    find: `if ($line !== \`#\${this.#checksum}\`) throw $error;`,
    replace: '',
    suite: 'test/executor/rows/keyed/state-log.test.ts',
  },
];
