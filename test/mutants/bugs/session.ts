/** Seeded bugs: the lifecycle of a run, its commits, and what is stored of it. */
import { openRows } from '../../../src/executor/rows/rows.js';
import { CheckpointWriter } from '../../../src/executor/session/checkpoints/checkpoint-writer.js';
import { concludeRun } from '../../../src/executor/session/conclude-run.js';
import { Session } from '../../../src/executor/session/opening/session.js';
import { assertSameInput } from '../../../src/executor/session/opening/source-identity.js';
import { loadSession } from '../../../src/executor/session/opening/stored-session.js';
import { SessionWork } from '../../../src/executor/session/session-work.js';
import type { Bug } from '../seeded-bug.js';

export const BUGS: readonly Bug[] = [
  {
    name: 'wide-window-stored',
    what: 'a window too wide for a checkpoint is stored all the same',
    invariant: 'I3',
    beside: CheckpointWriter,
    find: 'const $checkpoint = $fit($make($as, $cancelled));',
    replace: 'const $checkpoint = $make($as, $cancelled);',
    suite: 'test/executor/session/control-plane.test.ts',
  },
  {
    name: 'save-before-flush',
    what: 'the checkpoint is saved before the sink is flushed',
    invariant: 'I6',
    in: openRows,
    find: 'const [$position, $deadLetter, $state] = await Promise.all([$sink.$flush(), $flushOther(), $flushState()]);',
    replace:
      '$sink.$flush().catch(() => {}); const [$position, $deadLetter, $state] = [$sink.position, await $flushOther(), await $flushState()];',
    suite: 'test/executor/session/commit-order.test.ts',
  },
  {
    name: 'trim-before-save',
    what: 'the journal is trimmed before the checkpoint is saved',
    invariant: 'I6, I8',
    in: SessionWork,
    find: `const $mark = await $save; const $minimum = $pause; $send; if ($isAny) { $$announce }
      await $keepCopy; await $journal?.$trim($covered); $covered = $mark.$batches;`,
    replace: `await $journal?.$trim(1e9); const $mark = await $save; const $minimum = $pause; $send; if ($isAny) { $$announce }
      await $keepCopy; await $journal?.$trim($covered); $covered = $mark.$batches;`,
    suite: 'test/crash/every-operation.test.ts',
  },
  {
    name: 'announced-before-saved',
    what: 'batches are announced as committed before the checkpoint is saved',
    invariant: 'I6',
    in: SessionWork,
    find: `const $mark = await $save; const $minimum = $pause; $send;
      if ($isAny) { $$facts; $publish($id, { type: 'batches.committed', $$rest }); }`,
    replace: `$publish($id, { type: 'batches.committed', upTo: 0, rowsIn: 0, rowsOut: 0, done: 0 });
      const $mark = await $save; const $minimum = $pause; $send;`,
    suite: 'test/executor/session/commit-order.test.ts',
  },
  {
    name: 'trim-too-far',
    what: 'the journal is trimmed one batch too far',
    invariant: 'I8',
    in: SessionWork,
    find: 'await $journal?.$trim($covered); $covered = $mark.$batches;',
    replace: 'await $journal?.$trim($mark.$batches + 1); $covered = $mark.$batches;',
    suite: 'test/executor/session/commit-order.test.ts',
  },
  {
    name: 'trim-too-far-everywhere',
    what: 'the journal is trimmed one batch too far, as a user of the kit would notice',
    invariant: 'I8',
    in: SessionWork,
    find: 'await $journal?.$trim($covered); $covered = $mark.$batches;',
    replace: 'await $journal?.$trim($mark.$batches + 1); $covered = $mark.$batches;',
    suite: 'test/testing/crash/crash-everywhere.test.ts',
  },
  {
    name: 'epoch-stands',
    what: 'the epoch does not rise with an opening',
    invariant: 'I10',
    beside: loadSession,
    find: '$checkpoint.epoch + 1',
    replace: '$checkpoint.epoch',
    suite: 'test/executor/session/ownership.test.ts',
  },
  {
    name: 'lock-outlived',
    what: 'the lock is freed before the writers are closed',
    invariant: 'I10',
    in: Session,
    find: 'const $released = $closed.then(() => $lock?.$release());',
    replace: 'const $released = $closed.then(() => {}); void $lock?.$release();',
    suite: 'test/executor/session/ownership.test.ts',
  },
  {
    name: 'sink-opening-forgotten',
    what: 'the lock is freed while the sink is still being opened',
    invariant: 'I10',
    in: Session,
    find: 'const $part = { close: async () => (await $opening)?.close() }; $closers.push($part);',
    replace:
      'const $part = { close: async () => {} }; $opening.then((part) => part && $closers.push(part), () => {});',
    suite: 'test/executor/session/ownership.test.ts',
  },
  {
    name: 'failed-unsaved',
    what: 'FAILED saves no checkpoint',
    invariant: 'I12',
    beside: concludeRun,
    find: "const $problem = $ending === 'completed' ? undefined : await $save;",
    replace: "const $problem = $ending === 'completed' || $ending === 'failed' ? undefined : await $save;",
    suite: 'test/executor/session/failure.test.ts',
  },
  {
    name: 'own-clock-checkpoint',
    what: 'a checkpoint is stamped by the clock of the system',
    invariant: 'I14',
    in: CheckpointWriter,
    find: 'Math.round($clock.$now())',
    replace: 'Date.now()',
    suite: 'test/executor/determinism.test.ts',
  },
  {
    name: 'fingerprint-uncompared',
    what: 'the pipeline is not compared',
    invariant: 'I15',
    beside: loadSession,
    find: 'if ($differences.length > 0 && !$force) throw $mismatch;',
    replace: '',
    suite: 'test/executor/session/resume.test.ts',
  },
  {
    name: 'input-uncompared',
    what: 'the input is not compared',
    invariant: 'I15',
    in: assertSameInput,
    find: 'if ($difference !== undefined && !$force) throw $mismatch;',
    replace: '',
    suite: 'test/executor/session/resume.test.ts',
  },
  {
    name: 'growth-unreported',
    what: 'an input that has grown is read without a notice',
    invariant: 'I15',
    in: assertSameInput,
    find: 'if ($difference === undefined && $hasGrown) { $$notice }',
    replace: '',
    suite: 'test/executor/session/resume.test.ts',
  },
  {
    name: 'receipt-before-save',
    what: 'the receipt of a pause comes before the checkpoint says PAUSED',
    invariant: 'I16',
    beside: concludeRun,
    find: "const $problem = $ending === 'completed' ? undefined : await $save;",
    replace:
      "const saving = $ending === 'completed' ? undefined : $save; const $problem = $ending === 'paused' ? undefined : await saving;",
    suite: 'test/executor/session/commit-order.test.ts',
  },
  {
    name: 'signals-unaborted',
    what: 'cancel aborts no stage',
    invariant: 'I17',
    in: Session,
    find: '$parts?.rows.$abort($reason);',
    replace: '',
    suite: 'test/executor/session/pause-and-cancel.test.ts',
  },
  {
    name: 'cancel-waits',
    what: 'cancel waits for the work in flight',
    invariant: 'I17',
    in: Session,
    find: 'await Promise.race([$released, $patience]);',
    replace: 'await $released;',
    suite: 'test/executor/session/ownership.test.ts',
  },
  {
    name: 'cancel-unsaved',
    what: 'cancel saves no checkpoint',
    invariant: 'I17',
    beside: concludeRun,
    find: "const $problem = $ending === 'completed' ? undefined : await $save;",
    replace: "const $problem = $ending === 'completed' || $ending === 'cancelled' ? undefined : await $save;",
    suite: 'test/executor/rows/interleavings.test.ts',
  },
];
