/**
 * A process to be killed. It runs or resumes one session, prints every event on standard output, and first records every
 * invocation of a durable stage in a ledger outside the state directory.
 */
import { appendFileSync, writeSync } from 'node:fs';
import { defineStage, map, PipelineExecutor, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage, nodeFileSystem } from 'xstate-pipeline/node';

const { input, output, isSplit, killAt, state, ledger, sessionId, batchSize, stages, options } = JSON.parse(
  String(process.argv[2]),
);

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

/** Kills this process before its nth operation on an output. */
let operations = 0;
const killing = Object.fromEntries(
  Object.entries(nodeFileSystem).map(([name, operation]) => [
    name,
    (/** @type {any[]} */ ...args) => {
      if (String(args[0]).includes('/out') && ++operations === killAt) process.kill(process.pid, 'SIGKILL');
      return /** @type {any} */ (operation)(...args);
    },
  ]),
);

const executor = new PipelineExecutor(
  made,
  new StateManager(lowdbStorage(state), { checkpointInterval: 200 }),
  [{ next: (event) => print(JSON.stringify(event)) }],
  killAt === undefined ? {} : { fileSystem: /** @type {any} */ (killing) },
);
const pipeline = {
  name: 'killed',
  source: jsonl(input),
  sink: isSplit
    ? jsonl(output, {
        key: (/** @type {any} */ { n }) => ['DE', 'de', '../x'][n % 3] ?? '',
        maxBytes: 20_000,
      })
    : jsonl(output),
  options: { batchSize, maxCrashes: 1_000 },
};
await (sessionId === null ? executor.execute(pipeline) : executor.resume(sessionId, pipeline, options));
