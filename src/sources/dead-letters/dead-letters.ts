/**
 * The dead letters of a session as a source: the rows that a redrive takes again.
 *
 * 1. A row enters at the stage that lost it, with the value that the stage received: no stage before it is called again.
 * 2. The file is read once for each stage that lost rows, in the order of the stages. A batch has rows of one stage only, and the
 *    memory does not grow with the file (I13). Within a stage, rows keep their order.
 * 3. Malformed rows of the input are left out: their dead letters have text, and no stage received it.
 */
import { PipelineMismatchError, SourceError } from '../../errors.js';
import { isCount, isObject, type Json, type JsonObject } from '../../formats/json.js';
import type { FileHandle } from '../../platform/file-system.js';
import type { OpenContext } from '../../platform/open-context.js';
import { jsonlSource } from '../jsonl.js';
import type { OpenSource, Source, SourceBatch, SourcePosition } from '../source.js';
import {
  DEAD_LETTERS,
  type DeadLetters,
  type EnteringRows,
  INPUT,
  rowsOf,
} from './described-dead-letters.js';

interface Letter {
  readonly stage: string;
  readonly isMalformed: boolean;
  readonly value: Json;
}

/** How many rows of a dead-letter file each stage lost, by its name. */
export interface LetterCounts {
  readonly byStage: ReadonlyMap<string, number>;
  /** Rows that cannot be taken again. */
  readonly malformed: number;
}

const ROWS_AT_ONCE = 512;
const BYTES_AT_ONCE = 256 * 1024;

/** Reads the whole file, a piece at a time. @throws {SourceError} */
export async function countDeadLetters(path: string, context: OpenContext): Promise<LetterCounts> {
  const file = await jsonlSource<unknown>(path).open(undefined, context);
  const byStage = new Map<string, number>();
  let malformed = 0;
  try {
    for (;;) {
      const batch = await file.read(ROWS_AT_ONCE, BYTES_AT_ONCE);
      if (batch === undefined) return { byStage, malformed };
      for (const { stage, isMalformed } of lettersOf(path, batch)) {
        if (isMalformed) malformed++;
        else byStage.set(stage, (byStage.get(stage) ?? 0) + 1);
      }
    }
  } finally {
    await file.close();
  }
}

export function deadLetterSource(letters: DeadLetters): Source<unknown> {
  const { path, session, entering, malformed } = letters;
  const file = jsonlSource<unknown>(path);
  return {
    kind: DEAD_LETTERS,
    onMalformed: 'fail',
    describe: () => ({
      ...{ kind: DEAD_LETTERS, path, session, malformed },
      entering: entering.map(({ stage, rows }) => ({ stage, rows })),
    }),
    open: async (at, context) => {
      const { pass, rows: done } = at === undefined ? { pass: 0, rows: 0 } : positionIn(letters, at);
      const opened = await file.open(at === undefined ? undefined : withoutPass(at), context);
      return new OpenDeadLetters(letters, { opened, pass, done }, () => file.open(undefined, context));
    },
  };
}

/** Where the reading stands in the file, during one of the passes over it. */
function positionIn(
  { path, entering }: DeadLetters,
  { pass, taken }: SourcePosition,
): { readonly pass: number; readonly rows: number } {
  if (isCount(pass) && isCount(taken) && pass < entering.length) return { pass, rows: taken };
  throw new PipelineMismatchError([`the stored position is not one of the dead letters in ${path}`], false);
}

const withoutPass = ({ pass: _, taken: __, ...position }: SourcePosition): SourcePosition => position;

class OpenDeadLetters implements OpenSource<unknown> {
  readonly total: { readonly unit: 'rows'; readonly value: number };
  #file: OpenSource<unknown>;
  #pass: number;
  #taken: number;
  #isClosed = false;

  constructor(
    private readonly letters: DeadLetters,
    { opened, pass, done }: { readonly opened: OpenSource<unknown>; pass: number; done: number },
    private readonly reopen: () => Promise<OpenSource<unknown>>,
  ) {
    this.total = { unit: 'rows', value: rowsOf(letters) };
    this.#file = opened;
    this.#pass = pass;
    this.#taken = done;
  }

  /** The dead letters are not overwritten. */
  get file(): Pick<FileHandle, 'stat'> {
    return this.#file.file as Pick<FileHandle, 'stat'>;
  }

  async read(maxRows: number, maxBytes: number): Promise<SourceBatch<unknown> | undefined> {
    while (!this.#isClosed) {
      const batch = await this.#readPass(maxRows, maxBytes);
      if (batch !== undefined) return batch;
      if (this.#isClosed || this.#pass + 1 >= this.letters.entering.length) return undefined;
      this.#pass++;
      await this.#file.close();
      this.#file = await this.reopen();
      if (this.#isClosed) await this.#file.close();
    }
    return undefined;
  }

  /** The next rows of the stage whose turn it is; undefined: there are no more. */
  async #readPass(maxRows: number, maxBytes: number): Promise<SourceBatch<unknown> | undefined> {
    const { path, entering } = this.letters;
    const { stage } = entering[this.#pass] as EnteringRows;
    const rows: Json[] = [];
    let position: SourcePosition | undefined;
    for (let bytes = 0; rows.length < maxRows && bytes < maxBytes; ) {
      const batch = await this.#file.read(maxRows - rows.length, maxBytes);
      if (batch === undefined) break;
      const letters = lettersOf(path, batch);
      for (const letter of letters) {
        if (letter.isMalformed || letter.stage !== stage) continue;
        rows.push(letter.value);
        bytes += JSON.stringify(letter.value).length;
      }
      position = batch.position;
      batch.release?.();
    }
    if (rows.length === 0 || position === undefined) return undefined;
    this.#taken += rows.length;
    const taken = this.#taken;
    return {
      size: rows.length,
      position: { ...position, pass: this.#pass, taken },
      done: taken,
      ...(stage !== INPUT && { firstStage: stage }),
      decode: (row) => {
        for (const value of rows) row(structuredClone(value));
      },
    };
  }

  identity(position: SourcePosition): Promise<Json | undefined> {
    return this.#file.identity(withoutPass(position));
  }

  identityOfWhole(): Promise<Json> {
    return this.#file.identityOfWhole?.() ?? Promise.resolve(null);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#file.close();
  }
}

/** @throws {SourceError} for a line that is no dead letter */
function lettersOf(path: string, batch: SourceBatch<unknown>): Letter[] {
  const letters: Letter[] = [];
  const refuse = (): never => {
    throw new SourceError(
      `${path} has a line that is not a dead letter. Restore the file as the run wrote it.`,
    );
  };
  batch.decode((line) => {
    const { stage, value, byte } = isObject(line as Json) ? (line as JsonObject) : {};
    if (typeof stage !== 'string' || value === undefined) return refuse();
    letters.push({ stage, value, isMalformed: stage === INPUT && byte !== undefined });
  }, refuse);
  return letters;
}
