/** A journal record with the answers of one request, of a call that needs another one. */
import { CorruptJournalError } from '../../../errors.js';
import { isObject, type Json } from '../../../formats/json.js';
import { utf8Bytes } from '../../../formats/text-bytes.js';

/** The keys on disk. */
export interface AnswersRecord {
  /** Index of the call in its batch. */
  readonly call: number;
  readonly fingerprint: string;
  /** Hash of the call's rows (I26). */
  readonly input: string;
  /** By the place of the row in the call. */
  readonly answers: readonly (readonly [number, Json])[];
}

export function encodeAnswers(record: AnswersRecord): Uint8Array {
  return utf8Bytes(JSON.stringify(record));
}

/** @throws {CorruptJournalError} */
export function decodeAnswers(payload: Uint8Array, batch: number): AnswersRecord {
  try {
    const record: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (isObject(record) && Array.isArray(record.answers)) return record as unknown as AnswersRecord;
  } catch {
    // Reported below.
  }
  throw new CorruptJournalError(`A record of answers for batch ${batch} cannot be read.`);
}
