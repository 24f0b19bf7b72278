/** The files of a fork: new files that begin like the forked session's were at a mark. For Node. */
import { dirname } from 'node:path';
import type { CheckpointMark } from '../../../machines/context.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { ForkError, isPipelineError, SinkError } from '../../errors.js';
import type { JsonObject } from '../../formats/json.js';
import { problemOf } from '../../platform/file-problems.js';
import type { FileSystem } from '../../platform/file-system.js';
import { deadLetterPath } from '../../sinks/dead-letter-path.js';
import { workingPath } from '../../sinks/written-file.js';
import type { SessionOutput } from '../diff/session-output.js';
import { describedFile, findWritten, holds, writtenPosition } from '../diff/written-file.js';
import { copyBytes } from './copy-bytes.js';

export interface ForkedFile {
  /** The field of its position in a mark. */
  readonly of: 'sink' | 'deadLetter';
  /** The forked session's file. */
  readonly source: string;
  /** The new file. */
  readonly path: string;
  readonly description: JsonObject;
}

export interface ForkedFiles {
  readonly sink: ForkedFile;
  /** Undefined: no dead-letter file. */
  readonly deadLetter: ForkedFile | undefined;
}

/** @param to path of the new output. Default: beside the output.
 * @throws {ForkError} if the session's output is gone, or a new file exists already. */
export async function forkedFiles(
  fileSystem: FileSystem,
  { deadLetter, state }: Checkpoint,
  { path, sink, mark }: SessionOutput,
  to: string | undefined,
): Promise<ForkedFiles> {
  const target = String(sink.path);
  const output = newFile('sink', path, sink, to ?? besideOf(target));
  await assertFree(fileSystem, output.path);
  const lost = describedFile(deadLetter);
  if (deadLetter === null || lost === undefined) return { sink: output, deadLetter: undefined };
  const source = await findWritten(fileSystem, lost, writtenPosition(mark.deadLetter), state === 'COMPLETED');
  const isDefault = lost.path === deadLetterPath(target);
  const place = isDefault ? deadLetterPath(output.path) : besideOf(lost.path);
  const failed = newFile('deadLetter', source, deadLetter, place);
  await assertFree(fileSystem, failed.path);
  return { sink: output, deadLetter: failed };
}

function newFile(of: ForkedFile['of'], source: string, old: JsonObject, path: string): ForkedFile {
  return { of, source, path, description: { ...old, path, publish: 'rename' } };
}

/** `out.jsonl` → `out.jsonl.fork.jsonl`. */
export function besideOf(path: string): string {
  return `${path}.fork${/\.\w+$/.exec(path)?.[0] ?? ''}`;
}

const partOf = (path: string): string => workingPath({ path, publish: 'rename' }, 1);

/** Existing files are not overwritten, and folders are not created. */
export async function assertFree(fileSystem: FileSystem, path: string): Promise<void> {
  const folder = dirname(path);
  if ((await fileSystem.stat(folder)) === undefined)
    throw new ForkError(
      `The fork's output has no folder: ${folder} does not exist. Create it, or choose another file.`,
    );
  for (const taken of [path, partOf(path)])
    if ((await fileSystem.stat(taken)) !== undefined)
      throw new ForkError(`${taken} exists already. Choose another file for the fork's output.`);
}

const listOf = ({ sink, deadLetter }: ForkedFiles): readonly ForkedFile[] =>
  deadLetter === undefined ? [sink] : [sink, deadLetter];

/** Whether the session's files begin as they were at the mark. A crashed process may have written beyond it, and the next one
 * other bytes. */
export async function holdMark(
  fileSystem: FileSystem,
  files: ForkedFiles,
  mark: CheckpointMark,
): Promise<boolean> {
  if (mark.deadLetter !== null && files.deadLetter === undefined) return false;
  for (const { of, source } of listOf(files))
    if (!(await holds(fileSystem, source, writtenPosition(mark[of])))) return false;
  return true;
}

/** Makes the new files, as first part files.
 * @returns the mark in them, and a function that removes them. */
export async function copyUpTo(
  fileSystem: FileSystem,
  files: ForkedFiles,
  mark: CheckpointMark,
): Promise<{ readonly mark: CheckpointMark; readonly undo: () => Promise<void> }> {
  const made: string[] = [];
  const undo = async () => {
    for (const path of made) await fileSystem.unlink(path).catch(() => {});
  };
  let copied = mark;
  try {
    for (const { of, source, path } of listOf(files)) {
      const position = mark[of];
      if (position === null) continue;
      made.push(partOf(path));
      await copyBytes(fileSystem, source, partOf(path), writtenPosition(position).bytes);
      copied = { ...copied, [of]: { ...position, part: 1 } };
    }
    return { mark: copied, undo };
  } catch (error) {
    await undo();
    if (isPipelineError(error)) throw error;
    throw new SinkError(`Cannot write ${made.at(-1)}: ${problemOf(error)}.`, { cause: error });
  }
}
