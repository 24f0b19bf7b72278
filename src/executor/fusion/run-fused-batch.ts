/**
 * One batch through the stages that share a pass, in this thread: decoded, worked on and, where nothing comes after,
 * encoded, a slice at a time.
 *
 * Slices are what keeps it fast: rows of a slice are gone before the collector looks, and the processor's caches still
 * hold them when they are encoded. A whole batch at once costs a tenth more, most of it in the collector.
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
  /** The context of the stage at this place in the chain. */
  readonly contextOf: (place: number) => StageContext;
  /** Where the rows go after the pass; undefined: there are stages after it. */
  readonly encode: ((rows: readonly unknown[], firstIndex: number) => EncodedRows) | undefined;
}

export interface FusedBatchResult {
  /** In the order of the stages. One that ended the pass by a failure is the last of them; nothing came out then. */
  readonly parts: readonly FusedStageCounters[];
  readonly malformed: readonly MalformedRowError[];
  /** The stage after `parts` answers with promises: the pass has ended before it. */
  readonly isAsynchronous: boolean;
  /** What came out: encoded, where the pass was to do so and has not ended early. */
  readonly out: { readonly rows: readonly unknown[] } | { readonly encoded: readonly EncodedRows[] };
}

/** @throws the signal's reason when the attempt is aborted, and what `encode` throws. */
export function runFusedBatch({ fused, decode, contextOf, encode }: FusedBatchTask): FusedBatchResult {
  const pass = fused.beginBatch(contextOf);
  const malformed: MalformedRowError[] = [];
  const encoded: EncodedRows[] = [];
  const rows: unknown[] = [];
  let rowsOut = 0;
  let slice: unknown[] = [];
  const work = () => {
    const out = pass.processRows(slice);
    slice = [];
    if (pass.hasEnded || out.length === 0) return;
    if (encode === undefined || pass.isAsynchronous) for (const row of out) rows.push(row);
    else encoded.push(encode(out, rowsOut));
    rowsOut += out.length;
  };
  decode(
    (row) => {
      if (pass.hasEnded) return;
      slice.push(row);
      if (slice.length === SLICE_ROWS) work();
    },
    (error) => malformed.push(error),
  );
  // Also where no row is left: an empty batch goes through all stages like any other.
  if (!pass.hasEnded) work();
  const { stages: parts, isAsynchronous } = pass;
  return {
    parts,
    malformed,
    isAsynchronous,
    out: encode === undefined || isAsynchronous ? { rows } : { encoded },
  };
}
