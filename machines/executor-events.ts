/** The events of the executor machine: commands, reports of its children, and answers of the runtime. References only (I3). */
import type {
  CheckpointMark,
  ErrorData,
  ExecutorSettings,
  HoldReason,
  JsonObject,
  PoisonSuspects,
  WrittenCounters,
} from './context.js';
import type { StageReport } from './stage-events.js';

/** What a user, or a parent machine, sends to the executor (I2). */
export type ExecutorCommand =
  | ({ readonly type: 'execute' } & Partial<RunDescription>)
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'cancel' };

/** What `execute` brings. A field that is absent keeps its value from the machine's input. */
export interface RunDescription {
  readonly sessionId: string;
  readonly pipeline: string;
  readonly settings: ExecutorSettings;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** What the store holds of a session. */
export interface LoadedSession {
  readonly pipeline: string;
  readonly settings: ExecutorSettings;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** The last durable point. */
  readonly flushed: CheckpointMark;
  readonly suspects: PoisonSuspects | null;
  readonly isCompleted: boolean;
}

/** What the executor requests from the source. */
export interface ReadRequest {
  /** The first batch. */
  readonly batch: number;
  /** Batches, at most. */
  readonly count: number;
  /** The batch is the cause of the crashes: it is set aside instead of worked on. */
  readonly quarantined: boolean;
}

/** What the executor requests from the sink: finished batches, both ends included. */
export interface WriteRequest {
  readonly from: number;
  readonly upTo: number;
}

/** The source's answer to a request. */
export type SourceReport =
  | {
      readonly type: 'source.batches';
      /** The first batch; they are consecutive. */
      readonly batch: number;
      /** Of each batch. */
      readonly rows: readonly number[];
      /** The first stage that has to work on them: the journal covers those before (I5). */
      readonly at: number;
      /** Another answer to the same request follows. */
      readonly more?: boolean;
      /** It is one batch, the cause of the crashes, and was set aside. */
      readonly quarantined?: boolean;
    }
  | { readonly type: 'source.end' };

/** Batches up to `upTo` are appended to the sink. */
export interface SinkWritten {
  readonly type: 'sink.written';
  readonly upTo: number;
  readonly counters: WrittenCounters;
}

/** The steps of a commit. */
export type CommitReport =
  | {
      readonly type: 'sink.flushed';
      readonly sink: JsonObject;
      readonly deadLetter: JsonObject | null;
      readonly elapsedMs: number;
    }
  | {
      readonly type: 'checkpoint.saved';
      /** `minimumPause.over` follows: until then rows alone ask for no other checkpoint. */
      readonly minimumPause?: boolean;
    }
  | { readonly type: 'minimumPause.over' };

/** The result is at its target. */
export interface SinkPublished {
  readonly type: 'sink.published';
}

/** What the executor's children report. */
export type ExecutorReport = StageReport | CommitReport | SinkPublished;

/** Every event that the executor takes. */
export type ExecutorEvent =
  | ExecutorCommand
  | ExecutorReport
  | SourceReport
  | SinkWritten
  /** The session is stored already: the run continues from what is stored. */
  | ({ readonly type: 'session.loaded' } & LoadedSession)
  /** This process does not hold the session: it has to be opened again. */
  | { readonly type: 'session.reopen' }
  | { readonly type: 'sink.opened'; readonly sink: JsonObject }
  | { readonly type: 'opened' }
  | { readonly type: 'commit.due' }
  /** The run pauses by itself: the data plane begins nothing more. */
  | { readonly type: 'hold'; readonly reason: HoldReason }
  | { readonly type: 'failure'; readonly error: ErrorData };

/** What an executor actor begins with; all of it may also come with `execute`. */
export interface ExecutorInput extends Partial<RunDescription> {}
