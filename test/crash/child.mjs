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

const executor = new PipelineExecutor(
  made,
  new StateManager(lowdbStorage(state), { checkpointInterval: 200 }),
  [{ next: (event) => writeSync(1, `${JSON.stringify(event)}\n`) }],
);
const pipeline = {
  name: 'killed',
  source: jsonl(input),
  sink: jsonl(output),
  options: { batchSize, maxDeaths: 1_000 },
};
await (sessionId === null ? executor.execute(pipeline) : executor.resume(sessionId, pipeline));
