/** Finds the file that a session has written to, by its checkpoint. For Node. */

import { ForkError } from '../../errors.js';
import { isCount, type JsonObject } from '../../formats/json.js';
import type { FileSystem } from '../../platform/file-system.js';
import { isPart, type Part, type Publish, readWrittenTail, workingPath } from '../../sinks/written-file.js';

/** The description of a file sink. */
interface DescribedFile {
  readonly path: string;
  readonly publish: Publish;
}

/** A position of a file sink. */
interface WrittenPosition {
  readonly bytes: number;
  /** Hash of the last bytes before the position. */
  readonly tail: string;
  /** The number of the part file. */
  readonly part: Part;
  /** Bytes of the header before the first row; 0 without a header. */
  readonly header: number;
}

/** Undefined: not a file. */
export function describedFile(description: JsonObject | null): DescribedFile | undefined {
  const { kind, path, publish } = description ?? {};
  if ((kind !== 'jsonl' && kind !== 'csv') || typeof path !== 'string') return undefined;
  return { path, publish: publish === 'direct' ? 'direct' : 'rename' };
}

/** @param position of a mark; null: nothing was written. */
export function writtenPosition(position: JsonObject | null): WrittenPosition {
  const { bytes, tail, part, header } = position ?? {};
  return {
    bytes: isCount(bytes) ? bytes : 0,
    tail: typeof tail === 'string' ? tail : '',
    part: isPart(part) ? part : 1,
    header: isCount(header) ? header : 0,
  };
}

/** The file with a session's output: the target, or before completion a part file beside it.
 * @throws {ForkError} if no file has this output. */
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
    throw new ForkError(`The session's output ${places[0]} is missing. Restore the file.`);
  throw new ForkError(
    `${found} has changed: it does not begin with the session's ${at.bytes} bytes of output.`,
  );
}

/** Whether a file begins with as many bytes, with the last of them as written. */

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
