/** What the executor machine is told: commands by the facade, a parent or another process; answers by its wiring. */
import type {
  CheckpointMark,
  ErrorData,
  ExecutorSettings,
  JsonObject,
  PoisonSuspects,
  WrittenCounters,
} from './context.js';
import type { StageReport } from './stage-events.js';

/** What a person, or a parent machine, may tell the executor (I2). */
export type ExecutorCommand =
  | ({ readonly type: 'execute' } & Partial<RunDescription>)
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'cancel' };

/** What `execute` brings; without them a run keeps those of the machine's input. */
export interface RunDescription {
  readonly sessionId: string;
  readonly pipeline: string;
  readonly settings: ExecutorSettings;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** What a stored session says of itself. */
export interface LoadedSession {
  readonly pipeline: string;
  readonly settings: ExecutorSettings;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** The last durable point. */
  readonly flushed: CheckpointMark;
  readonly suspicion: PoisonSuspects | null;
  readonly isCompleted: boolean;
}

/** Commands, and what the world answers: every event that the executor takes. */
export type ExecutorEvent =
  | ExecutorCommand
  | StageReport
  /** The session is stored already: the run continues from what is stored. */
  | ({ readonly type: 'session.loaded' } & LoadedSession)
  /** This process does not hold the session any more, or not yet: it has to be opened again. */
  | { readonly type: 'session.reopen' }
  | { readonly type: 'sink.opened'; readonly sink: JsonObject }
  | { readonly type: 'opened' }
  | {
      readonly type: 'source.batches';
      /** The first of them; they are consecutive. */
      readonly batch: number;
      /** Of each. */
      readonly rows: readonly number[];
      /** The first stage that has to see them: those before are covered by the journal (I5). */
      readonly at: number;
      /** The same `read` goes on. */
      readonly more?: boolean;
      /** There is one, and it was held to be what kills the process, and was set aside. */
      readonly condemned?: boolean;
    }
  | { readonly type: 'source.end' }
  | { readonly type: 'sink.written'; readonly upTo: number; readonly facts: WrittenCounters }
  | {
      readonly type: 'sink.flushed';
      readonly sink: JsonObject;
      readonly deadLetter: JsonObject | null;
      readonly elapsedMs: number;
    }
  | {
      readonly type: 'checkpoint.saved';
      /** `rested` will follow: until then rows ask for no other checkpoint. */
      readonly resting?: boolean;
    }
  | { readonly type: 'rested' }
  | { readonly type: 'commit.due' }
  | { readonly type: 'sink.published' }
  | { readonly type: 'failure'; readonly error: ErrorData };

/** What an executor actor begins with; all of it may also come with `execute`. */
export interface ExecutorInput extends Partial<RunDescription> {}
