/**
 * What asks a run to stop from outside it: signals, a reader that went away, an error that nobody caught.
 *
 * 1. The first pauses, the second cancels, the third ends the process at once: what is on the disk is resumable at any
 *    moment.
 * 2. An uncaught error cancels at once: what the process holds is not to be trusted any more.
 */
import { FAILED, STOPPED_BY, type StopSignal } from './exit-codes.js';
import { isReaderGone, outputError, type Terminal } from './output/terminal.js';

export interface StopRequest {
  readonly kind: 'pause' | 'cancel';
  readonly exitCode: number;
  /** Why, where a signal is not the reason. */
  readonly error?: unknown;
}

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Listens from now on. */
export class StopRequests {
  #exitCode: number | undefined;
  #count = 0;
  #listener: (request: StopRequest) => void;

  /** @param beforeSession told of requests until `to` is called: there is nothing to pause yet. */
  constructor(terminal: Terminal, beforeSession: (request: StopRequest) => void) {
    this.#listener = beforeSession;
    for (const signal of SIGNALS) {
      // Windows has no SIGHUP to listen to but for a closed console, and no harm is done by asking.
      process.on(signal, () => this.#signalled(STOPPED_BY[signal]));
    }
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => this.#request({ kind: 'cancel', exitCode: FAILED, error }));
    }
    terminal.onBroken((error) => {
      terminal.redirectResults();
      if (isReaderGone(error)) this.#signalled(STOPPED_BY.SIGPIPE);
      else this.#request({ kind: 'pause', exitCode: FAILED, error: outputError(error) });
    });
  }

  /** The code of the first request. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  forwardTo(listener: (request: StopRequest) => void): void {
    this.#listener = listener;
  }

  #signalled(exitCode: number): void {
    this.#count++;
    this.#request({ kind: this.#count === 1 ? 'pause' : 'cancel', exitCode });
    if (this.#count > 2) process.exit(this.#exitCode);
  }

  #request(request: StopRequest): void {
    this.#exitCode ??= request.exitCode;
    this.#listener(request);
  }
}
