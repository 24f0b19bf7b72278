import type { Json, JsonObject } from '../../../machines/context.js';
import { MalformedRowError } from '../../errors.js';
import { errorData } from '../../platform/error-data.js';

/** One line of the dead-letter file: the row, where it failed, and why. A malformed row is its text. */
export function deadLetterOf(
  stage: string,
  batch: { readonly index: number; readonly rowOffset: number },
  row: number,
  error: unknown,
  value: unknown,
): JsonObject {
  const { index, rowOffset } = batch;
  const isMalformed = error instanceof MalformedRowError;
  const at = isMalformed ? { file: error.file, byte: error.byte } : {};
  return {
    stage,
    batch: index,
    rowOffset,
    row,
    error: { ...errorData(error) },
    ...at,
    value: isMalformed ? (error.text ?? null) : jsonOf(value),
  };
}

function jsonOf(value: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null') as Json;
  } catch {
    return String(value);
  }
}
