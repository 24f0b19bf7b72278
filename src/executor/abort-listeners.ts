/**
 * Listeners for the abort of a user's signal. All runs of a signal share one listener: Node warns of a leak at the eleventh
 * (`MaxListenersExceededWarning`), and a service may start any number of runs with the signal of its shutdown.
 */
const listenersOf = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `listener` once, when the signal is aborted. @returns ends that. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = listenersOf.get(signal) ?? listenTo(signal);
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** For good: the listener is one, and goes with the signal. */
function listenTo(signal: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  listenersOf.set(signal, listeners);
  signal.addEventListener(
    'abort',
    () => {
      for (const listener of [...listeners]) listener();
      listeners.clear();
    },
    { once: true },
  );
  return listeners;
}
