/** Checkpoints to test with. */
import type { Checkpoint } from '../../src/checkpoint/envelope.js';

/** A plausible one; every field that is not given is fixed. */
export function aCheckpoint(fields: Partial<Checkpoint> = {}): Checkpoint {
  return {
    sessionId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    epoch: 2,
    savedAt: 1_700_000_060_000,
    startedAt: 1_700_000_000_000,
    pipeline: 'reviews',
    pipelineFile: '/srv/reviews/pipeline.ts',
    state: 'PAUSED',
    fingerprint: { format: 1, stages: [{ name: 'classify', version: '1', durable: true }] },
    settings: { batchSize: 512, maxInFlight: 16, checkpointInterval: 500, checkpointEveryMs: null },
    source: { kind: 'jsonl', path: 'in.jsonl' },
    sink: { kind: 'jsonl', path: 'out.jsonl' },
    deadLetter: null,
    sourceIdentity: { first: 'a3f5', last: '09be' },
    error: { name: 'StageError', code: 'STAGE_FAILED', message: 'Stage "classify" failed.' },
    snapshot: {
      status: 'active',
      value: 'PAUSED',
      context: { mark: { batches: 7, rowsIn: 3584 } },
      children: {},
    },
    ...fields,
  };
}
