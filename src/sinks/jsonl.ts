/** JSON Lines to a file: one JSON value a line, UTF-8, LF. */
import type { MalformedRowError } from '../errors.js';
import type { JsonObject } from '../formats/json.js';
import { JsonLinesEncoder } from '../formats/json-lines-encoder.js';
import { LineScanner, MAX_RECORD_BYTES } from '../formats/records.js';
import { absolutePath } from '../platform/file-problems.js';
import { deadLetterPath } from './dead-letter-path.js';
import { FileSink, publishOption } from './file-sink.js';
import { readPublished } from './read-published.js';
import type { EncodedRows, OpenSink, ReadableSink, SinkPosition } from './sink.js';
import type { Publish } from './working-file.js';

/** How JSON Lines are written. */
export interface JsonlSinkOptions {
  /** 'rename': written to `<path>.part`, which becomes `path` when the run completes. 'direct': appended in place.
   * Default 'rename'. */
  readonly publish?: Publish | undefined;
}

/** Rows read back are not checked against `T`.
 * @param path relative to the working directory at this moment, or a `file:` URL.
 * @throws {InvalidOptionError} */
export function jsonlSink<T = unknown>(path: string | URL, options: JsonlSinkOptions = {}): ReadableSink<T> {
  const file = absolutePath(path, 'jsonl');
  const publish = publishOption(options.publish, 'jsonl');
  return {
    kind: 'jsonl',
    label: file,
    describe: () => ({ kind: 'jsonl', path: file, publish }),
    open: async (at, complete, context) =>
      new OpenJsonlSink<T>(file, await FileSink.open({ path: file, publish }, at, complete, context)),
    // Never 'direct': it is begun in the middle of a run, and what it holds before the next checkpoint is nobody's after a
    // crash.
    deadLetters: () => jsonlSink<JsonObject>(deadLetterPath(file)),
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

const LF = 0x0a;

class OpenJsonlSink<T> implements OpenSink<T> {
  readonly #file: FileSink;
  readonly #encoder: JsonLinesEncoder;

  constructor(path: string, file: FileSink) {
    this.#file = file;
    this.#encoder = new JsonLinesEncoder(path);
  }

  get position(): SinkPosition {
    return this.#file.position;
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    return encoded(rows.length, this.#encoder.encode(rows, firstIndex));
  }

  encodeJsonLines(lines: Uint8Array, rows: number): EncodedRows {
    const ended = lines.length === 0 || lines[lines.length - 1] === LF;
    return encoded(rows, ended ? [lines] : [lines, Uint8Array.of(LF)]);
  }

  append(batches: readonly EncodedRows[]): Promise<void> {
    return this.#file.append(batches.flatMap(({ data }) => data as readonly Uint8Array[]));
  }

  async flush(): Promise<SinkPosition> {
    // As of this call: what is appended while the flush runs is not covered by it.
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

function encoded(rows: number, chunks: readonly Uint8Array[]): EncodedRows {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return { rows, bytes, data: chunks };
}
