/** A file that a session has written to, found again by what its checkpoint says of it. For Node. */

import { ForkError } from '../../errors.js';
import { isCount, type JsonObject } from '../../formats/json.js';
import type { FileSystem } from '../../platform/file-system.js';
import { isPart, type Part, type Publish, readWrittenTail, workingPath } from '../../sinks/written-file.js';

/** A file sink, as its `describe` says. */
interface DescribedFile {
  readonly path: string;
  readonly publish: Publish;
}

/** Where a sink stood. */
interface WrittenPosition {
  readonly bytes: number;
  /** Hash of the last bytes before it. */
  readonly tail: string;
  /** Which part file. */
  readonly part: Part;
  /** Bytes of the header before the first row; 0 where there is none. */
  readonly header: number;
}

/** Undefined: it is no file. */
export function describedFile(description: JsonObject | null): DescribedFile | undefined {
  const { kind, path, publish } = description ?? {};
  if ((kind !== 'jsonl' && kind !== 'csv') || typeof path !== 'string') return undefined;
  return { path, publish: publish === 'direct' ? 'direct' : 'rename' };
}

/** @param position as a mark has it; null: nothing was ever written. */
export function writtenPosition(position: JsonObject | null): WrittenPosition {
  const { bytes, tail, part, header } = position ?? {};
  return {
    bytes: isCount(bytes) ? bytes : 0,
    tail: typeof tail === 'string' ? tail : '',
    part: isPart(part) ? part : 1,
    header: isCount(header) ? header : 0,
  };
}

/** The file that holds what a session has written: the target, or as long as it is not completed a part file beside it.
 * @throws {ForkError} where none does any more. */
export async function findWritten(
  fileSystem: FileSystem,
  file: DescribedFile,
  at: WrittenPosition,
  isCompleted: boolean,
): Promise<string> {
  const working = workingPath(file, at.part);
  const places = isCompleted || working === file.path ? [file.path] : [working, file.path];
  let found: string | undefined;
  for (const path of places) {
    if (await holds(fileSystem, path, at)) return path;
    if (found === undefined && (await fileSystem.stat(path)) !== undefined) found = path;
  }
  if (found === undefined)
    throw new ForkError(`${places[0]}, which the session had written to, is not there any more.`);
  throw new ForkError(`${found} does not hold what the session had written to it, ${at.bytes} bytes.`);
}

/** Whether a file has at least so many bytes, the last of which are those that were written. */
export async function holds(
  fileSystem: FileSystem,
  path: string,
  { bytes, tail }: WrittenPosition,
): Promise<boolean> {
  if (bytes === 0) return true;
  if ((await fileSystem.stat(path)) === undefined) return false;
  const handle = await fileSystem.open(path, 'read');
  try {
    return typeof (await readWrittenTail(handle, path, { bytes, tail }, false)) !== 'string';
  } finally {
    await handle.close();
  }
}
