/** `tee()`: several sinks in the forms in which a user gives them. */
import type { ReadableSink } from '../../sinks/sink.js';
import { teeSink } from '../../sinks/tee.js';
import { type SinkLike, toSink } from './endpoints.js';

/**
 * Writes every row to several sinks, 2 to 5: a file and a table, for example. They are committed together, so that after any crash none
 * is ahead of another, and published one after the other. `result.data` reads the first.
 * @throws {InvalidOptionError} for two sinks of the same target.
 * @example
 * pipeline('orders').from(csv('orders.csv')).to(tee(jsonl('orders.jsonl'), table({ client, name: 'orders' })))
 */
export function tee<T>(...sinks: readonly SinkLike<T>[]): ReadableSink<T> {
  return teeSink(sinks.map((sink) => toSink(sink)));
}
