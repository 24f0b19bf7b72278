/** Which dead letters a session reads, as its checkpoint says. Runs anywhere: reading them needs files (`dead-letters.ts`). */
import type { JsonObject } from '../../formats/json.js';
import { object, oneOf, type Shape, ShapeError, text, whole } from '../../formats/shape.js';

/** `kind` of the source and of its description. */
export const DEAD_LETTERS = 'dead-letters';
/** The stage that dead letters name for rows that no stage received: quarantined and malformed rows. */
export const INPUT = 'source';

/** Which dead letters are read; JSON, because a checkpoint keeps it. */
export interface DeadLetters {
  /** Absolute. */
  readonly path: string;
  /** The session that wrote them. */
  readonly session: string;
  /** The stages at which rows enter, in the order of the pipeline. */
  readonly entering: readonly EnteringRows[];
  /** Dead letters that are left out: rows of the input that were malformed. */
  readonly malformed: number;
}

/** Rows that enter a pipeline at a stage; `source`: at the first one, because no stage had received them. */
export interface EnteringRows {
  readonly stage: string;
  readonly rows: number;
}

const ENTERING = object({ stage: text(1000, 1), rows: whole(1) });
const enteringRows: Shape<readonly EnteringRows[]> = {
  expected: 'a list of stages with rows',
  read(value, path) {
    if (!Array.isArray(value) || value.length === 0)
      throw new ShapeError(`${path} must be a list of stages with rows`);
    return value.map((each, i) => ENTERING.read(each, `${path}[${i}]`));
  },
};
const DESCRIPTION = object({
  kind: oneOf([DEAD_LETTERS]),
  path: text(4096, 1),
  session: text(36),
  entering: enteringRows,
  malformed: whole(0),
});

/** Which dead letters a stored source reads; undefined: it is another kind of source.
 * @throws {ShapeError} for a description that is incomplete */
export function describedDeadLetters(description: JsonObject | null): DeadLetters | undefined {
  if (description?.kind !== DEAD_LETTERS) return undefined;
  const { kind: _, ...letters } = DESCRIPTION.read(description, 'source');
  return letters;
}

/** Rows that are taken. */
export function rowsOf({ entering }: DeadLetters): number {
  return entering.reduce((sum, { rows }) => sum + rows, 0);
}
