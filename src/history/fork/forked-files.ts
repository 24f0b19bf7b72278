/** The files of a fork: each begins as the one of the forked session was at a mark, and is nobody else's. For Node. */
import { dirname } from 'node:path';
import type { CheckpointMark } from '../../../machines/context.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { ForkError, PipelineError, SinkError } from '../../errors.js';
import type { JsonObject } from '../../formats/json.js';
import { problemOf } from '../../platform/file-problems.js';
import type { FileSystem } from '../../platform/file-system.js';
import { deadLetterPath } from '../../sinks/dead-letter-path.js';
import { workingPath } from '../../sinks/written-file.js';
import type { SessionOutput } from '../diff/session-output.js';
import { describedFile, findWritten, holds, writtenPosition } from '../diff/written-file.js';
import { copyBytes } from './copy-bytes.js';

export interface ForkedFile {
  /** Where its position is in a mark. */
  readonly of: 'sink' | 'deadLetter';
  /** What the session has written. */
  readonly source: string;
  /** Of the new one. */
  readonly path: string;
  readonly description: JsonObject;
}

export interface ForkedFiles {
  readonly sink: ForkedFile;
  /** Undefined: there is no place for what fails. */
  readonly deadLetter: ForkedFile | undefined;
}

/** @param to path of the new output. Default: beside the output.
 * @throws {ForkError} where what the session has written is gone, or the new files are somebody else's. */
export async function forkedFiles(
  fileSystem: FileSystem,
  { deadLetter, state }: Checkpoint,
  { path, sink, mark }: SessionOutput,
  to: string | undefined,
): Promise<ForkedFiles> {
  const target = String(sink.path);
  const output = newFile('sink', path, sink, to ?? besideOf(target));
  await assertFree(fileSystem, output);
  const lost = describedFile(deadLetter);
  if (deadLetter === null || lost === undefined) return { sink: output, deadLetter: undefined };
  const source = await findWritten(fileSystem, lost, writtenPosition(mark.deadLetter), state === 'COMPLETED');
  const isDefault = lost.path === deadLetterPath(target);
  const place = isDefault ? deadLetterPath(output.path) : besideOf(lost.path);
  const failed = newFile('deadLetter', source, deadLetter, place);
  await assertFree(fileSystem, failed);
  return { sink: output, deadLetter: failed };
}

function newFile(of: ForkedFile['of'], source: string, old: JsonObject, path: string): ForkedFile {
  return { of, source, path, description: { ...old, path, publish: 'rename' } };
}

/** `out.jsonl` → `out.jsonl.fork.jsonl`. */
function besideOf(path: string): string {
  return `${path}.fork${/\.\w+$/.exec(path)?.[0] ?? ''}`;
}

const partOf = (path: string): string => workingPath({ path, publish: 'rename' }, 1);

/** The file of another run is never written over; folders are its user's to make. */
async function assertFree(fileSystem: FileSystem, { path }: ForkedFile): Promise<void> {
  const folder = dirname(path);
  if ((await fileSystem.stat(folder)) === undefined)
    throw new ForkError(
      `There is no folder ${folder} for the output of the fork: make it, or name another file.`,
    );
  for (const taken of [path, partOf(path)])
    if ((await fileSystem.stat(taken)) !== undefined)
      throw new ForkError(`${taken} is there already: name another file for the output of the fork.`);
}

const listOf = ({ sink, deadLetter }: ForkedFiles): readonly ForkedFile[] =>
  deadLetter === undefined ? [sink] : [sink, deadLetter];

/** Whether the session's files begin as they were at the mark. A process that died may have written on, and another one
 * otherwise. */
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

/** Makes the new files: each is its own first part.
 * @returns the mark in them, and what removes them again. */
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
    if (error instanceof PipelineError) throw error;
    throw new SinkError(`Cannot write ${made.at(-1)}: ${problemOf(error)}.`, { cause: error });
  }
}
