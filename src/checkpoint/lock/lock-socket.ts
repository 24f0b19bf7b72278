/**
 * The listening socket that is a session's lock: the kernel gives it to one process and frees it when that process ends.
 *
 * Where it is follows from the real path of the session's directory, so that two names of one directory are one lock:
 * - Linux: a name in the abstract namespace, which only one socket can have. (Each network namespace has its own: two
 *   containers that share a directory do not see each other here; the epoch is what stops the second.)
 * - Windows: a named pipe, likewise.
 * - elsewhere: files `owner.<n>.sock` in the directory. A dead owner leaves its file behind, and removing it to take its
 *   name could remove a live one that has just replaced it. So a newcomer takes the next number, listens, and only then
 *   looks for others that are alive; if there is one it backs off. Of two newcomers the later to listen sees the other:
 *   at most one stays, and if they come in the same instant perhaps none.
 */
import { createHash, randomBytes } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { readdir, realpath, symlink, unlink } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '../../platform/thrown.js';

/** A live owner; without a socket: it is too busy to answer. */
export interface Owner {
  readonly socket: Socket | undefined;
}

export interface LockSocket {
  /** Makes `server` listen as the lock. False: another process has it, or had it a moment ago. */
  bind(server: Server): Promise<boolean>;
  owner(): Promise<Owner | undefined>;
  /** Frees the lock, at once; connections that are open stay. */
  unbind(server: Server): void;
}

/** @throws ENOENT when there is no such directory. */
export async function lockSocket(
  directory: string,
  sessionId: string,
  platform: NodeJS.Platform = process.platform,
): Promise<LockSocket> {
  const real = await realpath(directory);
  const digest = createHash('sha256').update(`${real}\0${sessionId}`).digest('hex').slice(0, 40);
  if (platform === 'linux') return namedSocket(`\0xstate-pipeline-${digest}`);
  if (platform === 'win32') return namedSocket(`\\\\.\\pipe\\xstate-pipeline-${digest}`);
  return numberedSocket(real);
}

function namedSocket(path: string): LockSocket {
  return {
    bind: (server) => listen(server, path),
    owner: () => reach(path),
    unbind: (server) => void server.close(),
  };
}

function numberedSocket(directory: string): LockSocket {
  const fileOf = (number: number) => `owner.${number}.sock`;
  let bound: string | undefined;

  const numbers = async () =>
    (await readdir(directory)).flatMap((name) => {
      const digits = /^owner\.([1-9][0-9]{0,8})\.sock$/.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    });
  const ownerBut = async (own: number | undefined): Promise<Owner | undefined> => {
    for (const number of await numbers()) {
      if (number === own) continue;
      const owner = await throughShortPath(directory, (path) => reach(`${path}/${fileOf(number)}`));
      if (owner !== undefined) return owner;
    }
    return undefined;
  };
  const unbind = (server: Server) => {
    // Before closing: afterwards a successor may already have this number.
    if (bound !== undefined) removeFile(bound);
    bound = undefined;
    server.close();
  };

  return {
    async bind(server) {
      const taken = await numbers();
      const number = Math.max(0, ...taken) + 1;
      if (!(await throughShortPath(directory, (path) => listen(server, `${path}/${fileOf(number)}`))))
        return false;
      bound = join(directory, fileOf(number));
      const other = await ownerBut(number);
      if (other !== undefined) {
        other.socket?.destroy();
        unbind(server);
        return false;
      }
      for (const stale of taken) await unlink(join(directory, fileOf(stale))).catch(() => undefined);
      return true;
    },
    owner: () => ownerBut(undefined),
    unbind,
  };
}

/** Some hundred bytes is all that the address of a socket may have, and less than a session's directory often takes: a
 * symlink that exists during the call makes it short. The socket itself is in the directory. */
async function throughShortPath<R>(directory: string, use: (path: string) => Promise<R>): Promise<R> {
  const path = join(tmpdir(), `xp-${randomBytes(8).toString('hex')}`);
  await symlink(directory, path);
  try {
    return await use(path);
  } finally {
    await unlink(path);
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The next owner passes over it and clears it away.
  }
}

function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      server.off('listening', onListening);
      if (codeOf(error) === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    const onListening = () => {
      server.off('error', onError);
      resolve(true);
    };
    server.once('error', onError);
    server.once('listening', onListening);
    // Exclusive: in a cluster, the primary would otherwise listen on behalf of all its workers.
    server.listen({ path, exclusive: true });
  });
}

/** Connects to a socket; undefined: no process listens there. */
function reach(path: string): Promise<Owner | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve({ socket }));
    // Stays attached: the end of a socket that was asked nothing is no error.
    socket.on('error', (error) => {
      const code = codeOf(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(undefined);
      // Its queue of connections is full, or it ended this one: an owner exists.
      else if (code === 'EAGAIN' || code === 'EBUSY' || code === 'ECONNRESET') resolve({ socket: undefined });
      else reject(error);
    });
  });
}
