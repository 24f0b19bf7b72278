/** The rows that a session has put out, as text, from any byte of its file on. For Node. */
import type { Mark } from '../../../machines/facts.js';
import { restoreSnapshot } from '../../../machines/restore.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { CsvScanner, csvDialect } from '../../csv-records.js';
import { ForkError } from '../../errors.js';
import type { FileHandle, FileSystem } from '../../file-system.js';
import type { JsonObject } from '../../json.js';
import { LineScanner, MAX_RECORD_BYTES, RecordReader } from '../../records.js';
import { workingPath } from '../../sinks/working-file.js';

/** What a session has put out that is durable. */
export interface SessionOutput {
  /** The file that holds it now: the target, or a part file beside it. */
  readonly path: string;
  readonly bytes: number;
  readonly sink: JsonObject;
  readonly mark: Mark;
}

const ROWS_AT_ONCE = 512;
const BYTES_AT_ONCE = 96 * 1024;

/** How far a session is durable. @throws {InvalidSnapshotError} */
export function durableMark({ snapshot }: Checkpoint): Mark {
  const { context } = snapshot as { context?: { stages?: unknown } };
  const names = Array.isArray(context?.stages) ? context.stages.map(String) : [];
  const stages = names.map((name) => ({ name, concurrency: 1, attempts: 1 }));
  return restoreSnapshot(snapshot, stages).context.flushed;
}

/** @throws {ForkError} where the output is no file, or is gone. */
export async function sessionOutput(fileSystem: FileSystem, checkpoint: Checkpoint): Promise<SessionOutput> {
  const { sink, sessionId, state } = checkpoint;
  const path = sink?.path;
  if (sink === null || typeof path !== 'string')
    throw new ForkError(`The output of session ${sessionId} is no file.`);
  const mark = durableMark(checkpoint);
  const { bytes = 0, part = 1 } = mark.sink ?? {};
  const publish = sink.publish === 'direct' ? 'direct' : 'rename';
  const working = workingPath({ path, publish }, Number(part));
  const isThere = state !== 'COMPLETED' && (await fileSystem.stat(working)) !== undefined;
  const found = isThere ? working : path;
  const size = (await fileSystem.stat(found))?.size;
  if (Number(bytes) > 0 && (size === undefined || size < Number(bytes)))
    throw new ForkError(
      size === undefined
        ? `The output of session ${sessionId}, ${found}, is not there any more.`
        : `The output of session ${sessionId}, ${found}, is shorter than what the session had written.`,
    );
  return { path: found, bytes: Number(bytes), sink, mark };
}

/** The text of each row from a byte on, up to what is durable. */
export async function* rowTexts(
  fileSystem: FileSystem,
  { path, bytes, sink }: Omit<SessionOutput, 'mark'>,
  from = 0,
): AsyncGenerator<string> {
  if (bytes <= from) return;
  const handle = await fileSystem.open(path, 'read');
  const delimiter = typeof sink.delimiter === 'string' ? sink.delimiter : undefined;
  const reader = new RecordReader(
    upTo(handle, bytes),
    { bytes: from, rows: 0, lines: 0 },
    {
      path,
      makeScanner: () =>
        sink.kind === 'csv' ? new CsvScanner(csvDialect({ delimiter })) : new LineScanner(),
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

/** What is beyond is not durable: it is not there. */
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
