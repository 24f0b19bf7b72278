/** The lives of batches in a part of a recording, as data. */

export type SpanKind = 'queued' | 'running' | 'permit' | 'backoff' | 'held' | 'ready' | 'written';

/** `cut`: the part of the recording begins or ends in it. */
export type SpanEnd = 'done' | 'failed' | 'lost' | 'killed' | 'cut';

/** A batch in one state. Times in milliseconds since the epoch. */
export interface LifeSpan {
  /** Index of the stage; the number of stages: the sink. */
  readonly stage: number;
  readonly kind: SpanKind;
  readonly from: number;
  readonly to: number;
  /** From 1; 0: none. */
  readonly attempt: number;
  readonly end: SpanEnd;
  /** For display: the limiter, or the error. */
  readonly note: string;
  /** Index of the record that began it. */
  readonly index: number;
}

export interface BatchLife {
  readonly batch: number;
  /** In the source. */
  readonly rows: number;
  readonly spans: readonly LifeSpan[];
  /** When its output was durable in the journal, by stage. */
  readonly journaled: readonly (readonly [stage: number, at: number])[];
  /** Null: not in this part. */
  readonly committedAt: number | null;
}

export interface BatchLives {
  /** Indices of the first and the last record. */
  readonly from: number;
  readonly to: number;
  readonly fromAt: number;
  readonly toAt: number;
  readonly stages: readonly string[];
  /** By first appearance. */
  readonly lives: readonly BatchLife[];
  /** The asked part was larger: its beginning is left out. */
  readonly isCut: boolean;
}
