/**
 * Reads batches from the source, enqueues them, and reports them to the executor machine.
 *
 * 1. A read enqueues at most as many batches as the machine asked for (I13) and none once it is pausing (I16). There is one
 *    read at a time.
 * 2. Batches of the same moment are reported in one event; none waits for a later one.
 * 3. The in-flight marker covers a batch before the batch is processed.
 * 4. Rows of a live source do not wait for a full batch: they are read after `checkpointEveryMs`. A pause ends the wait for a
 *    source that does not answer; its rows, when they come, belong to the next request.
 * 5. A batch that is in the journal is read with the size that it had: its border does not move when the source grows (I26).
 */
import { platform } from '#platform';
import type { ExecutorContext } from '../../../machines/context.js';
import type { ExecutorEvent, ReadRequest } from '../../../machines/executor-events.js';
import type { InFlightMarker } from '../../checkpoint/storages/in-flight-marker.js';
import { PoisonBatchError } from '../../errors.js';
import type { Clock } from '../../platform/clock.js';
import type { OpenSource, SourceBatch } from '../../sources/source.js';
import { isSourcePause, type SourcePause } from '../../sources/source-pause.js';
import type { PipelineDefinition } from '../definition.js';
import type { BatchProcessor } from './batch-processor.js';
import { MAX_GROUP } from './completion-batcher.js';

/** Bytes of the source in a batch, at most; one row at least. */
const MAX_BATCH_BYTES = 768 * 1024;

/** Batches that the marker covers ahead of the reading, at least. To suspect some too many costs little: isolation works on
 * them one at a time before any is quarantined. With two crashes to quarantine there is no time for that. */
const MARKED_AHEAD = 31;

export interface SourceReaderOptions {
  readonly source: OpenSource<unknown>;
  readonly processor: BatchProcessor;
  readonly marker: InFlightMarker | undefined;
  readonly definition: PipelineDefinition;
  readonly epoch: number;
  /** Rows of the source before the first batch. */
  readonly rowsBefore: number;
  readonly stages: number;
  readonly batchSize: number;
  /** Rows that are read before the run pauses by itself; undefined: all. */
  readonly sample: number | undefined;
  /** The sample is read. */
  readonly onSampled: (rows: number) => void;
  /** The source asks for a pause. */
  readonly onPause: (pause: SourcePause) => void;
  readonly clock: Clock;
  /** Milliseconds that a row of a live source waits for a full batch, at most. */
  readonly maxWaitMs: number;
  /** Calls back once, as soon as the run is pausing. @returns stops watching. */
  readonly whenPausing: (callback: () => void) => () => void;
  /** Undefined once the run has ended. */
  readonly context: () => ExecutorContext | undefined;
  readonly send: (event: ExecutorEvent) => void;
}

/** A pause ended the wait for the source. */
const INTERRUPTED = 'interrupted';

interface EnqueuedBatch {
  readonly rows: number;
  /** The first stage that has to process it. */
  readonly at: number;
  readonly quarantined: boolean;
}

export class SourceReader {
  #rowsRead: number;
  /** Rows of the sample that are not read yet. */
  #sampleLeft: number | undefined;
  /** The last batch that the marker covers. */
  #markedUpTo = -1;
  /** Enqueued and not reported yet: consecutive batches for the same stage. */
  #unreported: { readonly batch: number; readonly at: number; readonly rows: number[] } | undefined;

  /** A read that has not settled: a pause may have ended the wait for it. */
  #reading: Promise<SourceBatch<unknown> | undefined> | undefined;
  /** Interrupts the wait for the read; undefined: nothing is waited for. */
  #interruptWait: (() => void) | undefined;
  #stopWatching: (() => void) | undefined;
  #isWatchPlanned = false;

  constructor(private readonly options: SourceReaderOptions) {
    this.#rowsRead = options.rowsBefore;
    this.#sampleLeft = options.rowsBefore === 0 ? options.sample : undefined;
  }

  async readBatches({ batch: first, count, quarantined }: ReadRequest): Promise<void> {
    const { send, context, stages } = this.options;
    for (let batch = first; ; batch++) {
      const enqueued = await this.#enqueueBatch(batch, quarantined);
      const now = context();
      if (now === undefined) return;
      if (enqueued === INTERRUPTED) {
        this.#reportBatches(true);
        send({ type: 'source.batches', batch, rows: [], at: stages });
        return;
      }
      if (enqueued === undefined) {
        this.#reportBatches(true);
        send({ type: 'source.end' });
        return;
      }
      if (enqueued.quarantined) {
        send({ type: 'source.batches', batch, rows: [enqueued.rows], at: enqueued.at, quarantined: true });
        return;
      }
      this.#addBatch(batch, enqueued);
      if (batch + 1 < first + count && now.activity.goal === 'run') continue;
      this.#reportBatches(false);
      return;
    }
  }

