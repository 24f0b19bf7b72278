/**
 * The recording of one opening of a session, in the session's directory.
 *
 * 1. It is stored under the session's lock (I10), and only once the session itself is: until then it is held in memory.
 * 2. It is never the run's problem (I11): what goes wrong ends it, with a notice.
 */
import type { RecordingLog } from '../../../checkpoint/recording-log/recording-log.js';
import type { StateManager } from '../../../checkpoint/state-manager.js';
import type { Clock } from '../../../platform/clock.js';
import { messageOf } from '../../../platform/thrown.js';
import type { RecordingSink } from '../../../recording/format.js';
import { numberAfter } from '../../../recording/number-after.js';
import type { Recorder, RecorderOptions } from '../../../recording/recorder.js';

/** What differs between the recorders of a run. */
export type RecorderStart = Pick<RecorderOptions, 'sink' | 'first' | 'resumed' | 'onFailure'>;

export interface StoredRecordingOptions {
  readonly sessionId: string;
  readonly stateManager: StateManager;
  readonly clock: Clock;
  readonly isWished: () => boolean;
  readonly record: (start: RecorderStart) => Recorder;
  /** Tells observers. */
  readonly notice: (message: string) => void;
}

export class StoredRecording {
  recorder: Recorder | undefined;
  #held = '';
  #log: RecordingLog | undefined;
  /** The session is stored and owned. */
  #isPossible = false;
  #isOver = false;
  #work: Promise<void> = Promise.resolve();

  constructor(private readonly options: StoredRecordingOptions) {}

  /** Records from here on, before there is a file: there was no recording before. */
  holdFromHere(): void {
    this.recorder = this.#record(0, false);
  }

  /** The session is stored, and this process owns it: writes, if that is wished or there is a recording already. */
  allow(): Promise<void> {
    this.#isPossible = true;
    return this.open();
  }

  open(): Promise<void> {
    return this.#do(async () => {
      if (this.#isPossible && !this.#isOver && this.#log === undefined) await this.#open();
    });
  }

  get isOpen(): boolean {
    return this.#log !== undefined && !this.#isOver;
  }

  /** What was recorded so far is with the system, whatever becomes of the process. */
  flush(): Promise<void> {
    return this.#do(async () => this.#log?.flush());
  }

  /** Before the session's lock is released. */
  close(reason: string): Promise<void> {
    this.recorder?.end(reason);
    return this.#do(async () => {
      this.#isOver = true;
      await this.#log?.close();
    });
  }

  async #open(): Promise<void> {
    const { stateManager, sessionId, clock, isWished } = this.options;
    const { storage } = stateManager;
    if (storage.recording === undefined) {
      if (isWished()) throw new Error(`${storage.label} keeps none`);
      return;
    }
    if (!isWished() && !(await storage.isRecorded?.(sessionId))) return;
    const log = await storage.recording(sessionId, {
      setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
      onFailure: (error) => this.#fail(error),
    });
    this.#log = log;
    log.append(this.#held);
    this.#held = '';
    this.recorder ??= this.#record(numberAfter(log.tail), log.tail !== '');
  }

  #record(first: number, resumed: boolean): Recorder {
    const sink: RecordingSink = {
      write: (lines) => {
        if (this.#log === undefined) this.#held += lines;
        else this.#log.append(lines);
      },
      nextSegment: () => this.#log?.nextSegment(),
    };
    return this.options.record({ sink, first, resumed, onFailure: (error) => this.#fail(error) });
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held = '';
    this.recorder?.end('failed');
    void this.#log?.close();
    this.options.notice(`The recording ended: ${messageOf(error)}. The run goes on.`);
  }

  /** One thing at a time. */
  #do(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#fail(error));
    return this.#work;
  }
}
