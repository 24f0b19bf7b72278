/**
 * The envelope of a checkpoint: what is written as text, and read back from a place that is not trusted (I9).
 *
 * 1. (I3) At most 64 KB, whatever the run: more is a `CheckpointWriteError`, before anything is written.
 * 2. What is encoded can be decoded: the same limits and the same fields are checked on the way out.
 * 3. Decoding checks size, depth, keys, format, checksum, every field and the session, and gives an object made of the
 *    checked fields only. The machine's snapshot inside stays opaque here: `machines/restore/restore.ts` rebuilds it.
 * 4. What an earlier release wrote is checked as it was written, brought to today's format (`migrations.ts`), and then read as any
 *    other. What a later one wrote is refused.
 * 5. A reason is a short phrase of ours and quotes nothing of the text.
 */
import { sha256 } from '#sha256';
import { type ErrorData, EXECUTOR_STATES, type ExecutorState } from '../../machines/context.js';
import { CheckpointWriteError, CorruptCheckpointError } from '../errors.js';
import { canonicalJson, isObject, type Json, type JsonObject, parseUntrusted } from '../formats/json.js';
import {
  amount,
  flag,
  json,
  jsonObject,
  nullable,
  object,
  oneOf,
  optional,
  shape,
  text,
  whole,
} from '../formats/shape.js';
import { messageOf } from '../platform/thrown.js';
import { isLedgerState, type LedgerState } from '../spending/ledger.js';
import { MIGRATIONS } from './migrations.js';

/** Of the envelope. A release reads its own format and every earlier one. */
const FORMAT = 2;
/** UTF-8 bytes of a checkpoint. */
export const MAX_CHECKPOINT_BYTES = 65_536;
const MAX_DEPTH = 32;
const MAX_MESSAGE = 300;
/** What a Date can hold, in milliseconds. */
const MAX_TIME = 8.64e15;

/** A persisted session: the machine's snapshot and all that another process needs to resume. */
export interface Checkpoint {
  readonly sessionId: string;
  /** Counts the owners of the session (I10). */
  readonly epoch: number;
  /** Milliseconds since the epoch. */
  readonly savedAt: number;
  /** Milliseconds since the epoch; of the session, not of its latest run. */
  readonly startedAt: number;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** The file that the command line loaded it from. */
  readonly pipelineFile?: string;
  /** What the file was called with; absent: nothing. At most `MAX_ARGUMENTS` characters as JSON. */
  readonly pipelineArguments?: readonly string[];
  readonly state: ExecutorState;
  /** I15: what must be the same for a resume. */
  readonly fingerprint: Json;
  readonly settings: CheckpointSettings;
  /** Descriptions to rebuild them from; null: they must be passed again. */
  readonly source: JsonObject | null;
  readonly sink: JsonObject | null;
  readonly deadLetter: JsonObject | null;
  readonly sourceIdentity: Json;
  /** What the session has spent (I21); absent: nothing. */
  readonly spending?: LedgerState;
  /** The session that takes the dead letters of this one again. */
  readonly redriven?: Redriven;
  /** What the run failed with. */
  readonly error?: ErrorData;
  /** The XState snapshot as persisted. */
  readonly snapshot: Json;
}

/** That the dead letters of a session were taken by another one. */
export interface Redriven {
  readonly sessionId: string;
  /** The other session is stored. False: a crash may have come before that. */
  readonly isStored: boolean;
}

/** Sizes that a session keeps from its beginning. */
export interface CheckpointSettings {
  /** Rows. */
  readonly batchSize: number;
  /** Batches. */
  readonly maxInFlight: number;
  /** Rows. */
  readonly checkpointInterval: number;
  /** Null: not by time. */
  readonly checkpointEveryMs: number | null;
  /** Whether the output is delivered before the session completes. False: never, it is a fork. Absent: the pipeline had no delivery. */
  readonly delivers?: boolean;
}

