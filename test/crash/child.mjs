/**
 * A process to be killed: runs or resumes one session, tells every event on standard output, and writes every invocation of
 * a durable stage into a ledger outside the state directory before it does anything else.
 */
import { appendFileSync, writeSync } from 'node:fs';
import { defineStage, map, PipelineExecutor, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage } from 'xstate-pipeline/node';

const { input, output, state, ledger, sessionId, batchSize, stages } = JSON.parse(String(process.argv[2]));

/** @type {{ name: string, durable: boolean, concurrency: number }[]} */
const specs = stages;
const made = specs.map(({ name, durable, concurrency }) =>
  concurrency === 0
    ? map(name, (row) => ({ ...row, [name]: `${row.text} ${name}` }))
    : defineStage({
        name,
        durable,
        concurrency,
        async process(rows, { batch, idempotencyKey }) {
          if (durable) appendFileSync(ledger, `${process.pid} ${name} ${batch.index} ${idempotencyKey}\n`);
          await new Promise((resolve) => setImmediate(resolve));
          return rows.map((row) => ({ ...row, [name]: row.n * 2 }));
        },
      }),
);

/**
 * At once and whole: what was told before a kill is told, and a pipe whose reader is busy is waited for.
 * @param {string} line
 */
function tell(line) {
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
  made,
  new StateManager(lowdbStorage(state), { checkpointInterval: 200 }),
  [{ next: (event) => tell(JSON.stringify(event)) }],
);
const pipeline = {
  name: 'killed',
  source: jsonl(input),
  sink: jsonl(output),
  options: { batchSize, maxDeaths: 1_000 },
};
await (sessionId === null ? executor.execute(pipeline) : executor.resume(sessionId, pipeline));
