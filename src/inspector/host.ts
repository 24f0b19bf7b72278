/**
 * The inspector's access to sessions. A duck type, so that this package depends on no version of `xstate-pipeline`,
 * which implements it as `inspectorHost` of `xstate-pipeline/node`.
 */

/** A session, as a list shows it. Times in milliseconds since 1970. */
export interface SessionSummary {
  readonly id: string;
  readonly pipeline: string;
  /** `EXECUTING`, `PAUSED` …: as its owning process answers, otherwise as stored. */
  readonly state: string;
  readonly startedAt: number;
  readonly savedAt: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Rows that errors cost. Absent: unknown. */
  readonly lost?: number;
  readonly error?: string | undefined;
  /** A process runs it now. */
  readonly live: boolean;
  /** The session has a recording. */
  readonly recorded: boolean;
  /** Whether the command `resume` can be granted. Absent: unknown. */
  readonly canResume?: boolean;
  /** Command lines to copy. Absent: none. */
  readonly commandLines?: CommandLines;
}

/** Command lines for a terminal, quoted for a shell. */
export interface CommandLines {
  readonly inspect?: string;
  readonly resume?: string;
  /** A new session that begins at a batch of this one; `BATCH` stands for its index. */
  readonly fork?: string;
  /** Another attempt at the rows that errors cost. */
  readonly redrive?: string;
}

/** The bytes of a recording: the stored ones, then the appended ones while it is live. Ends at `close`. */
export interface SessionFeed {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves when the stored bytes are consumed: `chunks` waits for new ones. Absent: it ends after them. */
  readonly caughtUp?: Promise<void>;
  close(): void;
}

export type SessionCommand = 'pause' | 'resume' | 'cancel';

export interface CommandAnswer {
  readonly ok: boolean;
  /** One sentence for display. */
  readonly message: string;
}

export interface InspectorHost {
  /** Newest first. */
  sessions(): Promise<readonly SessionSummary[]>;
  /** @throws when there is no such session. */
  open(id: string): Promise<SessionFeed>;
  command(id: string, command: SessionCommand): Promise<CommandAnswer>;
  /** The stored checkpoint as JSON. */
  checkpoint(id: string): Promise<unknown>;
}
