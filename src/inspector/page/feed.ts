/**
 * Where the page gets what it shows. Two implementations: over the inspector's server (`server-feed.ts`), and in memory
 * over a recording that the page carries itself (`memory-feed.ts`).
 *
 * 1. Nothing here grows with the recording: a summary is bounded, a frame is one moment, `find` gives at most `count`.
 * 2. What arrives is data of others: it is rendered as text, never as markup.
 */
import type { CommandAnswer, SessionCommand, SessionSummary } from '../host.js';
import type { OpenedSession } from '../protocol.js';
import type { FoundRecord, Frame, RecordFilter } from './records.js';

/** One opened session. */
export interface Feed {
  readonly session: string;
  /** What is known of it now, with the pictures of its statecharts, laid out once where the recording is. */
  summary(): Promise<OpenedSession>;
  /** The moment after record `index`; folded where the recording is. */
  frame(index: number): Promise<Frame>;
  /** The first `count` records from `from` that pass; empty when there are none. */
  find(filter: RecordFilter, from: number, count: number): Promise<readonly FoundRecord[]>;
  /** The last record that is not after `at` (milliseconds since the epoch). */
  indexAtTime(at: number): Promise<number>;
  /** Calls back when there are more records than before, or when no more will come. Gives the way to stop. */
  onGrow(callback: (growth: Growth) => void): () => void;
  /** The stored checkpoint, whole; null where there is none. */
  checkpoint(): Promise<unknown>;
  /** Absent where nothing can be commanded: an exported file, a server that only shows. */
  readonly command?: ((command: SessionCommand) => Promise<CommandAnswer>) | undefined;
  close(): void;
}

export interface Growth {
  readonly records: number;
  readonly live: boolean;
}

/** What the page was opened over: a state directory, or one exported recording. */
export interface Place {
  /** Absent where there is only one session. */
  readonly sessions?: () => Promise<readonly SessionSummary[]>;
  /** The session to show first; undefined: let the reader choose. */
  readonly first: string | undefined;
  /** For a person: what this is a recording of, and what it lacks. */
  readonly note?: string | undefined;
  /** @throws {Error} with a sentence for a person. */
  open(session: string): Promise<Feed>;
  /** Calls back when the connection is lost, with a sentence for a person. */
  onLost(callback: (why: string) => void): void;
}
