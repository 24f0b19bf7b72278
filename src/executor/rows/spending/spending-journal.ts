/**
 * Entries of the ledger in the journal: what a crash must not lose (I21).
 *
 * 1. A reservation is written before its call begins, and settled by the entry of what the call spent, also if that is nothing.
 * 2. Entries are written, not fsynced: a crash of the process keeps them. The entry of a call stands before its rows in the
 *    journal, so that rows are never durable without it.
 * 3. An entry is trimmed with its batch. The checkpoint that allows the trim counts it. Segments of the journal go one by one, so a
 *    reservation may outlast the entry that settled it: all calls of a committed batch have settled.
 */
import type { Journal, JournalKey } from '../../../checkpoint/journal/journal.js';
import { CorruptJournalError } from '../../../errors.js';
import { utf8Bytes } from '../../../formats/text-bytes.js';
import { Ledger, type LedgerState } from '../../../spending/ledger.js';
import type { Spending } from '../../../spending/spending.js';

/** No stage has a name with a control character. */
const SPENDING = '\u0001spending';

interface StoredEntry {
  readonly kind: 'reserved' | 'spent';
  readonly entry: number;
  readonly stage: string;
  readonly amount: Spending;
  /** Of `spent`: the reservation that it settles. */
  readonly reserved?: number;
}

/** Resolves when a crash of the process does not lose the entry. */
export function writeEntry(journal: Journal, batch: number, stored: StoredEntry): Promise<void> {
  const key: JournalKey = { stage: SPENDING, batch, call: stored.entry };
  const payload = [utf8Bytes(JSON.stringify(stored))];
  return journal.write?.(key, payload) ?? journal.append(key, payload);
}

/** The ledger of a session: as the checkpoint has it, and what the journal knows beyond that.
 * @param committed batches that the checkpoint covers */
export async function openLedger(
  state: LedgerState | undefined,
  journal: Journal | undefined,
  committed: number,
): Promise<Ledger> {
  const ledger = new Ledger(state);
  const entries: (StoredEntry & { readonly batch: number })[] = [];
  for (const key of journal?.keys() ?? []) {
    if (key.stage !== SPENDING) continue;
    const payload = await journal?.read(key);
    if (payload !== undefined) entries.push({ ...decodeEntry(payload, key.batch), batch: key.batch });
  }
  const settled = new Set(entries.map(({ reserved }) => reserved));
  const { entry: counted, settled: settledBefore } = ledger;
  const spent = entries.filter(({ kind, entry }) => kind === 'spent' && entry > counted);
  const lost = entries.filter(
    ({ kind, entry, batch }) =>
      kind === 'reserved' && entry > settledBefore && batch >= committed && !settled.has(entry),
  );
  ledger.recover(
    spent,
    lost,
    entries.reduce((last, { entry }) => Math.max(last, entry), 0),
  );
  return ledger;
}

function decodeEntry(payload: Uint8Array, batch: number): StoredEntry {
  try {
    return JSON.parse(new TextDecoder().decode(payload)) as StoredEntry;
  } catch (cause) {
    throw new CorruptJournalError(`A spending record for batch ${batch} cannot be read.`, { cause });
  }
}
