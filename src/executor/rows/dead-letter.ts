import type { Json, JsonObject } from '../../../machines/context.js';
import { type MalformedRowError, SourceError } from '../../errors.js';
import { errorData } from '../../platform/thrown.js';
import type { SourceBatch } from '../../sources/source.js';
import type { AnyStage } from '../../stages/stage.js';

interface Place {
  readonly index: number;
  readonly rowOffset: number;
}

/** One line of the dead-letter file: the row, where it failed, and why. */
export function deadLetterOf(
  stage: string,
  { index, rowOffset }: Place,
  row: number,
  error: unknown,
  value: unknown,
): JsonObject {
  return { stage, batch: index, rowOffset, row, error: { ...errorData(error) }, value: jsonOf(value) };
}

/** The line for a row that the source could not decode: its value is the text. */
export function malformedDeadLetterOf(batch: Place, row: number, error: MalformedRowError): JsonObject {
  const { value, ...letter } = deadLetterOf('source', batch, row, error, error.text ?? null);
  return { ...letter, file: error.file, byte: error.byte, value: value as Json };
}

/** The index of the stage at which the rows of a batch enter. @throws {SourceError} for a stage that the pipeline has not */
export function firstStageOf(
  stages: readonly AnyStage[],
  { firstStage }: Pick<SourceBatch<unknown>, 'firstStage'>,
): number {
  if (firstStage === undefined) return 0;
  const index = stages.findIndex(({ name }) => name === firstStage);
  if (index >= 0) return index;
  throw new SourceError(`The source has rows for stage "${firstStage}", and the pipeline has no such stage.`);
}

/** Total: what is not JSON becomes text or null. */
export function jsonOf(value: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null') as Json;
  } catch {
    try {
      return String(value);
    } catch {
      return null;
    }
  }
}
