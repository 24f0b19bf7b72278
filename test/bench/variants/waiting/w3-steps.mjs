/**
 * W3: the same functions for every system: batches through three steps, each result durable before the next step sees it.
 * The clock starts when the work may start and stops at the last result.
 */

export const STEPS = 3;

/** @typedef {{ id: number, [field: string]: string | number }} Row */

/**
 * The rows of one batch: one tiny row, or rows of about 160 bytes.
 * @param {number} batch
 * @param {number} rows
 * @returns {Row[]}
 */
export function batchRows(batch, rows) {
  if (rows === 1) return [{ id: batch }];
  return Array.from({ length: rows }, (_, i) => {
    const id = batch * rows + i;
    const name = `customer ${(Math.imul(id + 1, 0x9e3779b1) >>> 0).toString(36)}`;
    const text = 'a sentence that is as long as what people write into such fields, more or less';
    return { id, name, text, amount: (id * 37) % 1_000, at: '2026-01-02T03:04:05Z' };
  });
}

/**
 * One step: a field more on each row.
 * @param {number} step from 1
 * @param {readonly Row[]} rows
 * @returns {Row[]}
 */
export function perform(step, rows) {
  return rows.map((row) => ({ ...row, [`s${step}`]: (row.id * 31 + step) % 97 }));
}

/**
 * What was promised was done: every batch arrived, and passed all steps.
 * @param {ReadonlyMap<number, readonly Row[]>} results
 * @param {number} batches
 */
export function check(results, batches) {
  for (let batch = 0; batch < batches; batch++) {
    const row = results.get(batch)?.[0];
    if (row === undefined) throw new Error(`batch ${batch} of ${batches} is missing`);
    for (let step = 1; step <= STEPS; step++) {
      if (row[`s${step}`] !== (row.id * 31 + step) % 97)
        throw new Error(`batch ${batch} has not been through ${step}`);
    }
  }
}

/** Clock and figures. @param {number} batches */
export function stepClock(batches) {
  const before = performance.now();
  const cpuBefore = process.cpuUsage();
  return () => {
    const seconds = (performance.now() - before) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { seconds, cpuSeconds: (user + system) / 1e6, stepsPerSecond: (batches * STEPS) / seconds };
  };
}

/**
 * For systems that are given one workflow after the other: `concurrency` at a time.
 * @param {number} batches
 * @param {number} concurrency
 * @param {(batch: number) => Promise<void>} work
 */
export async function inLanes(batches, concurrency, work) {
  let next = 0;
  const lane = async () => {
    while (next < batches) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}
