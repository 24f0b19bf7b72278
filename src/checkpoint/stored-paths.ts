/**
 * Paths in a checkpoint. A path inside the project (the folder of the state directory) is stored relative to the state
 * directory, so that a project that was moved, or is mounted elsewhere, can be resumed. Other paths are stored as they are.
 */
import type { JsonObject } from '../formats/json.js';
import type { Checkpoint } from './envelope.js';

/** Converts paths between a process and what it stores. Only a storage in a directory has one. */
export interface StoredPaths {
  /** The path as it is stored. @param path absolute. */
  toStored(path: string): string;
  /** The path in this process. @param path as `toStored` gave it. @returns an absolute path. */
  fromStored(path: string): string;
}

/** The checkpoint as it is stored. */
export function withStoredPaths(checkpoint: Checkpoint, paths: StoredPaths | undefined): Checkpoint {
  return paths === undefined ? checkpoint : mapPaths(checkpoint, (path) => paths.toStored(path));
}

/** The checkpoint with absolute paths again. */
export function withProcessPaths(checkpoint: Checkpoint, paths: StoredPaths | undefined): Checkpoint {
  return paths === undefined ? checkpoint : mapPaths(checkpoint, (path) => paths.fromStored(path));
}

/** Kinds of sources and sinks whose `path` is a file. */
const FILE_KINDS: ReadonlySet<unknown> = new Set(['jsonl', 'csv', 'dead-letters']);

function mapPaths(checkpoint: Checkpoint, map: (path: string) => string): Checkpoint {
  const { pipelineFile } = checkpoint;
  const ofFile = (description: JsonObject | null): JsonObject | null => {
    const { kind, path, paths, template } = description ?? {};
    if (kind === 'split' && typeof path === 'string' && typeof template === 'string')
      return { ...description, path: map(path), template: map(template) };
    if (!FILE_KINDS.has(kind)) return description;
    if (typeof path === 'string') return { ...description, path: map(path) };
    if (!Array.isArray(paths)) return description;
    return { ...description, paths: paths.map((each) => (typeof each === 'string' ? map(each) : each)) };
  };
  return {
    ...checkpoint,
    ...(pipelineFile !== undefined && { pipelineFile: map(pipelineFile) }),
    source: ofFile(checkpoint.source),
    sink: ofFile(checkpoint.sink),
    deadLetter: ofFile(checkpoint.deadLetter),
  };
}
