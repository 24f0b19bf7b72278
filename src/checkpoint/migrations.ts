/**
 * How checkpoints of earlier formats become today's: one step for each format that was released.
 *
 * A release that changes what a checkpoint holds (fields of the envelope or of the machine's snapshot) raises `FORMAT` in
 * `envelope.ts` and adds the step from the format before. A released step is never changed or removed: users' sessions are
 * that old. A step gets a body whose checksum matches, and nothing else is known of it. Its result is checked like any
 * checkpoint (I9), so a step only moves fields.
 */
import { contextOfFormat1 } from '../formats/format-1.js';
import { isObject, type JsonObject } from '../formats/json.js';

/** From the body of one format to that of the next. */
export type Migration = (body: JsonObject) => JsonObject;

/** Format 2: the machine's context names activity, suspects and crashes. */
const toFormat2: Migration = (body) => {
  const { snapshot } = body;
  if (!isObject(snapshot)) return body;
  return {
    ...body,
    snapshot: { ...(snapshot as JsonObject), context: contextOfFormat1(snapshot.context) as JsonObject },
  };
};

/** By the format that each step begins from. */
export const MIGRATIONS: ReadonlyMap<number, Migration> = new Map([[1, toFormat2]]);
