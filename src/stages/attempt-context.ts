/**
 * An abort that is created cheaply: `AbortSignal` objects are expensive to make and to collect, and most stage functions
 * never use theirs. It has the parts of an `AbortSignal` that an attempt needs, and makes a real one on demand.
 */
import { platform } from '#platform';
import { type Clock, systemClock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import type { Spending } from '../spending/spending.js';
import type { StageContext } from './stage.js';

/** What an attempt needs of an `AbortSignal`. */
export interface Abortable {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Where a context carries its abort beside `signal`; absent: use `signal`. */
export const ABORTABLE = Symbol('abortable');
/** Where a context carries the clock of the run. */
export const CLOCK = Symbol('clock');

/** Where a context carries what makes its idempotency key: most functions never use it. */
const MAKE_KEY = Symbol('make key');
/** Where a context of a batch stage carries what `failRow` was called with. */
export const ROW_REPORTS = Symbol('row reports');

type AttemptClock = Pick<Clock, 'now' | 'setTimer'>;

/** A row that `process` reported as failed. */
export interface RowReport {
  /** Index in the array that `process` was given. */
  readonly row: number;
  readonly error: unknown;
}

/** A context as the executor makes it. */
export interface AttemptContext extends StageContext {
  readonly [ROW_REPORTS]?: readonly RowReport[];
  readonly [ABORTABLE]?: Abortable;
  readonly [CLOCK]?: AttemptClock;
  readonly [MAKE_KEY]?: () => string;
}

export function abortOf(context: AttemptContext): Abortable {
  return context[ABORTABLE] ?? context.signal;
}

export function clockOf(context: AttemptContext): AttemptClock {
  return context[CLOCK] ?? systemClock;
}

/** One getter for all contexts: one in each would give each its own hidden class. */
const SIGNAL: PropertyDescriptor & ThisType<AttemptContext> = {
  get() {
    return (this[ABORTABLE] as LazyAbort).signal;
  },
  enumerable: true,
};
const IDEMPOTENCY_KEY: PropertyDescriptor & ThisType<AttemptContext> = {
  get() {
    return this[MAKE_KEY]?.();
  },
  enumerable: true,
};

/** Adds `signal` to a context that has `[ABORTABLE]`. */
export function withLazySignal(context: Omit<AttemptContext, 'signal'>): AttemptContext {
  return Object.defineProperty(context, 'signal', SIGNAL) as AttemptContext;
}

/** The context of one attempt, or of one call of it.
 * @param place of the batch. @param makeKey makes the idempotency key, when it is asked for. */
export function attemptContext(
  kind: 'batch' | 'row',
  place: StageContext['batch'],
  attempt: number,
  logger: Logger,
  abort: LazyAbort,
  clock: AttemptClock,
  makeKey: () => string,
  spend: (amounts: Spending) => void,
): AttemptContext {
  // Written out: a spread of the common fields costs more than all else here.
  if (kind === 'row')
    return withLazyFields({
      batch: place,
      attempt,
      logger,
      spend,
      [ABORTABLE]: abort,
      [CLOCK]: clock,
      [MAKE_KEY]: makeKey,
    });
  const reports: RowReport[] = [];
  const failRow = (row: number, error: unknown) => {
    reports.push({ row, error });
  };
  const fields = {
    batch: place,
    attempt,
    logger,
    spend,
    failRow,
    [ROW_REPORTS]: reports,
    [ABORTABLE]: abort,
    [CLOCK]: clock,
    [MAKE_KEY]: makeKey,
  };
  return withLazyFields(fields);
}

/** Adds `signal` and `idempotencyKey` to a context that has `[ABORTABLE]` and `[MAKE_KEY]`. */
function withLazyFields(context: Omit<AttemptContext, 'signal' | 'idempotencyKey'>): AttemptContext {
  // Twice as fast as `defineProperties`.
  Object.defineProperty(context, 'signal', SIGNAL);
  return Object.defineProperty(context, 'idempotencyKey', IDEMPOTENCY_KEY) as AttemptContext;
}

export class LazyAbort implements Abortable {
  aborted = false;
  reason: unknown;
  #controller: AbortController | undefined;
  /** Nearly always there is one listener, or none. */
  #listener: (() => void) | undefined;
  #others: Set<() => void> | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      platform.allowListeners(this.#controller.signal);
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** @param reason default: an `AbortError`. */
  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    const listeners = [this.#listener, ...(this.#others ?? [])];
    this.#listener = undefined;
    this.#others = undefined;
    for (const listener of listeners) listener?.();
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === undefined) {
      this.#listener = listener;
      return;
    }
    this.#others ??= new Set();
    this.#others.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
    else this.#others?.delete(listener);
  }
}
