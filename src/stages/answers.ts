/**
 * Checks what a stage's function returns. Anything that is not a row is an error that says what to return instead: a
 * promise, for example, would be written as `{}`.
 */
import { StageError } from '../errors.js';
import { findPromise, isPromiseSample } from '../formats/promises.js';
import { kindOf } from '../formats/shape.js';
import type { RowShape } from './stage.js';
import { abandon, isThenable } from './thenable.js';

type Shape = RowShape | 'batch';

/** The row that `map` returned.
 * @throws {StageError} when it is undefined or holds a promise. */
export function checkRow(stage: string, row: unknown): unknown {
  if (row === undefined) throw missingRow(stage);
  const path = findPromise(row);
  if (path !== undefined) throw promiseInside(stage, 'map', undefined, path);
  return row;
}

/** @param stage the stage's name */
export function missingRow(stage: string): StageError {
  return new StageError(
    `Stage "${stage}": the function of map returned undefined. Return a row, or use filter or flatMap to leave rows out.`,
  );
}

/** The rows of an answer that must be an array.
 * @param isEncodedNext the encoder finds the promises that are not found here: only samples are searched
 * @throws {StageError} when it is not one, or when a row is undefined or holds a promise. */
export function checkRows(
  stage: string,
  shape: 'flatMap' | 'batch',
  answer: unknown,
  isEncodedNext = false,
): readonly unknown[] {
  const fn = functionOf(shape);
  if (!Array.isArray(answer))
    throw new StageError(`Stage "${stage}": ${fn} must return an array of rows; got ${kindOf(answer)}.`);
  for (let i = 0; i < answer.length; i++) {
    const row: unknown = answer[i];
    if (row === undefined)
      throw new StageError(
        `Stage "${stage}": ${fn} returned an array with undefined at index ${i}. Leave such rows out.`,
      );
    const path = isEncodedNext && !isPromiseSample(i) ? undefined : findPromise(row);
    if (path !== undefined) throw refusedRow(stage, shape, answer, i, path);
  }
  return answer;
}

/** The error for a row of an answer that holds a promise. Handles the rejections of the rows that are promises. */
export function refusedRow(
  stage: string,
  shape: Shape,
  rows: readonly unknown[],
  index: number,
  path: string,
): StageError {
  for (const row of rows) if (isThenable(row)) abandon(row);
  return promiseInside(stage, shape, index, path);
}

/** @param index of the row in the array that was returned; undefined: the row itself was.
 * @param path within the row; '' for the row itself. */
export function promiseInside(
  stage: string,
  shape: Shape,
  index: number | undefined,
  path: string,
): StageError {
  const fn = functionOf(shape);
  const row = index === undefined ? 'a row' : `row ${index}`;
  if (path === '')
    return new StageError(
      `Stage "${stage}": ${row} that ${fn} returned is a promise. Wait for the rows: return await Promise.all(rows.map(…)).`,
    );
  return new StageError(
    `Stage "${stage}": ${row} that ${fn} returned holds a promise at ${path}. Await it before returning the row.`,
  );
}

function functionOf(shape: Shape): string {
  return shape === 'batch' ? 'process' : `the function of ${shape}`;
}
