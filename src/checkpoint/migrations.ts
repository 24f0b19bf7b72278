/**
 * How checkpoints of earlier formats become today's: one step for each format that was ever released.
 *
 * A release that changes what a checkpoint holds (the envelope's fields, or those of the machine's snapshot in it) raises
 * `FORMAT` in `envelope.ts` and adds a step here, from the format before. No step is ever changed or removed: users' sessions
 * are that old. A step is handed a body whose checksum was right, and nothing else is known of it; what it gives is checked as
 * if it had been read (I9), so that a step may be short: it moves fields, and does not look into them.
 */
import type { JsonObject } from '../formats/json.js';

/** From the body of one format to that of the next. */
export type Migration = (body: JsonObject) => JsonObject;

/** By the format that each begins from. There is one format so far. */
export const MIGRATIONS: ReadonlyMap<number, Migration> = new Map();
