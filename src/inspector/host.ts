/**
 * What the inspector needs to know of the sessions it shows: a duck type, so that this package depends on no version of
 * the one that runs them (which implements it as `inspectorHost` of `xstate-pipeline/node`).
 */

/** A session, as a list shows it. Times in milliseconds since 1970. */
export interface SessionSummary {
  readonly id: string;
  readonly pipeline: string;
  /** `EXECUTING`, `PAUSED` …: what is stored; or what its owner says, where there is one. */
  readonly state: string;
  readonly startedAt: number;
  readonly savedAt: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly error?: string | undefined;
  /** A process runs it at this moment. */
  readonly live: boolean;
  /** There is a recording of it. */
  readonly recorded: boolean;
}

/** The bytes of a recording: what is there, then what is appended while it is live. Ends at `close`. */
export interface SessionFeed {
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): void;
}

export type SessionCommand = 'pause' | 'resume' | 'cancel';

export interface CommandAnswer {
  readonly ok: boolean;
  /** One sentence for a person. */
  readonly message: string;
}

export interface InspectorHost {
  /** Newest first. */
  sessions(): Promise<readonly SessionSummary[]>;
  /** @throws when there is no such session. */
  open(id: string): Promise<SessionFeed>;
  command(id: string, command: SessionCommand): Promise<CommandAnswer>;
  /** What is stored of the session, as JSON. */
  checkpoint(id: string): Promise<unknown>;
}
