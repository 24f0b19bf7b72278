/**
 * The page's source of data. Two implementations: over the inspector's server (`server-feed.ts`), and in memory over an
 * exported recording (`memory-feed.ts`).
 *
 * 1. Answers do not grow with the recording: a summary is bounded, a frame is one moment, `find` returns at most `count`.
 * 2. The data is untrusted: it is rendered as text, never as markup.
 */
import type { CommandAnswer, SessionCommand, SessionSummary } from '../host.js';
import type { BatchLives } from '../job/life.js';
import type { JobFigures } from '../job/tally.js';
import type { OpenedSession } from '../protocol.js';
import type { FoundRecord, Frame, RecordFilter } from './records.js';

/** One opened session. */
export interface Feed {
  readonly session: string;
  /** The summary with the laid-out statecharts. */
  summary(): Promise<OpenedSession>;
  /** The moment after record `index`. */
  frame(index: number): Promise<Frame>;
  /** What the records up to `index` add up to. */
  figures(index: number): Promise<JobFigures>;
  /** The lives of the batches between two records. */
  lives(from: number, to: number): Promise<BatchLives>;
  /** The first `count` matching records from `from`; may be empty. */
  find(filter: RecordFilter, from: number, count: number): Promise<readonly FoundRecord[]>;
  /** The last record that is not after `at` (milliseconds since the epoch). */
  indexAtTime(at: number): Promise<number>;
  /** Calls back when the recording grows, or ends. Returns the unsubscribe function. */
  onGrow(callback: (growth: Growth) => void): () => void;
  /** The stored checkpoint; null: none. */
  checkpoint(): Promise<unknown>;
  /** Absent without commands: an exported file, a read-only server. */
  readonly command?: ((command: SessionCommand) => Promise<CommandAnswer>) | undefined;
  close(): void;
}

export interface Growth {
  readonly records: number;
  readonly live: boolean;
  readonly canResume?: boolean | undefined;
  /** The connection is lost: the figures are the last known ones. */
  readonly isLost?: boolean;
}

/** What the page shows: a state directory, or one exported recording. */
export interface Place {
  /** Absent for a single session. */
  readonly sessions?: () => Promise<readonly SessionSummary[]>;
  /** The session to show first; undefined: the list. */
  readonly first: string | undefined;
  /** For display: which recording this is, and what was left out. */
  readonly note?: string | undefined;
  /** @throws {Error} with a message for display. */
  open(session: string): Promise<Feed>;
  /** Opens another session beside the shown one. Absent for a single session. */
  readonly beside?: (session: string) => Promise<Feed>;
  /** Calls back with a message for display when the connection is lost. */
  onLost(callback: (why: string) => void): void;
}
