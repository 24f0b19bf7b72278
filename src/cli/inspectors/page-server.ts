/** The process that serves the page of a run, seen from the run's. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deserializeError } from '../../executor/fusion/thread-job.js';
import { Deferred } from '../../platform/deferred.js';
import type { FromInspector, ToInspector } from './inspector-messages.js';

export interface PageServer {
  /** The page's address, without a session. @throws whatever kept it from being served, as its own error. */
  readonly listening: Promise<string>;
  /** Pages that are connected. */
  readonly viewers: number;
  /** Calls back whenever a page has come or gone. */
  onViewers(listener: (viewers: number) => void): void;
  /** The run has its session.
   * @param resume asked when a page wants to resume it; false: it is not paused here. */
  serves(session: string, resume: () => boolean): void;
  /** Calls back when the process has ended by itself, after it listened. */
  onDeath(listener: (why: string) => void): void;
  /** While `isWanted`, this process stays for it; else nothing here keeps it. */
  hold(isWanted: boolean): void;
}

/** Begins to load at once, beside whatever this process does. It ends with this process, however that ends. */
export function startPageServer(stateDir: string): PageServer {
  const child = fork(fileURLToPath(new URL('./inspector-process.js', import.meta.url)), [stateDir], {
    // Options of Node's own for this process, a debugger's port for example, are not for that one.
    ...{ execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
  });
  const listening = new Deferred<string>();
  let viewers = 0;
  let own: { readonly session: string; readonly resume: () => boolean } | undefined;
  let why: string | undefined;
  const viewerListeners: ((viewers: number) => void)[] = [];
  const deathListeners: ((why: string) => void)[] = [];
  const tell = (message: ToInspector) => child.send(message, () => {});
  const hold = (isWanted: boolean) => {
    if (isWanted) child.channel?.ref();
    else child.channel?.unref();
  };
  const counted = (count: number) => {
    viewers = count;
    for (const listener of viewerListeners) listener(count);
  };
  child.on('message', (message: FromInspector) => {
    switch (message.type) {
      case 'listening':
        listening.resolve(message.url);
        hold(false);
        return;
      case 'failed':
        why = message.error.message;
        listening.reject(deserializeError(message.error));
        return;
      case 'viewers':
        counted(message.count);
        return;
      case 'resume': {
        const isDone = message.session === own?.session && own.resume();
        tell({ type: 'resumed', number: message.number, isDone });
      }
    }
  });
  const died = (how: string) => {
    why ??= how;
    listening.reject(new Error(`The inspector ended before it began: ${why}`));
    counted(0);
    for (const listener of deathListeners) listener(why);
  };
  child.once('error', ({ message }) => died(message));
  child.once('exit', (code, signal) => died(signal ?? `exit code ${code}`));
  child.unref();
  return {
    listening: listening.promise,
    get viewers() {
      return viewers;
    },
    onViewers: (listener) => viewerListeners.push(listener),
    onDeath: (listener) => deathListeners.push(listener),
    serves(session, resume) {
      own = { session, resume };
      tell({ type: 'session', session });
    },
    hold,
  };
}
