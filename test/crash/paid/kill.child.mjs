/**
 * A process to be killed: it asks a service that charges about each row, and resumes the session that is there. Prints every durable
 * batch and, at its end, what the session has spent.
 */
import { writeSync } from 'node:fs';
import { defineStage, pipeline, rows } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

const { url, count, rowsPerCall, concurrency, folder } = JSON.parse(String(process.argv[2]));

const paid = defineStage({
  ...{ name: 'paid', durable: true, rowsPerCall, concurrency, estimate: { usd: 0.01 } },
  /** @param {{ n: number }[]} batch */
  process: async (batch, { idempotencyKey, spend, signal }) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'idempotency-key': idempotencyKey },
      body: JSON.stringify(batch),
      signal,
    });
    spend({ usd: 0.01 });
    return /** @type {Promise<{ n: number, double: number }[]>} */ (response.json());
  },
});
const result = await pipeline('paid', {
  ...{ batchSize: 20, checkpointInterval: 60, maxCrashes: 1_000, budget: { usd: 100 } },
})
  .from(rows(() => Array.from({ length: count }, (_, n) => ({ n }))))
  .pipe(paid)
  .to(jsonl(`${folder}/out.jsonl`))
  .run({
    ...{ stateDir: `${folder}/state`, resume: 'last-or-new' },
    observers: [
      {
        next(event) {
          if (event.type === 'batch.completed' && event.durable) writeSync(1, `durable ${event.batch}\n`);
        },
      },
    ],
  });
writeSync(1, `spent ${JSON.stringify(result.metrics.spending)}\n`);
