/** W2: how long the stage waits for each batch, the same in every variant, and the share of busy slots. */
import { createHash } from 'node:crypto';

/**
 * Milliseconds.
 * @param {'constant' | 'varying'} kind
 * @param {number} batch
 */
export function waitOf(kind, batch) {
  return kind === 'constant' ? 20 : 5 + ((Math.imul(batch + 1, 0x9e3779b1) >>> 0) % 31);
}

/**
 * The stage: waits, then answers with the batch's number.
 * @param {'constant' | 'varying'} kind
 * @param {number} batch
 * @returns {Promise<number>}
 */
export function wait(kind, batch) {
  return new Promise((done) => setTimeout(done, waitOf(kind, batch), batch));
}

/**
 * The share of the slots that was waiting, of all that there were: 1 is the ideal. `order` must come out in order.
 * @param {{ waits: 'constant' | 'varying', batches: number, concurrency: number }} params
 * @param {number} seconds
 * @param {readonly number[]} order
 */
export function slotFigures({ waits, batches, concurrency }, seconds, order) {
  let waited = 0;
  for (let batch = 0; batch < batches; batch++) waited += waitOf(waits, batch);
  const slotsUsed = waited / 1000 / concurrency / seconds;
  return { seconds, slotsUsed, hash: createHash('sha256').update(order.join()).digest('hex').slice(0, 16) };
}

/** @typedef {{ waits: 'constant' | 'varying', batches: number, concurrency: number, dir: string }} WaitParams */
