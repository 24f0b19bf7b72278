/** Seeded bugs: the journal. */
import { openFileJournal } from '../../../src/checkpoint/journal/file-journal.js';
import { readJournal } from '../../../src/checkpoint/journal/journal.js';
import { recoverSegments } from '../../../src/checkpoint/journal/journal-recovery.js';
import { readRecord, scanSegment } from '../../../src/checkpoint/journal/journal-scan.js';
import { memoryJournal } from '../../../src/checkpoint/journal/memory-journal.js';
import { OpenSegment } from '../../../src/checkpoint/journal/open-segment.js';
import { isMadeFrom } from '../../../src/executor/rows/journal-record.js';
import { JournaledOutputs } from '../../../src/executor/rows/journaled-outputs.js';
import { OutputKeeper } from '../../../src/executor/rows/outputs/output-keeper.js';
import { encodeJsonLines } from '../../../src/formats/json-lines-encoder.js';
import { hashOfRows } from '../../../src/sources/rows-hash.js';
import { recordedFingerprint, stageFingerprints } from '../../../src/stages/pipeline-fingerprint.js';
import type { Bug } from '../seeded-bug.js';

export const BUGS: readonly Bug[] = [
  {
    name: 'journal-not-fsynced',
    what: 'a journal record is acknowledged without an fsync',
    invariant: 'I6, I8',
    in: OpenSegment,
    find: 'await $handle.$sync(); if ($isNew) await $syncDirectory;',
    replace: 'if ($isNew) await $syncDirectory;',
    suite: 'test/checkpoint/journal/journal-group.test.ts',
  },
  {
    name: 'cut-undone',
    what: 'a cut of a torn tail that a power loss undid is corruption',
    invariant: 'I8',
    in: recoverSegments,
    find: 'if (isBehindTheEnd($found, $next)) continue;',
    replace: '',
    suite: 'test/checkpoint/journal/journal-cut-again.test.ts',
  },
  {
    name: 'journal-crc',
    what: 'the checksum of a journal record is not checked when the journal is opened',
    invariant: 'I9',
    in: scanSegment,
    find: 'if ($crc !== $header.$field) return $damage;',
    replace: '',
    suite: 'test/checkpoint/journal/journal-damage.test.ts',
  },
  {
    name: 'journal-crc-at-read',
    what: 'the checksum of a journal record is not checked when it is read',
    invariant: 'I9',
    in: readRecord,
    find: 'return $header?.$field === $crcOf($payload) ? $payload : undefined;',
    replace: 'return $header === undefined ? undefined : $payload;',
    suite: 'test/checkpoint/journal/journal-damage.test.ts',
  },
  {
    name: 'journal-epoch',
    what: 'a journal of a later owner is opened',
    invariant: 'I10',
    in: recoverSegments,
    find: 'if ($epochs.some(($record) => $record.$epoch > $epoch)) throw $error;',
    replace: '',
    suite: 'test/checkpoint/journal/journal.test.ts',
  },
  {
    name: 'output-kept',
    what: 'a journaled output that could not be used is not replaced',
    invariant: 'I8',
    in: memoryJournal,
    find: 'if ($own.has($name) && $records.has($name)) return;',
    replace: 'if ($records.has($name)) return;',
    suite: 'test/executor/rows/journaled-input.test.ts',
  },
  {
    name: 'close-before-trim',
    what: 'the journal is closed while segments of it are still being removed',
    invariant: 'I9',
    beside: openFileJournal,
    find: 'await $committing; await $trimming; const $current = $that;',
    replace: 'await $committing; const $current = $that;',
    suite: 'test/checkpoint/journal/journal.test.ts',
  },
  {
    name: 'segment-before-complete',
    what: 'a segment is begun before the one that a trim leaves is complete',
    invariant: 'I9',
    beside: openFileJournal,
    find: 'await $full?.$complete(); await $completing; if (!$exists) { $$make }',
    replace: 'await $full?.$complete(); if (!$exists) { $$make }',
    suite: 'test/checkpoint/journal/journal-trim.test.ts',
  },
  {
    name: 'journal-ignored',
    what: 'the journal is not asked on resume: a second invocation',
    invariant: 'I8',
    in: JournaledOutputs,
    find: 'return $batch <= $last;',
    replace: 'return false;',
    suite: 'test/crash/every-operation.test.ts',
  },
  {
    name: 'last-journaled',
    what: 'the journal is not asked for the last batch that it holds: a second invocation',
    invariant: 'I8',
    in: JournaledOutputs,
    find: 'return $batch <= $last;',
    replace: 'return $batch < $last;',
    suite: 'test/crash/every-operation.test.ts',
  },
  {
    name: 'before-durable',
    what: 'a journal record is passed on before it is durable',
    invariant: 'I8',
    in: OutputKeeper,
    find: 'return $append({ stage: $stage, batch: $batch }, $payload).then($$done);',
    replace:
      '$append({ stage: $stage, batch: $batch }, $payload).catch(() => {}); return Promise.resolve().then($$done);',
    suite: 'test/crash/every-operation.test.ts',
  },
  {
    name: 'journal-of-other-code',
    what: 'an output that other code had made is used',
    invariant: 'I8, I15',
    in: JournaledOutputs,
    find: '$record.$fingerprint !== $fingerprints[$i] || $otherOffset',
    replace: '$otherOffset',
    suite: 'test/executor/rows/journaled.test.ts',
  },
  {
    name: 'journal-of-other-rows',
    what: 'an output for other rows is used',
    invariant: 'I26',
    in: isMadeFrom,
    find: '$record.$field === undefined || $record.$field === $hash',
    replace: 'true',
    suite: 'test/executor/rows/journaled-input.test.ts',
  },
  {
    name: 'no-round-trip',
    what: 'a durable output is passed on as it is, without the JSON round trip',
    invariant: 'I8',
    in: OutputKeeper,
    find: `if ($isNotDurable) { $hold; return $held; } const $metadata = $m; const $record = $r; $mark; $forget; $drop;
      return $append.then(() => { $unmark; $adopt($batch, $stage, $parts); return $done; }, $failed);`,
    replace: `if ($isNotDurable) { $hold; return $held; } const $metadata = $m; const $record = $r; $mark; $forget; $drop;
      return $append.then(() => { $unmark; $hold; return $done; }, $failed);`,
    suite: 'test/executor/rows/journaled.test.ts',
  },
  {
    name: 'fingerprint-alone',
    what: 'the fingerprint in a journal record leaves out the stages before its own',
    invariant: 'I8',
    in: stageFingerprints,
    find: '$descriptions.slice(0, $i + 1)',
    replace: '$descriptions.slice($i, $i + 1)',
    suite: 'test/executor/rows/journal-record.test.ts',
  },
  {
    name: 'fingerprint-of-old',
    what: 'the fingerprint of a record of 0.1.0 is not recognised: its output is paid for again',
    invariant: 'I8',
    in: recordedFingerprint,
    find: "$stored.startsWith('[')",
    replace: 'false',
    suite: 'test/executor/rows/journal-record.test.ts',
  },
  {
    name: 'promise-journaled',
    what: 'a durable stage journals a promise as an empty object',
    invariant: 'I8',
    beside: encodeJsonLines,
    find: "$line.includes('{}') ? $find($row) : undefined",
    replace: 'undefined',
    suite: 'test/stages/promise-rows.test.ts',
  },
  {
    name: 'text-unhashed',
    what: 'every second letter of a row is left out of its hash: changed input meets old answers',
    invariant: 'I26',
    beside: hashOfRows,
    find: '$odd = Math.imul($odd ^ $text.charCodeAt($i + 1), $prime);',
    replace: '',
    suite: 'test/sources/rows-hash.test.ts',
  },
  {
    name: 'unproven-not-written',
    what: 'bytes that no record proves durable are not written again before they are used',
    invariant: 'I8',
    beside: recoverSegments,
    find: 'await writeAgain($handle, $records.at(-1)?.durable ?? 0, $segment.size);',
    replace: '',
    suite: 'test/checkpoint/journal/journal-cut-again.test.ts',
  },
  {
    name: 'read-fails-rows',
    what: 'a journal record that cannot be read counts as a failure of its rows',
    invariant: 'I12',
    beside: readJournal,
    find: 'if (isPipelineError($error)) throw $error;',
    replace: 'throw $error;',
    suite: 'test/executor/rows/calls/unreadable-journal.test.ts',
  },
];
