/**
 * What the page and its server say to each other: JSON texts over one WebSocket at `/feed` of the page's own origin.
 *
 * 1. The page asks, `{ id, type, … }`; the server answers each with `{ id, result }` or `{ id, error }`, not
 *    necessarily in order. The first request is `hello` with the token of the page's URL; nothing is answered before.
 * 2. Unasked, the server only says `grown`: the page asks for what it wants to show. A viewer that is slow hears of
 *    the newest growth alone.
 * 3. A connection has one session open, the one it opened last.
 *
 * Pure types and constants: the page and the server are bundled with it.
 */
import type { FoundRecord, Frame, RecordFilter } from '../recording/reader.js';
import type { RecordingSummary } from '../recording/summary.js';
import type { Chart } from './chart.js';
import type { CommandAnswer, SessionCommand, SessionSummary } from './host.js';

export const PROTOCOL_VERSION = 1;
/** Where the WebSocket is, and where the page is. */
export const FEED_PATH = '/feed';
/** Bytes of a request. */
export const MAX_REQUEST_BYTES = 16 * 1024;
/** Records in one answer to `find`. */
export const MAX_RECORDS = 500;
/** Records that one `find` looks at: whoever looks for what is rare asks again from there. */
export const MAX_SCAN = 20_000;
export const SESSION_COMMANDS: readonly SessionCommand[] = ['pause', 'resume', 'cancel'];

/** Requests by type: what is sent beside `id` and `type`, and what is answered. */
export interface Requests {
  hello: { readonly ask: { readonly token: string; readonly protocol: number }; readonly answer: Welcome };
  sessions: { readonly ask: object; readonly answer: readonly SessionSummary[] };
  /** Shows a session from now on; `grown` is told of it. */
  open: { readonly ask: { readonly session: string }; readonly answer: OpenedSession };
  /** The same again, of now. */
  summary: { readonly ask: { readonly session: string }; readonly answer: OpenedSession };
  frame: { readonly ask: { readonly session: string; readonly index: number }; readonly answer: Frame };
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

/** An answer, or news. `id: null`: what was asked could not even be read. */
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
  /** One sentence for a person. */
  readonly message: string;
}

export interface Grown {
  readonly type: 'grown';
  readonly session: string;
  /** How many there are now. */
  readonly records: number;
  /** Of the newest record; milliseconds since 1970. */
  readonly at: number;
  /** False: the feed has ended; nothing more will come. */
  readonly live: boolean;
}

export interface Welcome {
  readonly protocol: number;
  /** Of the inspector's package. */
  readonly version: string;
  /** Whether commands are allowed; else every one is answered with READ_ONLY. */
  readonly commands: boolean;
  /** The session to show first, where the server was started for one. */
  readonly session?: string;
}

export interface OpenedSession {
  readonly summary: RecordingSummary;
  /** By definition id. */
  readonly charts: Readonly<Record<string, Chart>>;
  /** More may come. */
  readonly live: boolean;
}

export interface FindRequest {
  readonly session: string;
  readonly filter: RecordFilter;
  /** Index of the first record that is looked at; at most MAX_SCAN are. */
  readonly from: number;
  /** At most MAX_RECORDS. */
  readonly count: number;
}

/**
 * What an exported file holds beside the page: two data blocks, `<script type="application/json" id=EXPORT_ID>` with
 * this, and `<script type="application/octet-stream" id=EXPORT_RECORDING_ID>` with the recording, gzip, base64.
 */
export interface ExportedSession {
  readonly protocol: number;
  readonly version: string;
  /** When it was exported. */
  readonly at: number;
  readonly session: SessionSummary;
  readonly charts: Readonly<Record<string, Chart>>;
  readonly checkpoint: unknown;
  /** What the bound of size left out, for a person; absent: nothing. */
  readonly omitted?: string;
}

export const EXPORT_ID = 'exported-session';
export const EXPORT_RECORDING_ID = 'exported-recording';
