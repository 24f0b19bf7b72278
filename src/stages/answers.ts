/** What a stage's function may answer with. Anything else is an error that says what to return instead, because a row
 * that is not JSON would otherwise end up as a broken line in the output. */
import { StageError } from '../errors.js';
import { kindOf } from '../formats/shape.js';

/** @param stage the stage's name */
export function noRow(stage: string): StageError {
  return new StageError(
    `Stage "${stage}": the function of map answered with undefined; return a row, or use filter or flatMap to leave rows out.`,
  );
}

function noArray(stage: string, shape: 'flatMap' | 'batch', answer: unknown): StageError {
  const where = shape === 'batch' ? 'process' : 'the function of flatMap';
  return new StageError(
    `Stage "${stage}": ${where} has to answer with an array of rows; got ${kindOf(answer)}.`,
  );
}

function emptyPlace(stage: string, shape: 'flatMap' | 'batch', at: number): StageError {
  const where = shape === 'batch' ? 'process' : 'the function of flatMap';
  return new StageError(
    `Stage "${stage}": the array that ${where} answered with has undefined at ${at}; leave it out.`,
  );
}

/** The rows of an answer that has to be an array.
 * @throws {StageError} */
export function checkedRows(stage: string, shape: 'flatMap' | 'batch', answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw noArray(stage, shape, answer);
  for (let i = 0; i < answer.length; i++) if (answer[i] === undefined) throw emptyPlace(stage, shape, i);
  return answer;
}
