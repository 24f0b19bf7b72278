/**
 * What files have in common for sources and sinks: absolute paths, and failures of the operating system as half a
 * sentence that says what to do. Only reachable from `xstate-pipeline/node`.
 */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidOptionError } from '../errors.js';
import { isUrl } from './tagged.js';
import { codeOf, messageOf } from './thrown.js';

/** Absolute, because a session may be resumed from another working directory. `~/` is the home directory.
 * @throws {InvalidOptionError} if it is not a path. */
export function absolutePath(path: string | URL, what: string): string {
  if (isUrl(path)) {
    if (path.protocol !== 'file:') {
      throw new InvalidOptionError(`${what}: a URL must begin with file:. Give a path or such a URL.`);
    }
    return fileURLToPath(path);
  }
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new InvalidOptionError(`${what}: the path must be a non-empty string.`);
  }
  return path === '~' || /^~[/\\]/.test(path) ? join(homedir(), path.slice(1)) : resolve(path);
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path',
  ENOTDIR: 'a part of the path is not a directory; check the path',
  EISDIR: 'it is a directory; give the path of a file',
  EACCES: 'permission denied; change its permissions or run as a user who may open it',
  EPERM: 'operation not permitted; change its permissions or run as a user who may do that',
  EROFS: 'the file system is read-only; choose another place',
  ELOOP: 'it is a symbolic link, or links form a circle; give the path of the file itself',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
  ENOSPC: 'the disk is full; make room and resume',
  EDQUOT: 'the disk quota is used up; make room and resume',
  EFBIG: 'the file is too large for its file system',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the disk reported an error; check it before resuming',
};

/** What went wrong, without the path (the caller has it) and without Node's "ENOENT: …, open '…'". */
export function problemOf(error: unknown): string {
  const code = codeOf(error);
  return PROBLEMS[code] ?? messageOf(error);
}
