/** Reads the output rows of a session, as text, from any byte of its file on. For Node. */
import type { CheckpointMark } from '../../../machines/context.js';
import { restoreSnapshot } from '../../../machines/restore/restore.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { ForkError } from '../../errors.js';
import { readAt } from '../../formats/byte-blocks.js';
import { csvDialect } from '../../formats/csv/csv-records.js';
import { CsvScanner } from '../../formats/csv/csv-scanner.js';
import type { JsonObject } from '../../formats/json.js';
import { MAX_RECORD_BYTES, RecordReader } from '../../formats/record-reader.js';
import { LineScanner } from '../../formats/record-scanner.js';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import { describedFile, findWritten, writtenPosition } from './written-file.js';

/** The durable output of a session. */
export interface SessionOutput {
  /** Its file: the target, or a part file beside it. */
  readonly path: string;
  readonly bytes: number;
  /** Bytes before the first row: the CSV header. */
  readonly headerBytes: number;
  readonly sink: JsonObject;
  readonly mark: CheckpointMark;
}

const ROWS_AT_ONCE = 512;
const BYTES_AT_ONCE = 96 * 1024;

/** The durable mark of a session. @throws {InvalidSnapshotError} */
export function durableMark({ snapshot }: Pick<Checkpoint, 'snapshot'>): CheckpointMark {
  const { context } = snapshot as { context?: { stages?: unknown } };
  const names = Array.isArray(context?.stages) ? context.stages.map(String) : [];
  const stages = names.map((name) => ({ name, concurrency: 1, attempts: 1 }));
  return restoreSnapshot(snapshot, stages).context.flushed;
}

/** @throws {ForkError} if the output is no file, or is gone. */
export async function sessionOutput(fileSystem: FileSystem, checkpoint: Checkpoint): Promise<SessionOutput> {
  const { sink, sessionId, state } = checkpoint;
  const file = describedFile(sink);
  if (sink === null || file === undefined)
    throw new ForkError(`The output of session ${sessionId} is not a JSON Lines or CSV file.`);
  const mark = durableMark(checkpoint);
  const at = writtenPosition(mark.sink);
  const path = await findWritten(fileSystem, file, at, state === 'COMPLETED');
  return { path, bytes: at.bytes, headerBytes: at.header, sink, mark };
}

/** The header, as text; undefined without one. */
export async function headerText(
  fileSystem: FileSystem,
  { path, headerBytes }: Pick<SessionOutput, 'path' | 'headerBytes'>,
): Promise<string | undefined> {
  if (headerBytes === 0) return undefined;
  const handle = await fileSystem.open(path, 'read');
  try {
    return new TextDecoder().decode(await readAt(handle, 0, headerBytes)).trimEnd();
  } finally {
    await handle.close();
  }
}

/** The text of each durable row from a byte on. */
export async function* rowTexts(
  fileSystem: FileSystem,
  { path, bytes, headerBytes, sink }: Omit<SessionOutput, 'mark'>,
  from = 0,
): AsyncGenerator<string> {
  const start = Math.max(from, headerBytes);
  if (bytes <= start) return;
  const handle = await fileSystem.open(path, 'read');
  const delimiter = typeof sink.delimiter === 'string' ? sink.delimiter : undefined;
  const reader = new RecordReader(
    upTo(handle, bytes),
    { bytes: start, rows: 0, lines: 0 },
    {
      path,
      makeScanner: () =>
        sink.kind === 'csv' ? new CsvScanner(csvDialect({ delimiter }), 0) : new LineScanner(),
      maxRecordBytes: MAX_RECORD_BYTES,
    },
  );
  try {
    for (;;) {
      const records = await reader.read(ROWS_AT_ONCE, BYTES_AT_ONCE);
      if (records === undefined) return;
      const texts: string[] = [];
      records.forEachText((text) => texts.push(text ?? '(not UTF-8)'));
      yield* texts;
    }
  } finally {
    await reader.settle();
    await handle.close();
  }
}

/** Bytes beyond the mark are not durable, and are not read. */
function upTo(handle: FileHandle, bytes: number): FileHandle {
  return {
    read: (buffer, length, position) =>
      handle.read(buffer, Math.max(0, Math.min(length, bytes - position)), position),
    write: (chunks, position) => handle.write(chunks, position),
    sync: () => handle.sync(),
    datasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    stat: () => handle.stat(),
    close: () => handle.close(),
  };
}
