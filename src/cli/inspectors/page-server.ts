/** Starts the child process that serves a run's inspector page, and talks to it. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deserializeError } from '../../executor/fusion/serialized-error.js';
import { Deferred } from '../../platform/deferred.js';
import type { FromInspector, ToInspector } from './inspector-messages.js';

export interface PageServer {
  /** The page's address, without a session. @throws the error that stopped the child process from serving it. */
  readonly listening: Promise<string>;
  /** Pages that are connected. */
  readonly viewers: number;
  /** Calls back when a page connects or disconnects. */
  onViewers(listener: (viewers: number) => void): void;
  /** Sets the session to show first.
   * @param resume called when a page asks to resume it. @returns false when the session is not paused in this process. */
  serveSession(session: string, resume: () => boolean): void;
  /** Calls back when the child process ends by itself. */
  onExit(listener: (why: string) => void): void;
  /** While `isWanted`, the channel to the child process keeps this process running. */
  keepAlive(isWanted: boolean): void;
}

/** Starts the child process at once. It ends with this process, also after `kill -9`. */
export function startPageServer(stateDir: string): PageServer {
  const child = fork(
    fileURLToPath(new URL('./inspector-process.js', import.meta.url)),
    [stateDir, process.argv[1] ?? ''],
    {
      // Node options of this process, such as a debugger's port, must not reach the child.
      ...{ execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
    },
  );
  const listening = new Deferred<string>();
  let viewers = 0;
  let own: { readonly session: string; readonly resume: () => boolean } | undefined;
  let why: string | undefined;
  const viewerListeners: ((viewers: number) => void)[] = [];
  const exitListeners: ((why: string) => void)[] = [];
  const send = (message: ToInspector) => child.send(message, () => {});
  const keepAlive = (isWanted: boolean) => {
    // The child as well: its channel closes before its exit is reported.
    if (isWanted) {
      child.ref();
      child.channel?.ref();
    } else {
      child.unref();
      child.channel?.unref();
    }
  };
  const setViewers = (count: number) => {
    viewers = count;
    for (const listener of viewerListeners) listener(count);
  };
  child.on('message', (message: FromInspector) => {
    switch (message.type) {
      case 'listening':
        listening.resolve(message.url);
        keepAlive(false);
        return;
      case 'failed':
        why = message.error.message;
        listening.reject(deserializeError(message.error));
        return;
      case 'viewers':
        setViewers(message.count);
        return;
      case 'resume': {
        const isDone = message.session === own?.session && own.resume();
        send({ type: 'resumed', number: message.number, isDone });
      }
    }
  });
  const onEnd = (how: string) => {
    why ??= how;
    listening.reject(new Error(`The inspector's process ended before it served the page: ${why}`));
    setViewers(0);
    for (const listener of exitListeners) listener(why);
  };
  child.once('error', ({ message }) => onEnd(message));
  child.once('exit', (code, signal) => onEnd(signal ?? `exit code ${code}`));
  child.unref();
  return {
    listening: listening.promise,
    get viewers() {
      return viewers;
    },
    onViewers: (listener) => viewerListeners.push(listener),
    onExit: (listener) => exitListeners.push(listener),
    serveSession(session, resume) {
      own = { session, resume };
      send({ type: 'session', session });
    },
    keepAlive,
  };
}
