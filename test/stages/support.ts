/** A stage context for tests, and a logger that keeps its messages. */
import type { StageContext } from '../../src/stages/stage.js';

export function contextFor(
  overrides: Partial<StageContext> = {},
): StageContext & { readonly logged: string[] } {
  const logged: string[] = [];
  const log = (message: string) => {
    logged.push(message);
  };
  return {
    batch: { index: 7, rowOffset: 700 },
    attempt: 1,
    signal: new AbortController().signal,
    idempotencyKey: 'session:stage:7',
    logger: { debug: log, info: log, warn: log, error: log },
    spend: () => {},
    logged,
    ...overrides,
  };
}

/** A promise settled by hand, so that tests decide the order of things without waiting. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

/** Lets every microtask that is due run. */
export const microtasks = () => new Promise<void>((resolve) => setImmediate(resolve));
