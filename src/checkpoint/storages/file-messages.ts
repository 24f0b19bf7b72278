/** What went wrong with the files of a session, in words that name the file and say what to do. */
import { basename } from 'node:path';
import { CheckpointWriteError, StateDirectoryError } from '../../errors.js';
import { problemOf } from '../../platform/file-problems.js';
import { codeOf, messageOf } from '../../platform/thrown.js';

/** Bytes of a checkpoint that are read at most. */
export const MAX_BYTES = 1024 * 1024;

export function removedDuringRun(home: string): CheckpointWriteError {
  return new CheckpointWriteError(
    `${home} was removed during the run, so no checkpoint can be saved. Run again; the session cannot be resumed.`,
  );
}

/** Names the file of a failed write, and says what to do. */
export async function inWords(home: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const { path = home, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
    const place = dest === undefined ? path : `${path} -> ${basename(dest)}`;
    const words = codeOf(error) === 'EISDIR' ? 'a directory is in its place; move it away' : problemOf(error);
    throw Object.assign(new Error(`${place}: ${words} (${codeOf(error)})`, { cause: error }), {
      code: codeOf(error),
    });
  }
}

/** Why a generation cannot be read, where the file itself is the reason.
 * @throws {StateDirectoryError} where it is not: the file may be sound. */
export function unreadable(error: unknown, path: string): string {
  const code = codeOf(error);
  const reason = UNREADABLE[code];
  if (reason !== undefined) return reason;
  const advice = ADVICE[code] ?? `${messageOf(error)}`;
  throw new StateDirectoryError(`Cannot read ${path} (${code}): ${advice}.`, { cause: error });
}

const PERMISSION = 'permission denied; give yourself permission to read it, or run as its owner';
const ADVICE: Readonly<Record<string, string | undefined>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine; try again',
};

const UNREADABLE: Readonly<Record<string, string | undefined>> = {
  ELOOP: 'is a symlink',
  EFBIG: `is larger than ${MAX_BYTES} bytes`,
  EILSEQ: 'is not UTF-8',
  ENODATA: 'is empty',
  EISDIR: 'is a directory',
  EINVAL: 'is not a regular file',
  EAGAIN: 'grew while it was read',
  EIO: 'cannot be read: the disk reports an error; check it before resuming',
};
