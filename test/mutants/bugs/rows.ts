/** Seeded bugs: batches in flight, attempts, losses and their result. */
import { FusedBatch } from '../../../src/executor/fusion/fuse.js';
import { resultOf } from '../../../src/executor/result.js';
import { AttemptRunner } from '../../../src/executor/rows/attempt-runner.js';
import { contextOfAttempt } from '../../../src/executor/rows/attempts/context-of-attempt.js';
import { BatchProcessor } from '../../../src/executor/rows/batch-processor.js';
import { DeadLetterFile } from '../../../src/executor/rows/dead-letter-file.js';
import { InFlightBatch } from '../../../src/executor/rows/in-flight-batch.js';
import { LossLedger } from '../../../src/executor/rows/losses.js';
import { rowError } from '../../../src/executor/rows/row-errors.js';
import { SourceReader } from '../../../src/executor/rows/source-reader.js';
import { ByteBlocks } from '../../../src/formats/byte-blocks.js';
import { utf8Bytes } from '../../../src/formats/text-bytes.js';
import type { Bug } from '../seeded-bug.js';

export const BUGS: readonly Bug[] = [
  {
    name: 'losses-unbounded',
    what: 'every lost row is named',
    invariant: 'I3',
    in: LossLedger,
    find: 'if ($named.length >= $max) return;',
    replace: '',
    suite: 'test/executor/rows/losses.test.ts',
  },
  {
    name: 'rows-in-event',
    what: 'the rows of a batch are in its event',
    invariant: 'I3',
    in: SourceReader,
    find: "$send({ type: 'source.batches', ...$group, $$rest })",
    replace: "$send({ type: 'source.batches', rowsOf: () => this, ...$group, $$rest } as never)",
    suite: 'test/executor/session/control-plane.test.ts',
  },
  {
    name: 'rows-in-observer-event',
    what: 'an event holds the row that failed',
    invariant: 'I3',
    in: InFlightBatch,
    find: "$record($stage, $row, $value, $error); $a; $b; $c; $publish({ type: 'row.failed', $$rest });",
    replace:
      "$record($stage, $row, $value, $error); $a; $b; $c; $publish({ type: 'row.failed', value: $value, $$rest });",
    suite: 'test/executor/session/control-plane.test.ts',
  },
  {
    name: 'dead-letters-uncut',
    what: 'dead letters are not cut back',
    invariant: 'I7',
    in: DeadLetterFile,
    find: '$sink.$open($position ?? undefined, $$rest)',
    replace: '$sink.$open(undefined, $$rest)',
    suite: 'test/executor/rows/interleavings.test.ts',
  },
  {
    name: 'text-over-text',
    what: 'a small output is encoded into the memory of the one before it',
    invariant: 'I8',
    beside: utf8Bytes,
    find: '$filled += $written;',
    replace: '',
    suite: 'test/formats/text-bytes.test.ts',
  },
  {
    name: 'block-reused',
    what: 'the memory of a block is read over while a batch is cut from it',
    invariant: 'I7',
    in: ByteBlocks,
    find: '$isBlock && $isLeft && $leases === 0 && $hasRoom',
    replace: '$isBlock && $isLeft && $hasRoom',
    suite: 'test/sources/blocks.test.ts',
  },
  {
    name: 'slice-index',
    what: 'a row gets its index in its slice instead of in its batch',
    invariant: 'I12',
    beside: FusedBatch,
    find: 'const $index = $before + $i;',
    replace: 'const $index = $i;',
    suite: 'test/executor/fusion/fuse.test.ts',
  },
  {
    name: 'other-key',
    what: 'a retry gets another idempotency key',
    invariant: 'I8',
    in: contextOfAttempt,
    find: '() => $keyOf($session, $stage, $batch, $hash)',
    replace: '() => $keyOf($session + attempt, $stage, $batch, $hash)',
    suite: 'test/executor/rows/retries.test.ts',
  },
  {
    name: 'key-of-other-rows',
    what: 'other rows get the idempotency key of the earlier ones',
    invariant: 'I26',
    in: contextOfAttempt,
    find: '() => $keyOf($session, $stage, $batch, $hash)',
    replace: "() => $keyOf($session, $stage, $batch, '')",
    suite: 'test/executor/rows/journaled-input.test.ts',
  },
  {
    name: 'losses-uncounted',
    what: 'rows that were lost are named and not counted',
    invariant: 'I12',
    in: LossLedger,
    find: '$total++; if ($named.length >= $max) return;',
    replace: '$total = $named.length; if ($named.length >= $max) return;',
    suite: 'test/executor/session/failure.test.ts',
  },
  {
    name: 'incomplete',
    what: 'a run that lost rows is complete',
    invariant: 'I12',
    in: resultOf,
    find: '{ $id, $success, isComplete: $isComplete, $$rest }',
    replace: '{ $id, $success, isComplete: true, $$rest }',
    suite: 'test/executor/session/failure.test.ts',
  },
  {
    name: 'cause-lost',
    what: 'the error that a row threw is not the cause',
    invariant: 'I12',
    in: rowError,
    find: 'return new $RowError($$args, { cause: $error });',
    replace: 'return new $RowError($$args);',
    suite: 'test/executor/session/failure.test.ts',
  },
  {
    name: 'refused-rows-lost-twice',
    what: 'rows that failed are lost once more when their batch is refused',
    invariant: 'I12',
    in: BatchProcessor,
    find: 'const $undo = ($error: unknown): never => { $restore; throw $error; };',
    replace: 'const $undo = ($error: unknown): never => { throw $error; };',
    suite: 'test/executor/rows/journaled-facts.test.ts',
  },
  {
    name: 'batches-kept',
    what: 'batches that were written stay in memory',
    invariant: 'I13',
    in: BatchProcessor,
    find: '$taken.push($batch); $batches.delete($index);',
    replace: '$taken.push($batch);',
    suite: 'test/executor/session/ownership.test.ts',
  },
  {
    name: 'own-clock-attempt',
    what: 'attempts are timed by the clock of the system',
    invariant: 'I14',
    in: AttemptRunner,
    find: 'new $Attempt($$of, $clock.$monotonic())',
    replace: 'new $Attempt($$of, performance.now())',
    suite: 'test/executor/determinism.test.ts',
  },
  {
    name: 'late-answer',
    what: 'the late answer of an ended attempt is accepted',
    invariant: 'I17',
    in: AttemptRunner,
    find: 'if ($isAborted || $running.get($key) !== $attempt) return undefined;',
    replace: 'if ($isAborted) return undefined;',
    suite: 'test/executor/session/commit-order.test.ts',
  },
];
