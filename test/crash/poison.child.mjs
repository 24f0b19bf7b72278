/** A process with a stage that kills it at one row, like a native crash or running out of memory. */
import { writeSync } from 'node:fs';
import { defineStage, map, PipelineExecutor, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage } from 'xstate-pipeline/node';

const { input, output, state, sessionId, poisonRow, concurrency, onPoison } = JSON.parse(
  String(process.argv[2]),
);
const stages = [
  map('tidy', (row) => ({ n: row.n })),
  defineStage({
    name: 'poisoned',
    concurrency,
    process: async (rows, { attempt, batch }) => {
      if (rows.some((row) => row.n === poisonRow)) {
        writeSync(1, `${JSON.stringify({ type: 'crash', attempt, batch: batch.index })}\n`);
        process.kill(process.pid, 'SIGKILL');
        await new Promise(() => {});
      }
      return rows;
    },
  }),
];
const stateManager = new StateManager(lowdbStorage(state), { checkpointInterval: 20 });
const executor = new PipelineExecutor(stages, stateManager, [
  { next: (event) => writeSync(1, `${JSON.stringify(event)}\n`) },
]);
const pipeline = {
  name: 'poison',
  source: jsonl(input),
  sink: jsonl(output),
  options: { batchSize: 10, onPoison },
};
const result = await (sessionId === null
  ? executor.execute(pipeline)
  : executor.resume(sessionId, pipeline)
).catch((error) => ({ error: { code: error.code, message: error.message } }));
writeSync(1, `${JSON.stringify({ type: 'result', ...result })}\n`);
