import { anything, callable, optional, options, readOption, readOptions } from '../../formats/shape.js';
import type { BatchStage } from '../../stages/stage.js';
import { type KeyedOptions, keyedStage } from './keyed-stage.js';

const DISTINCT = options({ version: optional(anything), onError: optional(anything) });

const nothing = (): null => null;

/**
 * Passes the first row of each key, over the whole session, and leaves out the others.
 *
 * The rows reach it in source order, one batch at a time. The keys are stored beside the checkpoint with every commit, and kept in
 * memory, too: about 100 bytes a key.
 * @param name as of any stage: unique within its pipeline.
 * @param key of a row: a text, a number, or another JSON value.
 * @throws {InvalidOptionError}
 * @example
 * distinct('once', (order: Order) => order.id)
 */
export function distinct<T>(name: string, key: (row: T) => unknown, given?: KeyedOptions): BatchStage<T, T>;
export function distinct(
  name: string,
  key: (row: unknown) => unknown,
  given?: KeyedOptions,
): BatchStage<unknown, unknown> {
  const of = `Stage "${name}"`;
  readOption(of, 'key', callable, key);
  const functions = { key, init: nothing, step: nothing, result: nothing, to: undefined };
  return keyedStage(name, { kind: 'distinct', ...functions }, readOptions(of, DISTINCT, given));
}
