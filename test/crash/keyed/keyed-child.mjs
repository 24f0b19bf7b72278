/** A process to be killed. It runs or resumes a session with `distinct` and `fold`, and prints every event on standard output. */
import { writeSync } from 'node:fs';
import { defineStage, distinct, fold, PipelineExecutor, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage } from 'xstate-pipeline/node';

const { folder, output, results, sessionId, isPaid } = JSON.parse(String(process.argv[2]));

const late = defineStage({
  name: 'late',
  concurrency: 4,
  async process(rows, { batch: { index } }) {
    for (let i = index % 4; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    return rows;
  },
});
const once = distinct('once', ({ id }) => id);
const paid = defineStage({ name: 'paid', durable: isPaid, concurrency: 4, process: async (rows) => rows });
const totals = fold('totals', {
  key: ({ id }) => id % 50,
  init: () => ({ rows: 0, sum: 0, last: -1 }),
  step: (total, { n }) => ({ rows: total.rows + 1, sum: total.sum + n, last: n }),
  to: jsonl(results),
});

/**
 * Writes synchronously: a kill loses no earlier line, and a full pipe is waited for.
 * @param {string} line
 */
function print(line) {
  let rest = Buffer.from(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== 'EAGAIN') throw error;
    }
  }
}

const executor = new PipelineExecutor(
  [late, once, paid, totals],
  new StateManager(lowdbStorage(`${folder}/state`), { checkpointInterval: 200 }),
  [{ next: (event) => print(JSON.stringify(event)) }],
);
const pipeline = {
  name: 'keyed',
  source: jsonl(`${folder}/in.jsonl`),
  sink: jsonl(output),
  options: { batchSize: 50, maxCrashes: 1_000 },
};
await (sessionId === null ? executor.execute(pipeline) : executor.resume(sessionId, pipeline));
