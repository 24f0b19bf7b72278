/** I20, I26: the record of a call is used only for the very rows that the call received. */
import { expect, test } from 'vitest';
import { collect, defineStage, map, memoryStorage, pipeline, rows, StateManager } from 'xstate-pipeline';
import { numbers, type Row } from '../../../support/runs.js';

test('a stage before it gives other rows in another process: the calls are made again', async () => {
  const stateManager = new StateManager(memoryStorage());
  const made: string[] = [];
  const sink = collect<Row & { salt: string }>();
  const run = (salt: string, failsAt: number | undefined, resume?: 'last') =>
    pipeline('salted', { batchSize: 6 })
      .from(rows(numbers(6)))
      .pipe(map('salt', (row: Row) => ({ ...row, salt })))
      .pipe(
        defineStage({
          name: 'paid',
          durable: true,
          rowsPerCall: 2,
          process: async (batch: (Row & { salt: string })[]) => {
            if (batch[0]?.n === failsAt) throw new Error('no answer');
            made.push(...batch.map((row) => `${row.salt}${row.n}`));
            return batch;
          },
        }),
      )
      .to(sink)
      .run({ stateManager, ...(resume && { resume }) });
  await expect(run('a', 4)).rejects.toThrow('no answer');
  expect(made).toEqual(['a0', 'a1', 'a2', 'a3']);
  await run('b', undefined, 'last');
  expect(made.slice(4)).toEqual(['b0', 'b1', 'b2', 'b3', 'b4', 'b5']);
  expect(sink.rows.map(({ n, salt }) => `${salt}${n}`)).toEqual(made.slice(4));
});