  async #enqueueBatch(
    batch: number,
    quarantined: boolean,
  ): Promise<EnqueuedBatch | undefined | typeof INTERRUPTED> {
    const { source, processor, definition, stages } = this.options;
    this.#reading ??= this.#readBatch(batch);
    // A file answers at once.
    let read: SourceBatch<unknown> | undefined | typeof INTERRUPTED;
    try {
      read = await (source.file === undefined ? this.#waitForRows(this.#reading) : this.#reading);
    } catch (error) {
      if (!isSourcePause(error)) throw error;
      this.#reading = undefined;
      this.options.onPause(error);
      return INTERRUPTED;
    }
    if (read === INTERRUPTED) return INTERRUPTED;
    this.#reading = undefined;
    if (read === undefined) return undefined;
    const marking = this.#markBatch(batch);
    if (marking !== undefined) await marking;
    const rowOffset = this.#rowsRead;
    this.#rowsRead += read.size;
    this.#countSample(read.size);
    const enqueued = processor.enqueueBatch(batch, rowOffset, read);
    const at = typeof enqueued === 'number' ? enqueued : await enqueued;
    // A batch whose work is all in the journal cannot have caused the crashes.
    if (!quarantined || at === stages) return { rows: read.size, at, quarantined: false };
    const { onPoison, maxCrashes } = definition;
    processor.quarantineBatch(batch, new PoisonBatchError(batch, rowOffset, read.size, maxCrashes), onPoison);
    return { rows: read.size, at: stages, quarantined: true };
  }

  #countSample(rows: number): void {
    if (this.#sampleLeft === undefined) return;
    this.#sampleLeft -= rows;
    if (this.#sampleLeft > 0) return;
    this.#sampleLeft = undefined;
    this.options.onSampled(this.#rowsRead);
  }

  #readBatch(batch: number): Promise<SourceBatch<unknown> | undefined> {
    const { source, processor } = this.options;
    const batchSize = Math.min(this.options.batchSize, this.#sampleLeft ?? Number.POSITIVE_INFINITY);
    const journaled = processor.journaledSize(batch, this.#rowsRead);
    if (journaled === undefined) return source.read(batchSize, MAX_BATCH_BYTES);
    return journaled.then((size) => source.read(size ?? batchSize, MAX_BATCH_BYTES));
  }

  /** Settles with the read, or when a pause comes first. */
  async #waitForRows<T>(reading: Promise<T>): Promise<T | typeof INTERRUPTED> {
    try {
      return await new Promise<T | typeof INTERRUPTED>((resolve, reject) => {
        this.#interruptWait = () => resolve(INTERRUPTED);
        reading.then(resolve, reject);
        this.#planWatch();
      });
    } finally {
      this.#interruptWait = undefined;
      this.#stopWatching?.();
      this.#stopWatching = undefined;
    }
  }

  /** Most reads settle within a turn of the event loop, and are never watched. */
  #planWatch(): void {
    if (this.#isWatchPlanned) return;
    this.#isWatchPlanned = true;
    platform.soon(() => {
      this.#isWatchPlanned = false;
      const interrupt = this.#interruptWait;
      if (interrupt !== undefined && this.#stopWatching === undefined)
        this.#stopWatching = this.#watchWait(interrupt);
    });
  }

  /** While the source does not answer. @returns stops watching. */
  #watchWait(interrupt: () => void): () => void {
    const { source, clock, maxWaitMs, whenPausing } = this.options;
    let stopTimer = () => {};
    const startTimer = () => {
      stopTimer = clock.setTimer(
        () => {
          startTimer();
          source.settleRead?.();
        },
        maxWaitMs,
        // A source that never answers must not hide that nothing else is left to do.
        { keepsProcessAlive: false },
      );
    };
    if (source.settleRead !== undefined) startTimer();
    const stopWatching = whenPausing(() => {
      // Rows that have arrived are part of the pause.
      source.settleRead?.();
      platform.soon(interrupt);
    });
    return () => {
      stopTimer();
      stopWatching();
    };
  }

  /** Extends the marker before a batch is processed: for several batches at once, as long as none is suspected. */
  #markBatch(batch: number): Promise<void> | undefined {
    const { marker, epoch, context } = this.options;
    if (marker === undefined || batch <= this.#markedUpTo) return undefined;
    const now = context();
    const mayMarkAhead = now?.suspects === null && now.settings.maxCrashes > 2;
    this.#markedUpTo = mayMarkAhead ? batch + Math.max(MARKED_AHEAD, now.settings.maxInFlight - 1) : batch;
    return marker.writeMarker(epoch, this.#markedUpTo);
  }

  #addBatch(batch: number, { rows, at }: EnqueuedBatch): void {
    if (
      this.#unreported !== undefined &&
      (this.#unreported.at !== at || this.#unreported.rows.length === MAX_GROUP)
    )
      this.#reportBatches(true);
    if (this.#unreported === undefined) {
      const group = { batch, at, rows: [] };
      this.#unreported = group;
      platform.soon(() => {
        if (this.#unreported === group) this.#reportBatches(true);
      });
    }
    this.#unreported.rows.push(rows);
  }

  /** @param more the read continues. */
  #reportBatches(more: boolean): void {
    const group = this.#unreported;
    this.#unreported = undefined;
    if (group !== undefined)
      this.options.send({ type: 'source.batches', ...group, ...(more ? { more } : {}) });
  }
}
