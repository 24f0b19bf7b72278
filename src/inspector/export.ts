/**
 * Exports a session as one HTML file: the page with the recording in it. It opens from the disk and makes no request.
 *
 * 1. The size is bounded: segments in the middle that do not fit are left out, and the file says so.
 */
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { RecordingReader } from '../recording/reader.js';
import { InspectorError } from './errors.js';
import type { InspectorHost } from './host.js';
import { PROTOCOL_VERSION } from './protocol.js';
import { pageAssets } from './server/assets.js';
import { chartsOf } from './server/charts.js';
import { follow } from './server/follow.js';
import { exportedHtml } from './server/html.js';

const gzip = promisify(gzipCallback);

/** A browser opens a file of this size without a noticeable delay. */
const DEFAULT_MAX_BYTES = 32 * 1024 * 1024;

export interface ExportOptions {
  /** Maximum bytes of the recording in the file. Default 32 MB, some three million steps. */
  readonly maxBytes?: number;
}

export interface ExportedFile {
  readonly html: string;
  readonly records: number;
  /** For display: what was left out. */
  readonly omitted?: string;
}

/** Makes the file for a session of `host`.
 * @throws {InspectorError} NOTHING_TO_EXPORT, and what the host throws. */
export async function exportHtml(
  host: InspectorHost,
  id: string,
  { maxBytes = DEFAULT_MAX_BYTES }: ExportOptions = {},
): Promise<ExportedFile> {
  const assets = pageAssets();
  const session = (await host.sessions()).find((each) => each.id === id);
  const { recording, zipped, dropped } = await fitting(segmentsOf(await readAll(host, id)), maxBytes);
  const reader = new RecordingReader();
  reader.append(recording);
  if (session === undefined || reader.length === 0)
    throw new InspectorError(`Session ${id} has no recording to export.`, 'NOTHING_TO_EXPORT');
  const omitted =
    dropped === 0
      ? {}
      : { omitted: `${dropped} records in the middle are left out to bound the size of the file.` };
  const charts = await chartsOf(reader.summary().definitions);
  const facts = { protocol: PROTOCOL_VERSION, version: assets.version, at: Date.now(), session, charts };
  const checkpoint = await host.checkpoint(id).catch(() => null);
  const html = exportedHtml({ ...facts, checkpoint, ...omitted }, zipped.toString('base64'), assets);
  return { html, records: reader.length, ...omitted };
}

async function readAll(host: InspectorHost, id: string): Promise<Buffer> {
  const feed = await host.open(id);
  const chunks: Uint8Array[] = [];
  try {
    await follow(feed, (chunk) => chunks.push(chunk)).caughtUp;
  } finally {
    feed.close();
  }
  return Buffer.concat(chunks);
}

/** Each segment begins with a `begin` record and can be read alone. */
function segmentsOf(recording: Buffer): Buffer[] {
  const segments: Buffer[] = [];
  const HEAD = '\n{"k":"b"';
  let start = 0;
  while (start < recording.length) {
    const next = recording.indexOf(HEAD, start) + 1;
    const end = next === 0 ? recording.length : next;
    segments.push(recording.subarray(start, end));
    start = end;
  }
  return segments;
}

/** The first segment and as many of the newest ones as fit. */
async function fitting([first = Buffer.alloc(0), ...others]: Buffer[], maxBytes: number) {
  let kept = others;
  for (;;) {
    const recording = Buffer.concat([first, ...kept]);
    const zipped = await gzip(recording);
    // Base64 encodes three bytes as four characters.
    const share = maxBytes / (zipped.length * (4 / 3));
    if (share >= 1 || kept.length === 0) {
      const dropped = others.slice(0, others.length - kept.length);
      return { recording, zipped, dropped: dropped.reduce((sum, each) => sum + linesOf(each), 0) };
    }
    const budget = recording.length * share * 0.95 - first.length;
    let from = kept.length;
    for (let bytes = 0; from > 1; from--) {
      bytes += kept[from - 1]?.length ?? 0;
      if (bytes > budget) break;
    }
    kept = kept.slice(from);
  }
}

function linesOf(segment: Buffer): number {
  let lines = 0;
  for (let at = segment.indexOf(10); at >= 0; at = segment.indexOf(10, at + 1)) lines++;
  return lines;
}
