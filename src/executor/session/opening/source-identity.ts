/**
 * Whether an input is still the one that a session began with (I15): facts about its beginning and about the place before
 * the committed position must be the same; it may have grown since.
 */
import type { Json, JsonObject } from '../../../../machines/context.js';
import { PipelineMismatchError } from '../../../errors.js';
import { canonicalJson, isObject } from '../../../formats/json.js';
import type { OpenSource, SourcePosition } from '../../../sources/source.js';
import type { RunStart, SessionRunOptions } from '../run-options.js';

/** What a checkpoint keeps: the source's own facts, and how large it was. Null: nothing can be said of it. */
export async function identityOf(
  source: OpenSource<unknown>,
  position: SourcePosition,
): Promise<JsonObject | null> {
  const facts = await source.identity(position);
  return facts === undefined ? null : { facts, size: source.total?.value ?? null };
}

/** How the input compares with what was stored of it. */
export async function compareIdentity(
  stored: Json | null,
  source: OpenSource<unknown>,
  position: SourcePosition,
): Promise<'same' | 'grown' | 'changed'> {
  const now = await identityOf(source, position);
  if (now === null || !isObject(stored)) return 'same';
  const { facts = null, size } = stored as JsonObject;
  if (canonicalJson(facts) !== canonicalJson(now.facts ?? null)) return 'changed';
  return typeof size === 'number' && typeof now.size === 'number' && now.size > size ? 'grown' : 'same';
}

/** The input must be the one that the session began with, up to the committed position (I15).
 * @throws {PipelineMismatchError} when it has changed, unless `force` accepts it. */
export async function assertSameInput(
  source: OpenSource<unknown>,
  { mark, sourceIdentity, force }: RunStart,
  publish: SessionRunOptions['publish'],
): Promise<void> {
  if (mark.source === null) return;
  const how = await compareIdentity(sourceIdentity, source, mark.source);
  if (how === 'changed' && !force)
    throw new PipelineMismatchError(['the input before the committed position has changed']);
  if (how === 'grown') {
    const message = 'The input has grown since the session was saved; the new rows are read as well.';
    publish({ type: 'notice', message });
  }
}
