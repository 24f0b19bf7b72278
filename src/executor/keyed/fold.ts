import { anything, callable, optional, options, readOptions, withDefault } from '../../formats/shape.js';
import type { BatchStage } from '../../stages/stage.js';
import { type SinkLike, toSink } from '../endpoints/endpoints.js';
import { type KeyedOptions, keyedStage } from './keyed-stage.js';

/** A row of the results of a fold, unless `result` makes another. */
export interface FoldedRow<K, S> {
  readonly key: K;
  readonly value: S;
}

/** Options of `fold`. `T`: rows. `K`: keys. `S`: states. `R`: rows of the results. */
export interface FoldOptions<T, K, S, R> extends KeyedOptions {
  /** The key of a row: a text, a number, or another JSON value. Default: all rows share one state, of the key `null`. */
  readonly key?: (row: T) => K;
  /** The state of a new key: a JSON value. */
  readonly init: (key: K) => S;
  /** The state after a row: a JSON value. It must depend on its arguments alone, and must not change the row. It is synchronous. */
  readonly step: (state: S, row: T) => S;
  /** Makes a row of the results. Default: `{ key, value }`. */
  readonly result?: (value: S, key: K) => R;
  /** Where the results go, a row for each key in the order of their first rows. They are published just before the output. */
  readonly to: SinkLike<R>;
}

const FOLD = options({
  key: optional(callable),
  init: callable,
  step: callable,
  result: optional(callable),
  to: withDefault(anything, undefined),
  version: optional(anything),
  onError: optional(anything),
});

/**
 * An aggregate by key over the whole session: totals, counts, latest values. All rows pass on unchanged.
 *
 * The rows reach it in source order, one batch at a time. Its state is stored beside the checkpoint with every commit, so that it is
 * right after every crash and resume; it is kept in memory, too, as JSON. Rows that an earlier stage lost are not counted.
 * @param name as of any stage: unique within its pipeline.
 * @throws {InvalidOptionError}
 * @example
 * fold('totals', {
 *   key: (order: Order) => order.country,
 *   init: () => ({ orders: 0, amount: 0 }),
 *   step: (total, order) => ({ orders: total.orders + 1, amount: total.amount + order.amount }),
 *   to: jsonl('totals.jsonl'),
 * })
 */
export function fold<T, S, K = null, R = FoldedRow<K, S>>(
  name: string,
  given: FoldOptions<T, K, S, R>,
): BatchStage<T, T>;
export function fold(name: string, given: unknown): BatchStage<unknown, unknown> {
  const { key, init, step, result, to, ...rest } = readOptions(`Stage "${name}"`, FOLD, given);
  const sink = toSink(to as SinkLike<unknown>);
  return keyedStage(
    name,
    {
      kind: 'fold',
      key: (row) => (key === undefined ? null : key(row)),
      init: (of) => init(of),
      step: (state, row) => step(state, row),
      result: (value, of) => (result === undefined ? { key: of, value } : result(value, of)),
      to: sink,
    },
    rest,
  );
}
