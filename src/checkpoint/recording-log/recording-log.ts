/**
 * The log of a session's recording: text appended in segments; each can be read alone. No run depends on it, so it is not
 * fsynced, and a failure is reported, not thrown.
 */
export interface RecordingLog {
  /** The last lines that are there, from earlier processes; '' where none are. */
  readonly tail: string;
  /** Whole lines. Returns at once; they are written a little later. */
  append(lines: string): void;
  /** What is appended next begins a segment. */
  nextSegment(): void;
  /** Resolves when everything so far is with the system. Never rejects. */
  flush(): Promise<void>;
  /** The same, and the end of it. */
  close(): Promise<void>;
}

/** Limits of a recording, and the callback for its failure. */
export interface RecordingLogOptions {
  /** Bytes of all segments, about; beyond that the oldest but the first go. Default 256 MB. */
  readonly maxBytes?: number;
  /** Runs `callback` once, in a moment; the function returned calls it off. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Called once; nothing is written after it. */
  readonly onFailure: (error: unknown) => void;
}
