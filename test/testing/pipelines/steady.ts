/** A pipeline for `crashTest`, as a user writes it: TypeScript, files, a durable and a plain stage. */
import { defineStage, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

interface Row {
  readonly n: number;
}

const paid = defineStage({
  name: 'paid',
  durable: true,
  concurrency: 2,
  process: async (rows: Row[]) => rows.map(({ n }) => ({ n, paid: true })),
});

export default pipeline('steady', { batchSize: 2, checkpointInterval: 4 })
  .from(jsonl<Row>('in.jsonl'))
  .pipe(paid)
  .pipe(map('last', (row: Row) => ({ ...row, n: row.n + 1 })))
  .to(jsonl('out.jsonl'));
