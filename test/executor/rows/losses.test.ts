/** I12, I3: every lost row is counted; the first 1,000 are named, whether one batch loses them or many do. */
import { expect, test } from 'vitest';
import { map } from 'xstate-pipeline';
import { LossLedger } from '../../../src/executor/rows/losses.js';
import { harness, type Row } from '../../support/runs.js';

test('losses of one batch', () => {
  const ledger = new LossLedger();
  for (let row = 0; row < 1_500; row++) ledger.recordLoss(0, row, 0, new Error('no'));
  expect(ledger.losses.total).toBe(1_500);
  expect(ledger.losses.named).toHaveLength(1_000);
  expect(ledger.losses.named.at(-1)).toEqual([0, 999, 0, 0]);
});

test('losses of a run', async () => {
  const picky = map(
    'picky',
    (row: Row) => {
      if (row.n > 0) throw new Error('no');
      return row;
    },
    { onError: 'skip' },
  );
  const h = harness([picky], { count: 1_501, pipeline: { batchSize: 300, losses: false } });
  const { metrics, errors } = await h.start();
  expect(metrics.rowsFailed).toBe(1_500);
  expect(errors).toHaveLength(1_000);
  expect(errors.at(-1)).toMatchObject({ batch: 3, row: 100 });
});
