/** JSON Lines to a file: one JSON value a line, UTF-8, LF. Compressed, if the name ends in `.gz` or `.zst`. */
import { type MalformedRowError, SinkError } from '../errors.js';
import type { Compressor } from '../formats/compressed/compress.js';
import type { JsonObject } from '../formats/json.js';
import { encodeJsonLines } from '../formats/json-lines-encoder.js';
import { MAX_RECORD_BYTES } from '../formats/record-reader.js';
import { LF, LineScanner } from '../formats/record-scanner.js';
import { ReusedMemory } from '../formats/reused-memory.js';
import { JSON_ADVICE, type RowProblem, rowProblem } from '../formats/row-problem.js';
import { absolutePath } from '../platform/file-problems.js';
import { deadLetterPath } from './dead-letter-path.js';
import { compressorFor, FileSink, ofOneFile, publishOption, type WrittenBytes } from './file-sink.js';
import { readPublished } from './read-published.js';
import type { EncodedRows, OpenSink, ReadableSink, SinkPosition } from './sink.js';
import { STANDARD_OUTPUT, StandardOutput, standardOutput } from './standard-output.js';
import type { Publish } from './written-file.js';

/** How JSON Lines are written. */
export interface JsonlSinkOptions {
  /** 'rename': written to `<path>.part`, which becomes `path` when the run completes. 'direct': appended in place.
   * Default 'rename'. */
  readonly publish?: Publish | undefined;
}

/** Rows that are read back are not checked against `T`.
 * @param path relative to the current working directory, or a `file:` URL.
 * @throws {InvalidOptionError} */
export function jsonlSink<T = unknown>(path: string | URL, options: JsonlSinkOptions = {}): ReadableSink<T> {
  if (path === '-')
    return standardOutput<T>(
      async (at) => new OpenJsonlSink<T>(STANDARD_OUTPUT, (chunks) => chunks, StandardOutput.open(at)),
    );
  const file = absolutePath(path, 'jsonl');
  const publish = publishOption(options.publish, 'jsonl');
  const place = { path: file, publish };
  return {
    kind: 'jsonl',
    label: file,
    describe: () => ({ kind: 'jsonl', path: file, publish }),
    open: async (at, complete, context) =>
      new OpenJsonlSink<T>(file, compressorFor(file), await FileSink.open(place, at, complete, context)),
    // Never 'direct': it begins in the middle of a run, and nothing refers to it before the next checkpoint.
    deadLetters: () => jsonlSink<JsonObject>(deadLetterPath(file)),
    ...ofOneFile(place),
    async *read(context) {
      const reading = {
        path: file,
        makeScanner: () => new LineScanner(),
        maxRecordBytes: MAX_RECORD_BYTES,
      };
      for await (const records of readPublished(context, reading)) {
        const rows: T[] = [];
        let problem: MalformedRowError | undefined;
        records.forEachText((text, index) => {
          try {
            if (problem === undefined) rows.push(JSON.parse(text ?? ''));
          } catch {
            problem = records.malformed(index, 'not valid JSON');
          }
        });
        yield* rows;
        if (problem !== undefined) throw problem;
      }
    },
  };
}

class OpenJsonlSink<T> implements OpenSink<T> {
  readonly #file: WrittenBytes;
  readonly #problem: RowProblem;
  readonly #compress: Compressor;
  /** Of rows that are encoded and not written. */
  readonly #memory = new ReusedMemory();

  constructor(path: string, compress: Compressor, file: WrittenBytes) {
    this.#file = file;
    this.#problem = rowProblem(path, JSON_ADVICE);
    this.#compress = compress;
  }

  get position(): SinkPosition {
    return this.#file.position;
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    const parts = encodeJsonLines(rows, this.#problem, firstIndex, this.#toBytes);
    const chunks = parts.map(({ lines }) => lines);
    for (const chunk of chunks) this.#memory.lend(chunk);
    const written = this.#compress(chunks);
    if (written !== chunks) this.#memory.giveBack(chunks);
    return encodedRows(rows.length, written);
  }

  readonly #toBytes = (text: string): Uint8Array => this.#memory.encode(text);

  encodeJsonLines(lines: Uint8Array, rows: number): EncodedRows {
    const isEnded = lines.length === 0 || lines[lines.length - 1] === LF;
    return encodedRows(rows, this.#compress(isEnded ? [lines] : [lines, Uint8Array.of(LF)]));
  }

  async append(batches: readonly EncodedRows[]): Promise<void> {
    const chunks = batches.flatMap(({ data }) => data as readonly Uint8Array[]);
    if (chunks.some((chunk) => this.#memory.isGivenBack(chunk)))
      throw new SinkError('The same encoded rows were appended twice. Encode them again.');
    await this.#file.append(chunks);
    this.#memory.giveBack(chunks);
  }

  async flush(): Promise<SinkPosition> {
    // Read before the await: rows that are appended during the flush are not covered by it.
    const { position } = this.#file;
    await this.#file.flush();
    return position;
  }

  publish(): Promise<void> {
    return this.#file.publish();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function encodedRows(rows: number, chunks: readonly Uint8Array[]): EncodedRows {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return { rows, bytes, data: chunks };
}
