/**
 * The protocol between page and server: JSON texts over one WebSocket at `/feed` of the page's own origin.
 *
 * 1. The page sends requests, `{ id, type, … }`. The server answers each with `{ id, result }` or `{ id, error }`, in any
 *    order. The first request is `hello` with the token of the page's URL; the server refuses all requests before it.
 * 2. The server's only unsolicited message is `grown`; the page then requests what it shows. A slow viewer gets only the
 *    newest one.
 * 3. A connection has one open session, the one that it opened last.
 *
 * Pure types and constants, bundled into page and server.
 */
import type { FoundRecord, Frame, RecordFilter } from '../recording/reader.js';
import type { RecordingSummary } from '../recording/summary.js';
import type { Chart } from './chart.js';
import type { CommandAnswer, CommandLines, SessionCommand, SessionSummary } from './host.js';
import type { BatchLives } from './job/life.js';
import type { JobFigures } from './job/tally.js';

export const PROTOCOL_VERSION = 2;
/** Close code of a server that has ended, after its last news: a page must not reconnect. */
export const CLOSED_ENDED = 4410;
/** Paths of the WebSocket and of the page. */
export const FEED_PATH = '/feed';
/** Maximum bytes of a request. */
export const MAX_REQUEST_BYTES = 16 * 1024;
/** Maximum records in one answer to `find`. */
export const MAX_RECORDS = 500;
/** Maximum records that one `find` scans; a search for rare records repeats the request. */
export const MAX_SCAN = 20_000;
export const SESSION_COMMANDS: readonly SessionCommand[] = ['pause', 'resume', 'cancel'];

/** Requests by type: fields beside `id` and `type`, and the result. */
export interface Requests {
  hello: { readonly ask: { readonly token: string; readonly protocol: number }; readonly answer: Welcome };
  sessions: { readonly ask: object; readonly answer: readonly SessionSummary[] };
  /** Opens a session; `grown` messages are about it from now on. */
  open: { readonly ask: { readonly session: string }; readonly answer: OpenedSession };
  /** The summary again, as of now. */
  summary: { readonly ask: { readonly session: string }; readonly answer: OpenedSession };
  frame: { readonly ask: { readonly session: string; readonly index: number }; readonly answer: Frame };
  /** What the records up to `index` add up to. */
  figures: {
    readonly ask: { readonly session: string; readonly index: number };
    readonly answer: JobFigures;
  };
  /** The lives of the batches between two records; of a larger part, of its end. */
  lives: {
    readonly ask: { readonly session: string; readonly from: number; readonly to: number };
    readonly answer: BatchLives;
  };
  indexAtTime: { readonly ask: { readonly session: string; readonly at: number }; readonly answer: number };
  find: { readonly ask: FindRequest; readonly answer: readonly FoundRecord[] };
  checkpoint: { readonly ask: { readonly session: string }; readonly answer: unknown };
  command: {
    readonly ask: { readonly session: string; readonly command: SessionCommand };
    readonly answer: CommandAnswer;
  };
}

export type RequestType = keyof Requests;
export type Request = { [T in RequestType]: { id: number; type: T } & Requests[T]['ask'] }[RequestType];

/** An answer, or news. `id: null`: the request was unreadable. */
export type ServerMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number | null; readonly error: RequestError }
  | Grown;

export interface RequestError {
  readonly code:
    | 'MALFORMED'
    | 'UNKNOWN_REQUEST'
    | 'DENIED'
    | 'READ_ONLY'
    | 'NOT_OPEN'
    | 'OUT_OF_RANGE'
    | 'NO_SESSION'
    | 'FAILED';
  /** One sentence for display. */
  readonly message: string;
}

export interface Grown {
  readonly type: 'grown';
  readonly session: string;
  /** Number of records now. */
  readonly records: number;
  /** Of the newest record; milliseconds since 1970. */
  readonly at: number;
  /** False: no process runs the session. */
  readonly live: boolean;
  readonly canResume?: boolean;
}

export interface Welcome {
  readonly protocol: number;
  /** Of the inspector's package. */
  readonly version: string;
  /** Whether commands are allowed; otherwise each gets READ_ONLY. */
  readonly commands: boolean;
  /** The session to show first, if the server was started for one. */
  readonly session?: string;
}

export interface OpenedSession {
  readonly summary: RecordingSummary;
  /** By definition id. */
  readonly charts: Readonly<Record<string, Chart>>;
  /** A process runs the session. */
  readonly live: boolean;
  /** Whether `resume` can be granted. Absent: unknown. */
  readonly canResume?: boolean;
  readonly commandLines?: CommandLines;
}

export interface FindRequest {
  readonly session: string;
  readonly filter: RecordFilter;
  /** Index of the first scanned record; at most MAX_SCAN are scanned. */
  readonly from: number;
  /** At most MAX_RECORDS. */
  readonly count: number;
}

/**
 * The data of an exported file: two blocks beside the page. `<script type="application/json" id=EXPORT_ID>` holds this
 * object, `<script type="application/octet-stream" id=EXPORT_RECORDING_ID>` the recording (gzip, base64).
 */
export interface ExportedSession {
  readonly protocol: number;
  readonly version: string;
  /** When it was exported. */
  readonly at: number;
  readonly session: SessionSummary;
  readonly charts: Readonly<Record<string, Chart>>;
  readonly checkpoint: unknown;
  /** For display: what was left out to bound the size; absent: nothing. */
  readonly omitted?: string;
}

export const EXPORT_ID = 'exported-session';
export const EXPORT_RECORDING_ID = 'exported-recording';
