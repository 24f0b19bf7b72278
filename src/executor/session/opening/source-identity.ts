/**
 * Whether an input is still the one that a session began with (I15). Before the first commit its beginning and its end are
 * compared, afterwards its beginning and the place before the committed position. It may have grown since, and not become
 * shorter.
 */
import type { Json, JsonObject } from '../../../../machines/context.js';
import { PipelineMismatchError } from '../../../errors.js';
import { canonicalJson, isObject } from '../../../formats/json.js';
import type { OpenSource, SourcePosition } from '../../../sources/source.js';
import type { RunStart, SessionRunOptions } from '../run-options.js';

/** What a checkpoint keeps: the source's own facts, and how large it was. Null: nothing can be said of it.
 * @param position null: nothing is committed. */
export async function identityOf(
  source: OpenSource<unknown>,
  position: SourcePosition | null,
): Promise<JsonObject | null> {
  const sizes = { size: source.total?.value ?? null, ...(source.files && { files: source.files.length }) };
  if (position === null) {
    const whole = await source.identityOfWhole?.();
    return whole === undefined ? null : { whole, ...sizes };
  }
  const facts = await source.identity(position);
  return facts === undefined ? null : { facts, ...sizes };
}

/** A source that was read to its end, and is not opened again.
 * @param stored its identity. */
export function endedSource(stored: Json | null): OpenSource<unknown> {
  const facts = isObject(stored) ? (stored as JsonObject).facts : undefined;
  return { read: async () => undefined, identity: async () => facts, close: async () => {} };
}

/** How the input compares with what was stored of it. */
export interface InputComparison {
  /** What a resume refuses, unless forced. */
  readonly difference?: string;
  readonly hasGrown: boolean;
}

const SAME: InputComparison = { hasGrown: false };

/** @param position null: nothing is committed. */
export async function compareInput(
  stored: Json | null,
  source: OpenSource<unknown>,
  position: SourcePosition | null,
): Promise<InputComparison> {
  if (!isObject(stored)) return SAME;
  const { facts = null, whole = null, size, files } = stored as JsonObject;
  const now = source.total?.value;
  const isSized = typeof size === 'number' && now !== undefined;
  const isCounted = typeof files === 'number' && source.files !== undefined;
  if (isSized && now < size) return { difference: 'the input has become shorter', hasGrown: false };
  if (isCounted && source.files.length < files)
    return { difference: `the input has ${source.files.length} files, and had ${files}`, hasGrown: false };
  const hasGrown = (isSized && now > size) || (isCounted && source.files.length > files);
  if (position !== null) {
    const current = await source.identity(position);
    return current === undefined || isEqual(facts, current)
      ? { hasGrown }
      : { difference: source.difference ?? 'the input before the committed position has changed', hasGrown };
  }
  const current = whole === null ? undefined : await source.identityOfWhole?.(isSized ? size : undefined);
  return current === undefined || isEqual(whole, current)
    ? { hasGrown }
    : { difference: 'the input has changed since the session began', hasGrown };
}

function isEqual(stored: Json, current: Json): boolean {
  return canonicalJson(stored) === canonicalJson(current);
}

/** The input must be the one that the session began with, as far as it was committed (I15). Before the first commit, a changed
 * input is read from its beginning: no row of the output depends on the old one, and no answer of other rows is used (I26).
 * @throws {PipelineMismatchError} when it has changed, unless `force` accepts it. */
export async function assertSameInput(
  source: OpenSource<unknown>,
  { mark, sourceIdentity, force }: RunStart,
  publish: SessionRunOptions['publish'],
): Promise<void> {
  const { difference, hasGrown } = await compareInput(sourceIdentity, source, mark.source);
  if (difference !== undefined && mark.source === null) {
    const message = `${difference[0]?.toUpperCase()}${difference.slice(1)}. Nothing was committed, so it is read from its beginning.`;
    publish({ type: 'notice', message });
    return;
  }
  if (difference !== undefined && !force) throw new PipelineMismatchError([difference]);
  if (difference === undefined && hasGrown) {
    const message = 'The input has grown since the session was saved; the new rows are read as well.';
    publish({ type: 'notice', message });
  }
}
