/**
 * Takes one batch through fused stages in this thread: decodes it, processes it and, where no stage follows, encodes it, a
 * slice at a time.
 *
 * Slices make it fast: the rows of a slice are garbage before the collector runs, and they are still in the processor's
 * caches when they are encoded. A whole batch at once costs a tenth more, most of it in the collector.
 */
import type { MalformedRowError } from '../../errors.js';
import type { EncodedRows } from '../../sinks/sink.js';
import type { SourceBatch } from '../../sources/source.js';
import type { StageContext } from '../../stages/stage.js';
import type { FusedStageCounters, FusedStages } from './fuse.js';

/** About 64 KB of text, with rows of the usual size. */
const SLICE_ROWS = 384;

export interface FusedBatchTask {
  readonly fused: FusedStages;
  readonly decode: SourceBatch<unknown>['decode'];
  /** The context of the stage at this place among the fused stages. */
  readonly contextOf: (place: number) => StageContext;
  /** Encodes the rows out; undefined: keep them as rows. */
  readonly encode: ((rows: readonly unknown[], firstIndex: number) => EncodedRows) | undefined;
}

export interface FusedBatchResult {
  /** Of the stages that processed the batch, in order. If the last of them ended the batch by a failure, no row came out. */
  readonly counters: readonly FusedStageCounters[];
  readonly malformed: readonly MalformedRowError[];
  /** The stage after `counters` is asynchronous; its function was called for the first row out, and returned this. */
  readonly firstAnswer: PromiseLike<unknown> | undefined;
  /** The rows out; encoded where a task asked for that, unless `firstAnswer` is set. */
  readonly out: { readonly rows: readonly unknown[] } | { readonly encoded: readonly EncodedRows[] };
}

/** @throws the signal's reason when the attempt is aborted, and what `encode` throws. */
export function runFusedBatch({ fused, decode, contextOf, encode }: FusedBatchTask): FusedBatchResult {
  const batch = fused.beginBatch(contextOf);
  const malformed: MalformedRowError[] = [];
  const encoded: EncodedRows[] = [];
  const rows: unknown[] = [];
  let rowsOut = 0;
  let slice: unknown[] = [];
  const processSlice = () => {
    const out = batch.processRows(slice);
    slice = [];
    if (batch.hasEnded || out.length === 0) return;
    if (encode === undefined || batch.firstAnswer !== undefined) {
      if (batch.stages.length > 0) batch.refusePromises(out, rowsOut);
      for (const row of out) rows.push(row);
    } else {
      try {
        encoded.push(encode(out, rowsOut));
      } catch (error) {
        // Encoders find promises; the stage's name is known here.
        batch.refusePromises(out, rowsOut);
        throw error;
      }
    }
    rowsOut += out.length;
  };
  decode(
    (row) => {
      if (batch.hasEnded) return;
      slice.push(row);
      if (slice.length === SLICE_ROWS) processSlice();
    },
    (error) => malformed.push(error),
  );
  // Also where no row is left: an empty batch goes through all stages like any other.
  if (!batch.hasEnded) processSlice();
  const { stages: counters, firstAnswer } = batch;
  const isRows = encode === undefined || firstAnswer !== undefined;
  return { counters, malformed, firstAnswer, out: isRows ? { rows } : { encoded } };
}
