/** The events of the executor machine: commands, reports of its children, and answers of the runtime. References only (I3). */
import type {
  CheckpointMark,
  ErrorData,
  ExecutorSettings,
  HoldReason,
  JsonObject,
  PoisonSuspects,
  StateReference,
  WrittenCounters,
} from './context.js';
import type { StageReport } from './stage-events.js';

/** A command of a user or of a parent machine (I2). */
export type ExecutorCommand =
  | ({ readonly type: 'execute' } & Partial<RunDescription>)
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'cancel' };

/** The description of a run, in `execute`. An absent field keeps its value from the machine's input. */
export interface RunDescription {
  readonly sessionId: string;
  readonly pipeline: string;
  readonly settings: ExecutorSettings;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** A session as it is stored. */
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

/** A request for batches of the source. */
export interface ReadRequest {
  /** The first batch. */
  readonly batch: number;
  /** The most batches to read. */
  readonly count: number;
  /** The batch is quarantined: it is set aside instead of processed. */
  readonly quarantined: boolean;
}

/** A request to append finished batches, both ends included. */
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
      /** Rows of each batch. */
      readonly rows: readonly number[];
      /** The first stage that must process them: the journal covers earlier stages (I5). */
      readonly at: number;
      /** Another answer to the same request follows. */
      readonly more?: boolean;
      /** One quarantined batch, which was set aside. */
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
      /** Of stages that keep state by key; absent: there is none. */
      readonly state?: readonly StateReference[];
    }
  | {
      readonly type: 'checkpoint.saved';
      /** `minimumPause.over` follows: until then, no checkpoint is requested for rows alone. */
      readonly minimumPause?: boolean;
    }
  | { readonly type: 'minimumPause.over' };

/** The steps after the last commit. */
export type PublishReport =
  | {
      /** The output is published. */
      readonly type: 'sink.published';
      /** It is delivered next. Absent: the run is done. */
      readonly delivers?: true;
    }
  /** The output is delivered. */
  | { readonly type: 'output.delivered' }
  /** A pause ended the delivery: a resume makes it again. */
  | { readonly type: 'delivery.held' };

/** An event of a child. */
export type ExecutorReport = StageReport | CommitReport | PublishReport;

/** Every event of the executor. */
export type ExecutorEvent =
  | ExecutorCommand
  | ExecutorReport
  | SourceReport
  | SinkWritten
  /** The session is stored already: the run continues from what is stored. */
  | ({ readonly type: 'session.loaded' } & LoadedSession)
  /** The session is not open in this process: it is opened again. */
  | { readonly type: 'session.reopen' }
  | { readonly type: 'sink.opened'; readonly sink: JsonObject }
  | { readonly type: 'opened' }
  | { readonly type: 'commit.due' }
  /** The run pauses by itself: the data plane begins nothing more. */
  | { readonly type: 'hold'; readonly reason: HoldReason }
  | { readonly type: 'failure'; readonly error: ErrorData };

/** The input of an executor's actor; `execute` may bring all of it. */
export interface ExecutorInput extends Partial<RunDescription> {}
