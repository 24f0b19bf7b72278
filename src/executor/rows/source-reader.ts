/**
 * Batches on their way in: from the source into the data plane, then told to the executor machine.
 *
 * 1. A read takes in no more batches than the machine asked for (I13), none once it is pausing (I16), and never two at once.
 * 2. Batches that come at once are told in one event; nobody waits for one that does not come.
 * 3. A batch is told to the witness before it is worked on.
 */
import { platform } from '#platform';
import type { ExecutorContext } from '../../../machines/context.js';
import type { ExecutorEvent, ReadRequest } from '../../../machines/executor-events.js';
import type { InFlightMarker } from '../../checkpoint/storages/in-flight-marker.js';
import { PoisonBatchError } from '../../errors.js';
import type { OpenSource } from '../../sources/source.js';
import type { PipelineDefinition } from '../definition.js';
import type { BatchProcessor } from './batch-processor.js';
import { MAX_GROUP } from './completion-batcher.js';

/** Bytes of source a batch at most, about. */
const MAX_BATCH_BYTES = 768 * 1024;

/** Batches told to the witness before they are taken in; as many as may be in flight where these are more. Suspecting some
 * too many costs little: they are told apart by working on them one at a time, before any is quarantined; which
 * is too late where the second death condemns. */
const NOTED_AHEAD = 31;

export interface SourceReaderOptions {
  readonly source: OpenSource<unknown>;
  readonly plane: BatchProcessor;
  readonly witness: InFlightMarker | undefined;
  readonly definition: PipelineDefinition;
  readonly epoch: number;
  /** Of the source, before the first batch. */
  readonly rowsBefore: number;
  readonly stages: number;
  readonly batchSize: number;
  /** Undefined once the run is over. */
  readonly context: () => ExecutorContext | undefined;
  readonly send: (event: ExecutorEvent) => void;
}

interface Arrived {
  readonly rows: number;
  /** The first stage that has to see it. */
  readonly at: number;
  readonly quarantined: boolean;
}

export class SourceReader {
  #rowsRead: number;
  /** The last batch that the witness knows of. */
  #noted = -1;
  /** Taken in and not told yet: consecutive batches for the same stage. */
  #told: { readonly batch: number; readonly at: number; readonly rows: number[] } | undefined;

  constructor(private readonly options: SourceReaderOptions) {
    this.#rowsRead = options.rowsBefore;
  }

  async readBatches({ batch: first, count, quarantined }: ReadRequest): Promise<void> {
    const { send, context } = this.options;
    for (let batch = first; ; batch++) {
      const arrived = await this.#takeIn(batch, quarantined);
      const now = context();
      if (now === undefined) return;
      if (arrived === undefined) {
        this.#tell(true);
        send({ type: 'source.end' });
        return;
      }
      if (arrived.quarantined) {
        send({ type: 'source.batches', batch, rows: [arrived.rows], at: arrived.at, quarantined: true });
        return;
      }
      this.#add(batch, arrived);
      if (batch + 1 < first + count && now.activity.goal === 'run') continue;
      this.#tell(false);
      return;
    }
  }

  async #takeIn(batch: number, quarantined: boolean): Promise<Arrived | undefined> {
    const { source, plane, definition, stages, batchSize } = this.options;
    const read = await source.read(batchSize, MAX_BATCH_BYTES);
    if (read === undefined) return undefined;
    await this.#note(batch);
    const rowOffset = this.#rowsRead;
    this.#rowsRead += read.size;
    const at = await plane.enqueueBatch(batch, rowOffset, read);
    // A batch whose work is all in the journal cannot have been what killed the process.
    if (!quarantined || at === stages) return { rows: read.size, at, quarantined: false };
    const { onPoison, maxCrashes } = definition;
    plane.quarantineBatch(batch, new PoisonBatchError(batch, rowOffset, read.size, maxCrashes), onPoison);
    return { rows: read.size, at: stages, quarantined: true };
  }

  /** Before a batch is worked on: for some batches at once, as long as no batch is suspected of anything. */
  async #note(batch: number): Promise<void> {
    const { witness, epoch, context } = this.options;
    if (witness === undefined || batch <= this.#noted) return;
    const now = context();
    const mayAhead = now?.suspects === null && now.settings.maxCrashes > 2;
    this.#noted = mayAhead ? batch + Math.max(NOTED_AHEAD, now.settings.maxInFlight - 1) : batch;
    await witness.writeMarker(epoch, this.#noted);
  }

  #add(batch: number, { rows, at }: Arrived): void {
    if (this.#told !== undefined && (this.#told.at !== at || this.#told.rows.length === MAX_GROUP))
      this.#tell(true);
    if (this.#told === undefined) {
      const group = { batch, at, rows: [] };
      this.#told = group;
      platform.soon(() => {
        if (this.#told === group) this.#tell(true);
      });
    }
    this.#told.rows.push(rows);
  }

  /** @param more the read goes on. */
  #tell(more: boolean): void {
    const group = this.#told;
    this.#told = undefined;
    if (group !== undefined)
      this.options.send({ type: 'source.batches', ...group, ...(more ? { more } : {}) });
  }
}
