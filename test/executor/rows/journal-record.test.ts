/**
 * The form of journal records: I8 (a record is found by the code that made it, in the form of 0.1.0 too), I12 (its counters are whole).
 * A record of a small output is mostly header: it holds no empty field.
 */
import { expect, test } from 'vitest';
import { defineStage } from 'xstate-pipeline';
import { emptyStageCounters, NO_LOSSES, type StageCounters } from '../../../machines/context.js';
import { decodeRecord, encodeOutput } from '../../../src/executor/rows/journal-record.js';
import { canonicalJson, type Json } from '../../../src/formats/json.js';
import { describeStage } from '../../../src/stages/fingerprint.js';
import { stageFingerprints } from '../../../src/stages/pipeline-fingerprint.js';

const stages = ['one', 'two', 'three'].map((name) =>
  defineStage({ name, durable: true, process: (batch: object[]) => batch }),
);
const fingerprints = stageFingerprints(stages);
const own = fingerprints[1] as string;

/** A batch whose second stage has just ended. */
function batchWith(counters: readonly Partial<StageCounters>[]) {
  return {
    ...{ index: 4, rowOffset: 40, size: 10, inputHash: 'abc-10', malformed: 0, deadLetters: [] },
    losses: { losses: NO_LOSSES },
    counters: stages.map(({ name }, i) => ({ ...emptyStageCounters(name), ...counters[i] })),
  };
}

test('a record holds what is not empty, and gives everything back', () => {
  const batch = batchWith([
    { batches: 1, rowsIn: 10, rowsOut: 2, busyMs: 7 },
    { batches: 1, rowsIn: 2 },
  ]);
  const { payload } = encodeOutput(batch, 'two', own, [{ n: 1 }]);
  const [header = '', row] = new TextDecoder().decode(payload[0]).split('\n');
  expect(row).toBe('{"n":1}');
  expect(JSON.parse(header)).toEqual({
    ...{ fingerprint: own, rowOffset: 40, size: 10, input: 'abc-10', rows: 1 },
    tallies: [
      { stage: 'one', batches: 1, rowsIn: 10, rowsOut: 2, busyMs: 7 },
      { stage: 'two', batches: 1, rowsIn: 2, rowsOut: 0 },
    ],
  });
  expect(decodeRecord(payload[0] as Uint8Array, 4)).toMatchObject({
    ...{ fingerprint: own, malformed: 0, losses: NO_LOSSES, deadLetters: [] },
    tallies: batch.counters.slice(0, 2),
  });
});

test('losses, dead letters and malformed rows are kept', () => {
  const counters = [{ batches: 1, rowsIn: 10, rowsOut: 8, skipped: 1, deadLettered: 1, retries: 3 }];
  const losses = {
    total: 3,
    named: [[4, 1, 0, 0]] as [number, number, number, number][],
    reasons: ['E: no'],
  };
  const batch = {
    ...{ ...batchWith(counters), malformed: 1, deadLetters: [{ row: 1 }] },
    losses: { losses },
  };
  const { payload } = encodeOutput(batch, 'one', own, []);
  expect(decodeRecord(payload[0] as Uint8Array, 4)).toMatchObject({
    ...{ malformed: 1, losses, deadLetters: [{ row: 1 }], tallies: batch.counters.slice(0, 1) },
  });
});

test('a record of 0.1.0 has the fingerprint of today', () => {
  const stored = {
    fingerprint: canonicalJson(stages.slice(0, 2).map(describeStage) as Json),
    ...{ rowOffset: 40, size: 10, rows: 1, malformed: 0, losses: NO_LOSSES, deadLetters: [] },
    tallies: stages.map(({ name }) => emptyStageCounters(name)),
  };
  const payload = new TextEncoder().encode(`${JSON.stringify(stored)}\n{"n":1}\n`);
  expect(decodeRecord(payload, 4)).toMatchObject({ ...stored, fingerprint: own });
});

test('a change of any stage before it changes the fingerprint, and a change behind it does not', () => {
  const changed = (place: number) =>
    stageFingerprints(stages.map((stage, i) => (i === place ? { ...stage, version: '2' } : stage)));
  expect(changed(0)[1]).not.toBe(own);
  expect(changed(1)[1]).not.toBe(own);
  expect(changed(2)[1]).toBe(own);
  expect(new Set(fingerprints).size).toBe(3);
});
