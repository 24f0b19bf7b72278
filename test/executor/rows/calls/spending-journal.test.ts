/** I21: which entries of the journal a ledger counts when a session is opened again. */
import { expect, test } from 'vitest';
import { memoryJournal } from '../../../../src/checkpoint/journal/memory-journal.js';
import { openLedger, writeEntry } from '../../../../src/executor/rows/spending/spending-journal.js';

const CHECKPOINT = { entry: 2, settled: 0, stages: { paid: { certain: { usd: 1 }, uncertain: {} } } };

async function journalOf() {
  const journal = memoryJournal();
  // Batch 0 is committed: the checkpoint counts entry 2, which settled entry 1, and its segment is gone.
  await writeEntry(journal, 0, { kind: 'reserved', entry: 1, stage: 'paid', amount: { usd: 1 } });
  await writeEntry(journal, 7, { kind: 'reserved', entry: 3, stage: 'paid', amount: { usd: 1 } });
  await writeEntry(journal, 7, { kind: 'spent', entry: 4, stage: 'paid', amount: { usd: 2 }, reserved: 3 });
  await writeEntry(journal, 8, { kind: 'reserved', entry: 5, stage: 'paid', amount: { usd: 4 } });
  return journal;
}

test('what the checkpoint does not count is added; a call in flight is uncertain; a committed call is not', async () => {
  const ledger = await openLedger(CHECKPOINT, await journalOf(), 7);
  expect(ledger.total('paid')).toEqual({ certain: { usd: 3 }, uncertain: { usd: 4 } });
  expect(ledger.state()).toMatchObject({ entry: 5, settled: 5 });
});

test('opened again from what was stored then, it counts nothing twice', async () => {
  const journal = await journalOf();
  const first = await openLedger(CHECKPOINT, journal, 7);
  const second = await openLedger(first.state(), journal, 7);
  expect(second.total()).toEqual(first.total());
});
