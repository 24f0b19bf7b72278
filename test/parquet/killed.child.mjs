/** A process to be killed: it writes a Parquet file, and resumes the session that is there. Prints a line for each event. */
import { writeSync } from 'node:fs';
import { defineStage, pipeline } from 'xstate-pipeline';
import { parquet } from 'xstate-pipeline/parquet';

const { folder } = JSON.parse(String(process.argv[2]));

const double = defineStage({
  name: 'double',
  durable: true,
  process: async (/** @type {{ id: number }[]} */ rows) => rows.map(({ id }) => ({ id, double: id * 2 })),
});
/** @type {import('xstate-pipeline/parquet').ParquetEndpoint<{ id: number }>} */
const input = parquet(`${folder}/in.parquet`, { columns: ['id'] });
await pipeline('parquet', { batchSize: 16, checkpointInterval: 32, maxCrashes: 1_000 })
  .from(input)
  .pipe(double)
  .to(parquet(`${folder}/out.parquet`, { columns: { id: 'int64', double: 'double' }, rowGroupRows: 40 }))
  .run({
    ...{ stateDir: `${folder}/state`, resume: 'last-or-new' },
    observers: [{ next: (event) => void writeSync(1, `${event.type}\n`) }],
  });