/** The text of a checkpoint.
 * @throws {CheckpointWriteError} when it is larger than 64 KB or not what `decodeCheckpoint` would accept. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const error = checkpoint.error && { ...checkpoint.error, message: clip(checkpoint.error.message) };
  try {
    const body = JSON.stringify({ format: FORMAT, ...checkpoint, ...(error && { error }) });
    const value = parseUntrusted(body, LIMITS) as JsonObject;
    readToday(value);
    const text = `${body.slice(0, -1)},"checksum":"${checksumOf(value)}"}`;
    if (checkpointBytes(text) > MAX_CHECKPOINT_BYTES) throw new Refusal(TOO_LARGE);
    return text;
  } catch (cause) {
    const id = checkpoint.sessionId;
    throw new CheckpointWriteError(
      `The checkpoint of session ${id} cannot be written: ${messageOf(cause)}. Nothing was changed on disk.`,
      { cause },
    );
  }
}

/** The checkpoint in a text of unknown origin.
 * @param sessionId whose it must be.
 * @throws {CorruptCheckpointError} with one reason. */
export function decodeCheckpoint(text: string, sessionId: string): Checkpoint {
  try {
    if (text.length > MAX_CHECKPOINT_BYTES || checkpointBytes(text) > MAX_CHECKPOINT_BYTES)
      throw new Refusal(TOO_LARGE);
    const value = parseUntrusted(text, LIMITS);
    if (!isObject(value)) throw new Refusal('not an object');
    const { checksum, ...body } = value as JsonObject;
    assertKnown(body.format);
    if (checksum !== checksumOf(body)) throw new Refusal('the checksum does not match');
    const checkpoint = readToday(migrated(body));
    if (checkpoint.sessionId !== sessionId) throw new Refusal('it belongs to another session');
    return checkpoint;
  } catch (error) {
    throw new CorruptCheckpointError(sessionId, [messageOf(error)]);
  }
}

const LIMITS = { maxLength: MAX_CHECKPOINT_BYTES, maxDepth: MAX_DEPTH };
const TOO_LARGE = `larger than ${MAX_CHECKPOINT_BYTES} bytes`;

function assertKnown(format: Json | undefined): void {
  if (typeof format === 'number' && (format === FORMAT || MIGRATIONS.has(format))) return;
  if (Number.isSafeInteger(format) && (format as number) > FORMAT) {
    throw new Refusal(`written by a newer release (format ${format}, this one reads up to ${FORMAT})`);
  }
  throw new Refusal('no known format');
}

/** Step by step, each one format on. */
function migrated(body: JsonObject): JsonObject {
  let today = body;
  for (let format = Number(body.format); format < FORMAT; format++) {
    const migrate = MIGRATIONS.get(format);
    if (migrate === undefined) throw new Refusal('no known format');
    try {
      today = { ...migrate(today), format: format + 1 };
    } catch (error) {
      throw new Refusal(`not what format ${format} holds: ${messageOf(error)}`);
    }
  }
  return today;
}

const time = amount(0, MAX_TIME);
/** Characters of the arguments of a pipeline file, as JSON: they are stored with the session. */
export const MAX_ARGUMENTS = 4_096;

/** Whether it can be stored. */
export function isArgumentList(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) return false;
  return JSON.stringify(value).length <= MAX_ARGUMENTS;
}

const CHECKPOINT = object({
  format: whole(FORMAT, FORMAT),
  sessionId: text(36),
  epoch: whole(0),
  savedAt: time,
  startedAt: time,
  pipeline: text(1000),
  pipelineFile: optional(text(4096)),
  pipelineArguments: optional(shape('a list of arguments', isArgumentList)),
  state: oneOf(EXECUTOR_STATES),
  fingerprint: json,
  settings: object({
    batchSize: whole(1),
    maxInFlight: whole(1),
    checkpointInterval: whole(1),
    checkpointEveryMs: nullable(time),
    delivers: optional(flag),
  }),
  source: nullable(jsonObject),
  sink: nullable(jsonObject),
  deadLetter: nullable(jsonObject),
  sourceIdentity: json,
  spending: optional(shape('what a session has spent', isLedgerState)),
  redriven: optional(object({ sessionId: text(36), isStored: flag })),
  error: optional(object({ name: text(MAX_MESSAGE), code: text(MAX_MESSAGE), message: text(MAX_MESSAGE) })),
  snapshot: json,
});

function readToday(body: JsonObject): Checkpoint {
  const { format: _, ...checkpoint } = CHECKPOINT.read(body, '');
  return checkpoint;
}

/** Why a text is not a checkpoint. */
class Refusal extends Error {}

function checksumOf(body: JsonObject): string {
  return sha256(canonicalJson(body));
}

/** UTF-8 bytes. */
export function checkpointBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function clip(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message;
}
