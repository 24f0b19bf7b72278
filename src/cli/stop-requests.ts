/**
 * Requests to stop a run from outside: signals, a lost output, an uncaught error.
 *
 * 1. The first signal pauses, the second cancels, the third ends the process at once. The session on disk stays resumable.
 * 2. One key press can arrive several times: a terminal signals the whole process group, npm and yarn forward signals, and a
 *    closed terminal sends SIGHUP twice. The same signal again within `SAME_PRESS_MS` is therefore ignored.
 * 3. A lost output only pauses: it is no second request beside the SIGHUP of a closed terminal.
 * 4. An uncaught error cancels at once: the process's memory is no longer trustworthy.
 */
import { type Clock, systemClock } from '../platform/clock.js';
import { FAILED, STOPPED_BY, type StopSignal } from './exit-codes.js';
import { reportError } from './output/report.js';
import { isReaderGone, outputError, type Terminal } from './output/terminal.js';

export interface StopRequest {
  readonly kind: 'pause' | 'cancel';
  readonly exitCode: number;
  /** The error that asks for the stop; undefined for a signal. */
  readonly error?: unknown;
}

/** The part of `process` that is used. */
export type SignalSource = Pick<NodeJS.EventEmitter, 'on' | 'off'> & { exit(code?: number): void };

export interface StopRequestOptions {
  readonly terminal: Terminal;
  readonly verbose: boolean;
  readonly clock?: Clock;
  readonly process?: SignalSource;
}

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Milliseconds. */
export const SAME_PRESS_MS = 1_000;

export class StopRequests {
  #exitCode: number | undefined;
  #signals = 0;
  readonly #lastAt = new Map<StopSignal, number>();
  #listener: (request: StopRequest) => void;
  readonly #clock: Clock;
  readonly #process: SignalSource;
  readonly #handlers: (readonly [event: string, handler: (error: unknown) => void])[];

  /** Listens until `close`. Until `forwardTo`, a request ends the process: there is no session to save. */
  constructor({ terminal, verbose, clock = systemClock, process: source = process }: StopRequestOptions) {
    this.#clock = clock;
    this.#process = source;
    this.#listener = ({ exitCode, error }) => {
      if (error === undefined) return source.exit(exitCode);
      reportError(terminal, error, verbose);
      void terminal.flush().then(() => source.exit(FAILED));
    };
    const onUncaught = (error: unknown) => this.#request({ kind: 'cancel', exitCode: FAILED, error });
    this.#handlers = [
      ...SIGNALS.map((signal) => [signal, () => this.#onSignal(signal)] as const),
      ['uncaughtException', onUncaught],
      ['unhandledRejection', onUncaught],
    ];
    for (const [event, handler] of this.#handlers) source.on(event, handler);
    terminal.onBroken((error) => {
      terminal.redirectResults();
      if (!isReaderGone(error)) this.#request({ kind: 'pause', exitCode: FAILED, error: outputError(error) });
      else if (this.#exitCode === undefined) this.#request({ kind: 'pause', exitCode: STOPPED_BY.SIGPIPE });
    });
  }

  /** The exit code of the first request. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Sends all later requests to this listener. */
  forwardTo(listener: (request: StopRequest) => void): void {
    this.#listener = listener;
  }

  close(): void {
    for (const [event, handler] of this.#handlers) this.#process.off(event, handler);
  }

  #onSignal(signal: StopSignal): void {
    const now = this.#clock.monotonic();
    const since = now - (this.#lastAt.get(signal) ?? Number.NEGATIVE_INFINITY);
    if (since < SAME_PRESS_MS) return;
    this.#lastAt.set(signal, now);
    this.#signals++;
    this.#request({ kind: this.#signals === 1 ? 'pause' : 'cancel', exitCode: STOPPED_BY[signal] });
    if (this.#signals > 2) this.#process.exit(this.#exitCode);
  }

  #request(request: StopRequest): void {
    this.#exitCode ??= request.exitCode;
    this.#listener(request);
  }
}

/** Runs `work` with stop requests, and removes their handlers afterwards. */
export async function withStopRequests<T>(
  options: StopRequestOptions,
  work: (stops: StopRequests) => Promise<T>,
): Promise<T> {
  const stops = new StopRequests(options);
  try {
    return await work(stops);
  } finally {
    stops.close();
  }
}
