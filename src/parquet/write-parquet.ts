/**
 * Makes a Parquet file from the lines of a working file.
 *
 * 1. One row group is in memory. It ends after `rowGroupRows` rows, or after 32 MB of lines.
 * 2. The same lines give the same bytes: the file may be made again after a crash.
 * 3. The footer says from which lines it was made (`madeFrom`), so that a later process knows a published file.
 */
import type { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { LF } from '../formats/record-scanner.js';
import type { FileHandle } from '../platform/file-system.js';
import type { ParquetColumn } from './column-types.js';

const MAX_GROUP_BYTES = 32 * 1024 * 1024;
const BLOCK_BYTES = 1024 * 1024;
/** Key of the footer. */
export const MADE_FROM = 'xstate-pipeline';

/** The lines of the working file. */
export interface Lines {
  readonly bytes: number;
  read(from: number, length: number): Promise<Uint8Array>;
}

export interface ParquetOutput {
  readonly columns: readonly ParquetColumn[];
  readonly rowGroupRows: number;
  readonly madeFrom: string;
}

export async function writeParquet(
  module: typeof import('hyparquet-writer'),
  handle: FileHandle,
  lines: Lines,
  { columns, rowGroupRows, madeFrom }: ParquetOutput,
): Promise<void> {
  const bytes = new module.ByteWriter();
  const flush = flushTo(handle, bytes);
  const writer = new module.ParquetWriter({
    writer: bytes,
    schema: [{ name: 'root', num_children: columns.length }, ...columns.map(({ schema }) => schema)],
    kvMetadata: [{ key: MADE_FROM, value: madeFrom }],
    createdBy: 'xstate-pipeline',
  });
  for await (const rows of groupsOf(lines, rowGroupRows)) {
    await writeGroup(writer, columns, rows);
    await flush();
  }
  await writer.finish();
  await flush();
}

async function writeGroup(
  writer: ParquetWriter,
  columns: readonly ParquetColumn[],
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const columnData = columns.map(({ name, restore }, i) => ({
    name,
    data: rows.map((row) => (row[i] === null ? null : restore(row[i] as string))),
  }));
  await writer.write({ columnData, rowGroupSize: rows.length });
}

/** Moves what the writer has in memory to the file. */
function flushTo(handle: FileHandle, writer: ByteWriter): () => Promise<void> {
  let written = 0;
  return async () => {
    const chunk = writer.getBytes().slice();
    writer.index = 0;
    await handle.write([chunk], written);
    written += chunk.length;
  };
}

/** The rows of each row group. */
async function* groupsOf({ bytes, read }: Lines, rowGroupRows: number): AsyncGenerator<unknown[][]> {
  let rows: unknown[][] = [];
  let groupBytes = 0;
  let rest = Buffer.alloc(0);
  for (let from = 0; from < bytes; from += BLOCK_BYTES) {
    const block = Buffer.concat([rest, await read(from, Math.min(BLOCK_BYTES, bytes - from))]);
    let begin = 0;
    for (let end = block.indexOf(LF); end >= 0; end = block.indexOf(LF, begin)) {
      rows.push(JSON.parse(block.toString('utf8', begin, end)) as unknown[]);
      groupBytes += end - begin;
      begin = end + 1;
      if (rows.length < rowGroupRows && groupBytes < MAX_GROUP_BYTES) continue;
      yield rows;
      rows = [];
      groupBytes = 0;
    }
    rest = block.subarray(begin);
  }
  if (rows.length > 0) yield rows;
}
