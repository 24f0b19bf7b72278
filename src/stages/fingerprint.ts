/**
 * What tells one stage from another (I15): data that a checkpoint keeps and a resume compares.
 *
 * Options are hashed. concurrency, rowConcurrency, limit, retry, timeoutMs, rowTimeoutMs and hooks are left out, because they do not
 * change the rows: they may change between a pause and its resume. Neither the stage's function nor the inside of a schema
 * can be compared: change `version` when results change.
 */
import { sha256 } from '#sha256';
import { canonicalJson, type JsonObject } from '../formats/json.js';
import type { AnyStage } from './stage.js';

const HASH_LENGTH = 16;

/** @returns JSON of a few hundred bytes: `name`, `version`, `kind` ('batch', 'map', 'filter', 'flatMap', 'fold', 'distinct'), `durable`, and
 * `options`, 16 hexadecimal digits. */
export function describeStage(stage: AnyStage): JsonObject {
  const { rowsPerCall } = stage;
  const options: JsonObject = {
    // What a batch stage's function gets; a row stage's gets one row anyway. Absent: as before there was this option.
    ...(stage.kind === 'batch' && rowsPerCall !== undefined ? { rowsPerCall } : {}),
    onError: stage.onError,
    input: stage.input?.['~standard'].vendor ?? null,
    output: stage.output?.['~standard'].vendor ?? null,
  };
  return {
    name: stage.name,
    version: stage.version,
    kind: stage.kind === 'row' ? stage.shape : (stage.keyed?.kind ?? 'batch'),
    durable: stage.durable,
    options: sha256(canonicalJson(options)).slice(0, HASH_LENGTH),
  };
}
