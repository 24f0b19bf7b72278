/**
 * The first rows of another source, for a trial: `run --limit 20`.
 *
 * The limit is a part of the description and of every position, so that a resumed trial ends where an uninterrupted one does.
 */
import { PipelineMismatchError } from '../errors.js';
import { isCount, type Json } from '../formats/json.js';
import type { OpenSource, Source, SourceBatch, SourcePosition } from './source.js';

/** @param limit rows, from 1. */
export function limitedSource<T>(source: Source<T>, limit: number): Source<T> {
  const { kind, onMalformed, isReadOnce = false } = source;
  return {
    kind,
    onMalformed,
    isReadOnce,
    describe: () => ({ ...(source.describe() ?? { kind }), limit }),
    async open(at, context) {
      const taken = at === undefined ? 0 : at.taken;
      if (!isCount(taken))
        throw new PipelineMismatchError([`the stored position is not one of a limited ${kind}`], false);
      return new LimitedRows(await source.open(at && withoutCount(at), context), limit, taken);
    },
    ...(source.prepareRaw && { prepareRaw: source.prepareRaw.bind(source) }),
    ...(source.decodeRaw && { decodeRaw: source.decodeRaw.bind(source) }),
  };
}

function withoutCount({ taken: _, ...at }: SourcePosition): SourcePosition {
  return at;
}

class LimitedRows<T> implements OpenSource<T> {
  readonly total: { readonly unit: 'rows'; readonly value: number };
  readonly columns?: readonly string[];
  readonly files?: NonNullable<OpenSource<T>['files']>;
  readonly file?: NonNullable<OpenSource<T>['file']>;
  readonly path?: string;
  readonly difference?: string;
  readonly settleRead?: () => void;
  readonly #source: OpenSource<T>;
  #taken: number;

  constructor(source: OpenSource<T>, limit: number, taken: number) {
    this.#source = source;
    this.#taken = taken;
    this.total = { unit: 'rows', value: limit };
    const { columns, files, file, path, difference } = source;
    if (columns !== undefined) this.columns = columns;
    if (files !== undefined) this.files = files;
    // Of several files, the open one changes.
    if (file !== undefined) this.file = { stat: async () => (source.file ?? file).stat() };
    if (path !== undefined) this.path = path;
    if (difference !== undefined) this.difference = difference;
    if (source.settleRead !== undefined) this.settleRead = () => source.settleRead?.();
  }

  async read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined> {
    const left = this.total.value - this.#taken;
    const batch = left <= 0 ? undefined : await this.#source.read(Math.min(maxRows, left), maxBytes);
    if (batch === undefined) return undefined;
    this.#taken += batch.size;
    return {
      size: batch.size,
      position: { ...batch.position, taken: this.#taken },
      done: this.#taken,
      decode: batch.decode.bind(batch),
      ...(batch.file !== undefined && { file: batch.file }),
      ...(batch.hash && { hash: batch.hash.bind(batch) }),
      ...(batch.release && { release: batch.release.bind(batch) }),
      ...(batch.raw && { raw: batch.raw.bind(batch) }),
    };
  }

  identity(position: SourcePosition): Promise<Json | undefined> {
    return this.#source.identity(withoutCount(position));
  }

  async identityOfWhole(): Promise<Json> {
    return (await this.#source.identityOfWhole?.()) ?? null;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
