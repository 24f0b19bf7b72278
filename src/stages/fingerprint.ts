/**
 * What tells a stage from another one (I15), as facts that a checkpoint keeps and a resume compares.
 *
 * Options stand in it as a hash, never by value. Left out, because they change how fast or how stubbornly the same rows
 * are computed and not the rows, are concurrency, rowConcurrency, retry, timeoutMs and hooks: these may be changed between a pause
 * and its resume. The stage's function cannot be compared: raise `version` when its results change; nor can the inside of a schema.
 */
import { sha256 } from '#sha256';
import { canonicalJson, type JsonObject } from '../formats/json.js';
import type { AnyStage } from './stage.js';

const HASH_LENGTH = 16;

/** @returns JSON of a few hundred bytes: `name`, `version`, `kind` ('batch', 'map', 'filter', 'flatMap'), `durable`, and
 * `options`, 16 hexadecimal digits. */
export function stageFacts(stage: AnyStage): JsonObject {
  const options: JsonObject = {
    onError: stage.onError,
    input: stage.input?.['~standard'].vendor ?? null,
    output: stage.output?.['~standard'].vendor ?? null,
  };
  return {
    name: stage.name,
    version: stage.version,
    kind: stage.kind === 'row' ? stage.shape : 'batch',
    durable: stage.durable,
    options: sha256(canonicalJson(options)).slice(0, HASH_LENGTH),
  };
}
