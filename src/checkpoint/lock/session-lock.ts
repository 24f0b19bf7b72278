/**
 * One owner a session (I10): the lock of a session's directory, held by the kernel on behalf of this process and freed at
 * once by `kill -9`. The socket that is the lock is also how other processes speak to the owner.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SessionLockedError } from '../../errors.js';
import type { FileSystem } from '../../platform/file-system.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { DurableTextFile } from '../storages/durable-text-file.js';
import { MAX_OWNER_FILE_BYTES, OWNER_FILE } from './control-protocol.js';
import { controlServer } from './control-server.js';
import type { LockHandlers, SessionLock } from './lock.js';
import { ownerPid } from './lock-owner.js';
import { type LockSocket, lockSocket } from './lock-socket.js';

export interface SessionLockOptions {
  /** The session's directory; it exists. */
  readonly directory: string;
  readonly sessionId: string;
  /** What the owner does on `pause`, `cancel` and `status`. */
  readonly handlers: LockHandlers;
  /** Whose kind of socket to use. Default: this one's. */
  readonly platform?: NodeJS.Platform;
  /** How long to wait for the pid of the owner that is in the way. Milliseconds, default 1,000. */
  readonly answerTimeoutMs?: number;
  /** How long a visitor may be silent. Milliseconds, default 10,000. */
  readonly idleTimeoutMs?: number;
  /** For the owner's file. Default: the real one. */
  readonly fileSystem?: FileSystem;
}

/** An owner can end between being in the way and being asked for its pid. */
const ATTEMPTS = 5;

/** Becomes the owner of a session.
 * @throws {SessionLockedError} when there is one, in this process or another; with its pid if it answers in time. */
export async function acquireSessionLock(options: SessionLockOptions): Promise<SessionLock> {
  const { directory, sessionId, handlers, answerTimeoutMs = 1000, idleTimeoutMs = 10_000 } = options;
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const socket = await lockSocket(directory, sessionId, options.platform);
  const token = randomBytes(16).toString('hex');
  const { server, endConnections } = controlServer(token, handlers, idleTimeoutMs);
  await bind(socket);
  // What fails from here on, such as too many open files, concerns a visitor and not the lock.
  server.on('error', () => undefined);

  let released = false;
  const release = async () => {
    if (released) return;
    released = true;
    // While the lock is still held, so that it cannot be a successor's.
    await fileSystem.unlink(ownerFile).catch(() => undefined);
    socket.unbind(server);
    endConnections();
  };
  const ownerFile = join(directory, OWNER_FILE);
  try {
    const file = new DurableTextFile(fileSystem, ownerFile, { maxBytes: MAX_OWNER_FILE_BYTES });
    await file.write(JSON.stringify({ pid: process.pid, token }));
  } catch (error) {
    await release();
    throw error;
  }
  return { release };

  async function bind(place: LockSocket): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (await place.bind(server)) return;
      const owner = await place.owner();
      if (owner === undefined) continue;
      throw new SessionLockedError(sessionId, await ownerPid(owner, answerTimeoutMs));
    }
    throw new SessionLockedError(sessionId);
  }
}
