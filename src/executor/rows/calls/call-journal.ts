/**
 * The journal records of calls: written as the calls end, and taken by a resume (I20).
 *
 * A record is used only for the very rows that its call received, and for the code that made it (I26).
 */
import { type Journal, readJournal } from '../../../checkpoint/journal/journal.js';
import { hashOfRows } from '../../../sources/rows-hash.js';
import { isNothing, type Spending } from '../../../spending/spending.js';
import type { Answers } from '../../../stages/calls/further-request.js';
import type { BatchMetadata } from '../journal-record.js';
import { decodeAnswers, encodeAnswers } from './answers-record.js';
import type { Call, CallOutput } from './call.js';
import { type CallRecord, decodeCall, encodeCall, lossesOf } from './call-record.js';
import type { StageCalls } from './stage-calls.js';

export interface CallJournalOptions {
  readonly fingerprints: readonly string[];
  readonly journal: Journal | undefined;
}

const NONE: ReadonlySet<number> = new Set();
/** Where the answers of calls that have not ended are: no stage has a name with a control character. */
const answersOf = (stage: string): string => `\u0001answers ${stage}`;

type Place = Pick<BatchMetadata, 'index' | 'rowOffset' | 'size'>;

export class CallJournal {
  /** The calls in the journal when it was opened, by stage and batch. */
  readonly #stored = new Map<string, Map<number, Set<number>>>();

  constructor(private readonly options: CallJournalOptions) {
    for (const { stage, batch, call } of options.journal?.keys() ?? []) {
      if (call === undefined) continue;
      const batches = this.#stored.get(stage) ?? new Map<number, Set<number>>();
      const calls = batches.get(batch) ?? new Set();
      this.#stored.set(stage, batches.set(batch, calls.add(call)));
    }
  }

  /** Whether the journal had calls of the stage when it was opened. */
  hasCalls(stage: string): boolean {
    return this.#stored.has(stage);
  }

  /** Rows that the batch had in the source when a call of it was journaled; undefined: none is. */
  async sizeOf(stage: string, batch: number, rowOffset: number): Promise<number | undefined> {
    const [call] = this.#stored.get(stage)?.get(batch) ?? [];
    if (call === undefined) return undefined;
    const record = await this.#read(stage, batch, call);
    return record?.rowOffset === rowOffset ? record.size : undefined;
  }

  /** Takes the outputs of calls from the journal. @returns undefined: it has none of this batch. */
  restoreCalls(plan: StageCalls, batch: Place, calls: readonly Call[]): Promise<void> | undefined {
    const stored = this.#stored.get(plan.stage.name)?.get(batch.index);
    const answers = this.#stored.get(answersOf(plan.stage.name))?.get(batch.index);
    if (stored === undefined && answers === undefined) return undefined;
    return this.#restore(plan, batch, calls, stored ?? NONE, answers ?? NONE);
  }

  async #restore(
    plan: StageCalls,
    batch: Place,
    calls: readonly Call[],
    stored: ReadonlySet<number>,
    answers: ReadonlySet<number>,
  ): Promise<void> {
    for (const call of calls) if (stored.has(call.index)) await this.#restoreCall(plan, batch, call);
    for (const number of [...answers].sort((a, b) => a - b))
      await this.#restoreAnswers(plan, batch.index, calls, number);
  }

  /** Answers of the requests of a call that has not ended. */
  async #restoreAnswers(
    { stage, stageIndex }: StageCalls,
    batch: number,
    calls: readonly Call[],
    number: number,
  ): Promise<void> {
    const payload = await readJournal(this.options.journal, {
      stage: answersOf(stage.name),
      batch,
      call: number,
    });
    if (payload === undefined) return;
    const { call: index, fingerprint, input, answers } = decodeAnswers(payload, batch);
    const call = calls[index];
    if (call === undefined || call.output !== undefined) return;
    if (fingerprint !== this.options.fingerprints[stageIndex] || input !== hashOfRows(call.rows)) return;
    call.answers = new Map([...call.answers, ...answers]);
    call.asked = call.rows.filter((_, place) => !call.answers.has(place));
  }

  /** Keeps the answers of one request: a crash of the process does not lose them. */
  keepAnswers(
    { stage, stageIndex }: StageCalls,
    { index: batch }: Place,
    call: Call,
    answers: Answers,
  ): Promise<void> | undefined {
    if (answers.size === 0) return undefined;
    const journal = this.options.journal as Journal;
    const place = answersOf(stage.name);
    const batches = this.#stored.get(place) ?? new Map<number, Set<number>>();
    this.#stored.set(place, batches);
    const known = batches.get(batch) ?? new Set();
    batches.set(batch, known);
    const key = { stage: place, batch, call: known.size };
    known.add(known.size);
    const payload = encodeAnswers({
      ...{ call: call.index, fingerprint: this.options.fingerprints[stageIndex] as string },
      ...{ input: call.inputHash, answers: [...answers] },
    });
    return journal.write?.(key, [payload]) ?? journal.append(key, [payload]);
  }

  async #restoreCall({ stage, stageIndex }: StageCalls, batch: Place, call: Call): Promise<void> {
    const record = await this.#read(stage.name, batch.index, call.index);
    if (
      record === undefined ||
      record.fingerprint !== this.options.fingerprints[stageIndex] ||
      record.first !== call.first ||
      record.count !== call.rows.length ||
      record.input !== hashOfRows(call.rows)
    )
      return;
    const lost = lossesOf(record, call.rows).map((loss) => ({ ...loss, index: call.first + loss.index }));
    const { lines, rows } = record;
    call.output = { rows: undefined, parts: rows === 0 ? [] : [{ lines, rows }], rowsOut: rows, lost };
  }

  /** Makes the output of a call durable; its rows take the JSON round trip, as those of a resume.
   * @throws {StageError} for an output that is not JSON.
   */
  keepCall(
    { stage, stageIndex }: StageCalls,
    { index: batch, rowOffset, size }: Place,
    call: Call,
    rows: readonly unknown[],
    spent: Spending,
  ): Promise<CallOutput> {
    const { fingerprints, journal } = this.options;
    const header = {
      ...{ fingerprint: fingerprints[stageIndex] as string, rowOffset, size },
      ...{ first: call.first, count: call.rows.length, input: call.inputHash },
      ...(isNothing(spent) ? {} : { spent }),
    };
    const { lost } = call.memory;
    const { payload, parts } = encodeCall(header, stage.name, batch, rows, lost);
    const output = { rows: undefined, parts, rowsOut: rows.length, lost: lostInBatch(call) };
    const key = { stage: stage.name, batch, call: call.index };
    return (journal as Journal).append(key, payload).then(() => output);
  }

  async #read(stage: string, batch: number, call: number): Promise<CallRecord | undefined> {
    const payload = await readJournal(this.options.journal, { stage, batch, call });
    return payload === undefined ? undefined : decodeCall(payload, batch);
  }
}

/** The rows that a call lost, with indexes in the batch. */
export function lostInBatch({ memory, first }: Call): CallOutput['lost'] {
  return memory.lost.map((loss) => ({ ...loss, index: first + loss.index }));
}
