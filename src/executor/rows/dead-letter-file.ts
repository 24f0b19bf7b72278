/**
 * The sink for what failed, opened when the first row goes there, so that a run without failures leaves no file.
 * It follows the same invariants as the sink: truncated at reopening (I7), flushed before a checkpoint (I6), published at
 * the end (I19).
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
    const open = await this.#opened();
    await open.append([open.encode(rows)]);
  }

  /** Null: nothing ever went there. What this opening has not touched is durable up to where it stood. */
  async flush(): Promise<JsonObject | null> {
    // At once: rows appended after this call are not covered by it.
    return this.#open === undefined ? this.position : this.#open.flush();
  }

  async publish(): Promise<void> {
    if (this.#open === undefined && this.position === null) return;
    await (await this.#opened()).publish();
  }

  async close(): Promise<void> {
    await (await this.#opening)?.close();
  }

  async #opened(): Promise<OpenSink<JsonObject>> {
    if (this.sink === undefined) {
      throw new InvalidOptionError(
        "A row is to be dead-lettered and there is nowhere to put it. Give the pipeline's options a deadLetter sink.",
      );
    }
    this.#opening ??= this.sink.open(this.position ?? undefined, this.wasSealed, this.context);
    this.#open = await this.#opening;
    return this.#open;
  }
}
