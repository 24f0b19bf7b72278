/**
 * One file under one name, to be read or to be written: what `jsonl(path)` and `csv(path)` give.
 *
 * Stands above `sources` and `sinks`, of which it knows the contracts only. Runs anywhere.
 */
import type { ReadableSink } from './sinks/sink.js';
import type { Source } from './sources/source.js';

export interface FileEndpoint<T> {
  readonly source: Source<T>;
  readonly sink: ReadableSink<T>;
}

export function isFileEndpoint(value: unknown): value is FileEndpoint<unknown> {
  if (typeof value !== 'object' || value === null || !('source' in value) || !('sink' in value)) return false;
  return canOpen(value.source) && canOpen(value.sink);
}

function canOpen(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function';
}
