/** Reads a published file back, a batch of records at a time. */
import { isPipelineError, SinkError } from '../errors.js';
import { openContents } from '../formats/compressed/compression.js';
import { CompressedError } from '../formats/compressed/member.js';
import { RecordReader, type RecordReaderOptions } from '../formats/record-reader.js';
import type { Records } from '../formats/records.js';
import { problemOf } from '../platform/file-problems.js';
import type { FileHandle } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';

const ROWS_AT_ONCE = 512;
const BYTES_AT_ONCE = 96 * 1024;

/** @throws {SinkError} if the file does not exist or cannot be read. */
export async function* readPublished(
  { fileSystem }: Pick<OpenContext, 'fileSystem'>,
  options: RecordReaderOptions,
): AsyncGenerator<Records> {
  const { path } = options;
  if (fileSystem === undefined) throw new SinkError(`${path}: there are no files in this environment.`);
  let handle: FileHandle | undefined;
  let reader: RecordReader | undefined;
  try {
    if ((await fileSystem.stat(path)) === undefined) {
      throw new SinkError(`${path}: nothing is published. The run has not completed.`);
    }
    handle = await fileSystem.open(path, 'read');
    handle = await openContents(handle);
    reader = new RecordReader(handle, { bytes: 0, rows: 0, lines: 0 }, options);
    for (;;) {
      const records = await reader.read(ROWS_AT_ONCE, BYTES_AT_ONCE);
      if (records === undefined) return;
      yield records;
    }
  } catch (error) {
    if (isPipelineError(error)) throw error;
    if (error instanceof CompressedError) throw new SinkError(`${path}: ${error.message}.`, { cause: error });
    throw new SinkError(`Cannot read ${path}: ${problemOf(error)}.`, { cause: error });
  } finally {
    await reader?.settle();
    await handle?.close().catch(() => {});
  }
}
