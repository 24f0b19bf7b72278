/**
 * Output streams whose reader may go away (I11). Node ends the process at an `error` event that has no listener: here each
 * stream gets one, for good, since the error may come after the run. All users of a stream share one listener of each kind,
 * so that many runs cause no `MaxListenersExceededWarning`.
 */

/** What is used of `process.stdout`, `process.stderr` and their like. */
export interface OutputStream {
  /** Writes text as it is. */
  write(text: string): unknown;
  /** Adds a listener. */
  on?(event: 'error' | 'resize', listener: () => void): unknown;
  /** Removes a listener. */
  off?(event: 'resize', listener: () => void): unknown;
}

const watched = new WeakSet<OutputStream>();
const broken = new WeakSet<OutputStream>();
interface SharedResize {
  readonly listeners: Set<() => void>;
  readonly onResize: () => void;
}
const resizing = new WeakMap<OutputStream, SharedResize>();

/** Listens for errors of a stream. */
export function watchStream(stream: OutputStream): void {
  if (typeof stream.on !== 'function' || watched.has(stream)) return;
  watched.add(stream);
  stream.on('error', () => broken.add(stream));
}

/** Whether a watched stream has failed: nothing more is written to it. */
export function isBroken(stream: OutputStream): boolean {
  return broken.has(stream);
}

/** Calls `listener` when the terminal's size changes. @returns ends that. */
export function onResize(stream: OutputStream, listener: () => void): () => void {
  const shared = resizing.get(stream) ?? shareResize(stream);
  shared.listeners.add(listener);
  return () => {
    shared.listeners.delete(listener);
    if (shared.listeners.size === 0 && resizing.get(stream) === shared) {
      resizing.delete(stream);
      stream.off?.('resize', shared.onResize);
    }
  };
}

function shareResize(stream: OutputStream): SharedResize {
  const listeners = new Set<() => void>();
  const onResize = () => {
    for (const each of [...listeners]) each();
  };
  stream.on?.('resize', onResize);
  const shared = { listeners, onResize };
  resizing.set(stream, shared);
  return shared;
}
