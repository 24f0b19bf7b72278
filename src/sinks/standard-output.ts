/**
 * Standard output as a sink: `jsonl('-')`. What was written cannot be taken back, so a run that writes it cannot be resumed.
 *
 * 1. Writes wait until the reader has taken them.
 * 2. Rows are written past a replaced `process.stdout.write`: the command line sends everything else to standard error.
 * 3. A reader that has gone is a `SinkError` with the cause `EPIPE`, and no uncaught error.
 */
import { PipelineMismatchError, SinkError } from '../errors.js';
import { problemOf } from '../platform/file-problems.js';
import type { OpenContext } from '../platform/open-context.js';
import { codeOf } from '../platform/thrown.js';
import type { OpenSink, ReadableSink, SinkPosition } from './sink.js';

/** In messages and summaries. */
export const STANDARD_OUTPUT = 'standard output';

type WriteChunk = (
  this: NodeJS.WriteStream,
  chunk: Uint8Array,
  done: (error?: Error | null) => void,
) => boolean;

const ignore = (): void => {};

export class StandardOutput {
  readonly published = false;
  #bytes = 0;
  #isClosed = false;

  private constructor(private readonly stream: NodeJS.WriteStream) {
    stream.on('error', ignore);
  }

  /** @throws {PipelineMismatchError} for a position. */
  static open(at: SinkPosition | undefined, stream: NodeJS.WriteStream = process.stdout): StandardOutput {
    if (at !== undefined)
      throw new PipelineMismatchError(
        ['what was written to standard output cannot be taken back; run with a file instead'],
        false,
      );
    return new StandardOutput(stream);
  }

  get position(): SinkPosition {
    return { bytes: this.#bytes };
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    this.#assertOpen();
    for (const chunk of chunks) {
      await this.#write(chunk);
      this.#bytes += chunk.length;
    }
  }

  async flush(): Promise<void> {
    this.#assertOpen();
  }

  async publish(): Promise<void> {
    this.#assertOpen();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.stream.off('error', ignore);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new SinkError('Cannot write standard output: it is closed already.');
  }

  #write(chunk: Uint8Array): Promise<void> {
    const { write } = Object.getPrototypeOf(this.stream) as { write: WriteChunk };
    return new Promise((resolve, reject) => {
      write.call(this.stream, chunk, (error) => {
        if (!error) return resolve();
        const what = codeOf(error) === 'EPIPE' ? 'its reader has closed it' : problemOf(error);
        reject(new SinkError(`Cannot write standard output: ${what}.`, { cause: error }));
      });
    });
  }
}

/** A sink that writes it. @param open at a position, which is refused. */
export function standardOutput<T>(
  open: (at: SinkPosition | undefined, context: OpenContext) => Promise<OpenSink<T>>,
): ReadableSink<T> {
  return {
    kind: 'stdout',
    label: STANDARD_OUTPUT,
    describe: () => undefined,
    open: (at, _, context) => open(at, context),
    // biome-ignore lint/correctness/useYield: there is nothing to give.
    async *read() {
      throw new SinkError('Standard output cannot be read back. Write to a file, and read that.');
    },
  };
}
