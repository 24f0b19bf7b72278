/**
 * A process to be killed: it copies a file, delivers the copy, and resumes the session that is there. Each delivery appends what it
 * found to a ledger. Prints a line for every event, and two in the delivery.
 */
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { defineStage, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

const { folder } = JSON.parse(String(process.argv[2]));
const print = (/** @type {string} */ line) => void writeSync(1, `${line}\n`);

const copy = defineStage({
  name: 'copy',
  durable: true,
  process: async (/** @type {object[]} */ rows) => rows,
});
await pipeline('delivered', {
  ...{ batchSize: 16, checkpointInterval: 32, maxCrashes: 1_000 },
  deliver: async ({ path, sessionId }) => {
    print('delivering');
    appendFileSync(
      `${folder}/deliveries`,
      `${JSON.stringify({ sessionId, text: readFileSync(path, 'utf8') })}\n`,
    );
    print('delivered');
    await new Promise((resolve) => setImmediate(resolve));
  },
})
  .from(jsonl(`${folder}/in.jsonl`))
  .pipe(copy)
  .to(jsonl(`${folder}/out.jsonl`))
  .run({
    ...{ stateDir: `${folder}/state`, resume: 'last-or-new' },
    observers: [{ next: (event) => print(event.type) }],
  });
