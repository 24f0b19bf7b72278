/**
 * The sink for failed rows. It is opened with the first of them, so that a run without failures leaves no file, and removes
 * the dead letters of an earlier run instead.
 *
 * It keeps the same invariants as the sink: truncated at reopening (I7), flushed before a checkpoint (I6), published at the
 * end (I19). Its unfinished file has the session's id in its name, because no checkpoint knows it before the next commit.
 */
import type { JsonObject } from '../../../machines/context.js';
import { InvalidOptionError } from '../../errors.js';
import type { OpenContext } from '../../platform/open-context.js';
import type { OpenSink, Sink } from '../../sinks/sink.js';

export class DeadLetterFile {
  #open: OpenSink<JsonObject> | undefined;
  #opening: Promise<OpenSink<JsonObject>> | undefined;

  constructor(
    private readonly sink: Sink<JsonObject> | undefined,
    private readonly position: JsonObject | null,
    private readonly wasSealed: boolean,
    private readonly context: OpenContext,
  ) {}

  async append(rows: readonly JsonObject[]): Promise<void> {
    if (rows.length === 0) return;
    const open = await this.#openSink();
    await open.append([open.encode(rows)]);
  }

  /** Null: no row ever went there. A file that this opening has not touched is durable up to its position. */
  async flush(): Promise<JsonObject | null> {
    // Without an await before it: rows that are appended later are not covered.
    return this.#open === undefined ? this.position : this.#open.flush();
  }

  async publish(): Promise<void> {
    if (this.#open !== undefined || this.position !== null) return (await this.#openSink()).publish();
    await this.sink?.removePublished?.(this.context);
    // Of a killed process, whose rows did not fail again.
    await this.sink?.discard?.(undefined, this.context);
  }

  async close(): Promise<void> {
    await (await this.#opening)?.close();
  }

  async #openSink(): Promise<OpenSink<JsonObject>> {
    if (this.sink === undefined) {
      throw new InvalidOptionError(
        'A failed row has the policy dead-letter, and the pipeline has no dead-letter sink. Give it the option deadLetter.',
      );
    }
    this.#opening ??= this.sink.open(this.position ?? undefined, this.wasSealed, {
      ...this.context,
      parts: 'of-session',
    });
    this.#open = await this.#opening;
    return this.#open;
  }
}
