/**
 * Calls a stage's function twice for each attempt, as a crash or a retry may. A stage must give the same rows both times: it
 * must not use random numbers or the time, change its rows in place, or remember rows of earlier calls.
 */
import type { BatchContext } from '../../stages/stage.js';

/** A stage that gave different rows in two calls for the same input, or changed its input. */
export interface Unrepeatable {
  readonly stage: string;
  /** Index from 0. */
  readonly batch: number;
  readonly problem: 'changes its rows in place' | 'returns other rows when called again';
}

type StageFunction = (input: never, context: BatchContext, index: number) => unknown;

/** @returns the result of the second call. */
export function callTwice(
  own: StageFunction,
  stage: string,
  report: (found: Unrepeatable) => void,
): StageFunction {
  return (input, context, index) => {
    const before = JSON.stringify(input);
    const copy = structuredClone(input) as never;
    const find = (problem: Unrepeatable['problem']) => report({ stage, batch: context.batch.index, problem });
    const compare = (first: unknown, second: unknown) => {
      if (JSON.stringify(first) !== JSON.stringify(second)) find('returns other rows when called again');
      return second;
    };
    // As text: the second call may change an object that the first one returned.
    const textOf = (result: unknown): unknown => {
      const text = JSON.stringify(result);
      if (JSON.stringify(copy) !== before) find('changes its rows in place');
      return text === undefined ? undefined : JSON.parse(text);
    };
    // The rows that the first call fails are not counted.
    const quiet = Object.create(context, { failRow: { value: () => {} } }) as BatchContext;
    const first = own(copy, quiet, index);
    if (!isPromise(first)) {
      const kept = textOf(first);
      const second = own(input, context, index);
      return isPromise(second) ? second.then((result) => compare(kept, result)) : compare(kept, second);
    }
    return first.then(async (result) => compare(textOf(result), await own(input, context, index)));
  };
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}
