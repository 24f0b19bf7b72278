/**
 * The recordings of an executor's actor: one in the session's directory, if it is asked for or begun already, and any number in
 * memory.
 *
 * 1. Nothing is attached to an actor without a recording.
 * 2. A new run is recorded from its first step; a resumed run, from the opening of its recording.
 */
import type { StateManager } from '../../../checkpoint/state-manager.js';
import type { JsonObject } from '../../../formats/json.js';
import type { Environment } from '../../../platform/environment.js';
import type { RecordingSink } from '../../../recording/format.js';
import { type RecordableActor, Recorder } from '../../../recording/recorder.js';
import type { EventDraft } from '../../publish.js';
import { type RecorderStart, StoredRecording } from './stored-recording.js';

/** What an executor records, over all its runs. */
export interface RecordingPreferences {
  /** In the session's directory. */
  isStored: boolean;
  /** In memory, each with the number of its next record. */
  readonly sinks: Map<RecordingSink, number>;
}

export interface RecordedRun {
  readonly sessionId: string;
  readonly pipeline: string;
  readonly stages: readonly string[];
  readonly epoch: number;
}

export interface RecordingsOptions {
  readonly actor: object;
  readonly stateManager: StateManager;
  readonly environment: Environment;
  readonly wishes: RecordingPreferences;
  readonly workers?: { readonly count: number };
  /** Publishes a notice. */
  readonly notice: (sessionId: string, message: string) => void;
}

export class Recordings {
  #run: RecordedRun | undefined;
  #stored: StoredRecording | undefined;
  readonly #live = new Map<RecordingSink, Recorder>();

  constructor(private readonly options: RecordingsOptions) {}

  /** A run begins. Called within the machine's transition, which is the first recorded step.
   * @returns its stored recording. The owner of the session's lock closes it. */
  begin(run: RecordedRun): StoredRecording {
    const { stateManager, environment, wishes, notice } = this.options;
    const { sessionId, epoch } = run;
    this.#stored?.recorder?.end('another run begins');
    const stored = new StoredRecording({
      ...{ sessionId, stateManager, clock: environment.clock },
      isWished: () => wishes.isStored,
      record: (start) => this.#record(run, start),
      notice: (message) => notice(sessionId, message),
    });
    this.#run = run;
    this.#stored = stored;
    if (epoch === 1 && wishes.isStored) stored.holdFromHere();
    for (const sink of wishes.sinks.keys()) this.#recordTo(sink, run);
    return stored;
  }

  /** Records to a sink in memory, from now on. */
  add(sink: RecordingSink): void {
    this.options.wishes.sinks.set(sink, 0);
    if (this.#run !== undefined) this.#recordTo(sink, this.#run);
  }

  remove(sink: RecordingSink): void {
    this.options.wishes.sinks.delete(sink);
    this.#live.get(sink)?.end('the sink was removed');
    this.#live.delete(sink);
  }

  /** Records to the session's directory, from now on. */
  async startOnDemand(): Promise<JsonObject> {
    this.options.wishes.isStored = true;
    await this.#stored?.open();
    return { recording: this.#stored?.isOpen ?? false };
  }

  stopOnDemand(): void {
    this.options.wishes.isStored = false;
    void this.#stored?.close('ended by its owner');
  }

  recordEvent(sessionId: string, draft: EventDraft): void {
    if (sessionId !== this.#run?.sessionId) return;
    this.#stored?.recorder?.event(draft);
    for (const recorder of this.#live.values()) recorder.event(draft);
  }

  #recordTo(sink: RecordingSink, run: RecordedRun): void {
    const { sinks } = this.options.wishes;
    const first = sinks.get(sink) ?? 0;
    this.#live.get(sink)?.end('another run begins');
    const counted: RecordingSink = {
      write(lines) {
        sinks.set(sink, (sinks.get(sink) ?? 0) + 1);
        sink.write(lines);
      },
      nextSegment: () => sink.nextSegment?.(),
    };
    this.#live.set(sink, this.#record(run, { sink: counted, first, resumed: first > 0 }));
  }

  #record(run: RecordedRun, start: RecorderStart): Recorder {
    const { actor, environment, workers } = this.options;
    const { pid } = (globalThis as { process?: { pid?: number } }).process ?? {};
    return new Recorder(actor as RecordableActor, {
      ...run,
      ...start,
      threads: workers?.count ?? 0,
      now: () => environment.clock.now(),
      ...(pid === undefined ? {} : { pid }),
    });
  }
}
