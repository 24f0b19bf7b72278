/**
 * A call that needs another request: what its function rejects with, and where it finds the answers that it has.
 *
 * The next request passes the gate again, with a permit and a reservation of its own. Answers are journaled between requests, so
 * that no process asks for them again (I20).
 */
import type { Json } from '../../formats/json.js';
import type { StageContext } from '../stage.js';

/** Answers by the place of their row in the call. */
export type Answers = ReadonlyMap<number, Json>;

/** Where the context of a call carries the answers of its earlier requests. */
export const ANSWERS = Symbol('answers');

export class FurtherRequest extends Error {
  constructor(
    /** The rows that it is about. */
    readonly rows: readonly unknown[],
    /** What the request before it gave. */
    readonly answers: Answers,
  ) {
    super('The call needs another request.');
  }
}

/** The answers of a call's earlier requests, also of those that another process made. */
export function answersIn(context: StageContext & { readonly [ANSWERS]?: Answers }): Answers | undefined {
  return context[ANSWERS];
}
