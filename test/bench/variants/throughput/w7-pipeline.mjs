/** W7: W1 while it is observed in several ways. */
import { createWriteStream } from 'node:fs';
import { jsonLines } from 'xstate-pipeline';
import { run as runW1 } from '../orders/orders-pipeline.mjs';

/** @typedef {import('xstate-pipeline').PipelineObserver} PipelineObserver */

/** @param {{ input: string, output: string, dir: string, how: 'none' | 'five' | 'json' | 'record' }} params */
export async function run({ input, output, dir, how }) {
  let received = 0;
  /** @type {PipelineObserver} */
  const counts = {
    next() {
      received += 1;
    },
  };
  const log = how === 'json' ? createWriteStream(`${dir}/events.jsonl`) : undefined;
  /** @type {PipelineObserver[]} */
  const observers = how === 'five' ? Array.from({ length: 5 }, () => ({ ...counts })) : [];
  if (log) observers.push(jsonLines(log));
  await runW1({ input, output, dir }, { observers, record: how === 'record' });
  if (log) await new Promise((done) => log.end(done));
  return { events: received };
}
