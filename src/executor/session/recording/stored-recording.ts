/**
 * The recording of one opening of a session, in the session's directory.
 *
 * 1. It is stored under the session's lock (I10), after the session itself: until then its lines are in memory.
 * 2. It never harms the run (I11): an error ends the recording, with a notice.
 */
import type { RecordingLog } from '../../../checkpoint/recording-log/recording-log.js';
import type { StateManager } from '../../../checkpoint/state-manager.js';
import type { Clock } from '../../../platform/clock.js';
import { messageOf } from '../../../platform/thrown.js';
import type { RecordingSink } from '../../../recording/format.js';
import { numberAfter } from '../../../recording/number-after.js';
import type { Recorder, RecorderOptions } from '../../../recording/recorder.js';

/** The options that differ between the recorders of a run. */
export type RecorderStart = Pick<RecorderOptions, 'sink' | 'first' | 'resumed' | 'onFailure'>;

export interface StoredRecordingOptions {
  readonly sessionId: string;
  readonly stateManager: StateManager;
  readonly clock: Clock;
  readonly isWished: () => boolean;
  readonly record: (start: RecorderStart) => Recorder;
  /** Publishes a notice. */
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

  /** Records a new session from here on, before its directory exists. */
  holdFromHere(): void {
    this.recorder = this.#record(0, false);
  }

  /** The session is stored, and this process owns it: writes, if a recording is asked for or begun already. */
  allow(): Promise<void> {
    this.#isPossible = true;
    return this.open();
  }

  open(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#isPossible && !this.#isOver && this.#log === undefined) await this.#open();
    });
  }

  get isOpen(): boolean {
    return this.#log !== undefined && !this.#isOver;
  }

  /** The lines so far reach the operating system: a crash of the process does not lose them. */
  flush(): Promise<void> {
    return this.#enqueue(async () => this.#log?.flush());
  }

  /** Before the session's lock is released. */
  close(reason: string): Promise<void> {
    this.recorder?.end(reason);
    return this.#enqueue(async () => {
      this.#isOver = true;
      await this.#log?.close();
    });
  }

  async #open(): Promise<void> {
    const { stateManager, sessionId, clock, isWished } = this.options;
    const { storage } = stateManager;
    if (storage.recording === undefined) {
      if (isWished()) throw new Error(`${storage.label} stores no recordings`);
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
    this.options.notice(`The recording ended: ${messageOf(error)}. The run continues.`);
  }

  /** Runs one operation at a time. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#fail(error));
    return this.#work;
  }
}
