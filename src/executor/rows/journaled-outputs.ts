/**
 * Finds the journaled output of a batch (I5, I8): of the last durable stage that has one, made by this code from the very
 * rows of the batch (I26).
 *
 * A batch that was journaled keeps its borders, although its source has grown: `sizeOf` is asked before the batch is read.
 */

import { isCheckpointCopy } from '../../checkpoint/journal/checkpoint-copies.js';
import { type Journal, readJournal } from '../../checkpoint/journal/journal.js';
import { concatenated } from '../../formats/bytes.js';
import type { AnyStage } from '../../stages/stage.js';
import { decodeCall } from './calls/call-record.js';
import {
  type BatchMetadata,
  checksumOf,
  decodeRecord,
  isMadeFrom,
  type JournaledOutput,
} from './journal-record.js';

/** A record of the journal, and the stage that made it. */
export interface StageRecord {
  readonly stageIndex: number;
  readonly record: JournaledOutput;
}

interface JournaledOutputsOptions {
  readonly stages: readonly AnyStage[];
  readonly fingerprints: readonly string[];
  readonly journal: Journal | undefined;
}

export class JournaledOutputs {
  /** The last batch in the journal when it was opened. */
  readonly #last: number;
  /** The records of the batch that was asked for last. */
  #found: { readonly batch: number; readonly records: readonly StageRecord[] } | undefined;

  constructor(private readonly options: JournaledOutputsOptions) {
    let last = -1;
    for (const key of options.journal?.keys() ?? [])
      if (!isCheckpointCopy(key)) last = Math.max(last, key.batch);
    this.#last = last;
  }

  /** Whether an output of the batch, or of a call of it, may have been journaled before this start. */
  mayHold(batch: number): boolean {
    return batch <= this.#last;
  }

  /** Rows that the batch had in the source when it was journaled; undefined: it is not. */
  async sizeOf(batch: number, rowOffset: number): Promise<number | undefined> {
    const records = await this.#recordsOf(batch, rowOffset);
    return records[0]?.record.size;
  }

  /** The last stage's first. */
  async findFor(batch: BatchMetadata): Promise<readonly StageRecord[]> {
    const records = await this.#recordsOf(batch.index, batch.rowOffset);
    return records.filter(({ record }) => isMadeFrom(record, batch));
  }

  /** Made by this code, the last stage's first. */
  async #recordsOf(batch: number, rowOffset: number): Promise<readonly StageRecord[]> {
    const { journal, stages, fingerprints } = this.options;
    if (journal === undefined || !this.mayHold(batch)) return [];
    if (this.#found?.batch === batch) return this.#found.records;
    const records: StageRecord[] = [];
    for (let stageIndex = stages.length - 1; stageIndex >= 0; stageIndex--) {
      const { durable, name } = stages[stageIndex] as AnyStage;
      const payload = durable ? await readJournal(journal, { stage: name, batch }) : undefined;
      if (payload === undefined) continue;
      const stored = decodeRecord(payload, batch);
      if (stored.fingerprint !== fingerprints[stageIndex] || stored.rowOffset !== rowOffset) continue;
      const record = stored.calls === undefined ? stored : await this.#withCalls(name, batch, stored);
      if (record !== undefined) records.push({ stageIndex, record });
    }
    this.#found = { batch, records };
    return records;
  }

  /** With the rows of its calls; undefined: they are not those that the record is about. */
  async #withCalls(
    stage: string,
    batch: number,
    record: JournaledOutput,
  ): Promise<JournaledOutput | undefined> {
    const lines: Uint8Array[] = [];
    for (let call = 0; call < (record.calls ?? 0); call++) {
      const payload = await readJournal(this.options.journal, { stage, batch, call });
      if (payload === undefined) return undefined;
      lines.push(decodeCall(payload, batch).lines);
    }
    return checksumOf(lines) === record.checksum ? { ...record, lines: concatenated(lines) } : undefined;
  }
}
