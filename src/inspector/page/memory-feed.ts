/**
 * The feed over the recording in an exported file, opened from the disk without a server. It decodes base64 and gzip,
 * and makes no request.
 */
import { RecordingReader } from '../../recording/reader.js';
import type { SessionSummary } from '../host.js';
import { JobLedger } from '../job/ledger.js';
import { livesOf } from '../job/lives.js';
import { EXPORT_ID, EXPORT_RECORDING_ID, type ExportedSession } from '../protocol.js';
import type { Feed, Place } from './feed.js';
import { moment } from './view/format.js';

export const isExported = (): boolean => document.getElementById(EXPORT_ID) !== null;

/** @throws {Error} when the file is damaged. */
export async function openExported(): Promise<Place> {
  const facts = JSON.parse(textOf(EXPORT_ID)) as ExportedSession;
  const reader = new RecordingReader();
  const zipped = new Blob([bytesOf(textOf(EXPORT_RECORDING_ID))]).stream();
  const chunks = zipped.pipeThrough(new DecompressionStream('gzip')).getReader();
  for (let read = await chunks.read(); !read.done; read = await chunks.read()) reader.append(read.value);
  return {
    first: facts.session.id,
    note: [`Exported ${moment(facts.at)}`, facts.omitted].filter(Boolean).join(' · '),
    open: async () => memoryFeed(reader, facts),
    onLost: () => {},
  };
}

export function memoryFeed(
  reader: RecordingReader,
  { session, charts, checkpoint }: Pick<ExportedSession, 'session' | 'charts' | 'checkpoint'>,
): Feed {
  const ledger = new JobLedger(reader, turn);
  return {
    session: session.id,
    summary: async () => ({
      summary: reader.summary(),
      charts,
      live: false,
      canResume: false,
      ...linesOf(session),
    }),
    frame: async (index) => reader.frameAt(index),
    figures: (index) => ledger.figuresAt(index),
    lives: (from, to) => livesOf(reader, from, to, turn),
    find: async (filter, from, count) => reader.find(filter, from, count),
    indexAtTime: async (at) => reader.indexAtTime(at),
    checkpoint: async () => checkpoint,
    onGrow: () => () => {},
    close: () => {},
  };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** The file may be opened elsewhere: only the names of the commands are sure. */
const linesOf = ({ commandLines }: SessionSummary) => (commandLines === undefined ? {} : { commandLines });

const textOf = (id: string): string => document.getElementById(id)?.textContent ?? '';

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
