/** I27: a pause by itself is stored and read back, however long the error was that caused it. */
import { expect, test } from 'vitest';
import { collect, defineStage, memoryStorage, pipeline, rows, StateManager } from 'xstate-pipeline';
import { numbers, type Row } from '../../../support/runs.js';

test.each([299, 300, 301, 100_000])('an error of %i characters', async (length) => {
  const stateManager = new StateManager(memoryStorage());
  const sink = collect<Row>();
  const run = (isEmpty: boolean, resume?: 'last') =>
    pipeline('long', { batchSize: 5 })
      .from(rows(numbers(10)))
      .pipe(
        defineStage({
          name: 'ask',
          retry: { when: () => 'pause' },
          process: async (batch: Row[]) => {
            if (isEmpty) throw new Error('x'.repeat(length));
            return batch;
          },
        }),
      )
      .to(sink)
      .run({ stateManager, ...(resume && { resume }) });
  const paused = run(true);
  await expect(paused).rejects.toMatchObject({ code: 'PAUSED' });
  const [newest] = await stateManager.newestCheckpoints(1);
  expect(newest?.state).toBe('PAUSED');
  const { checkpoint } = await stateManager.loadCheckpoint(newest?.sessionId ?? '');
  const { context } = checkpoint.snapshot as { context: { pauseReason: { message: string } } };
  expect(context.pauseReason.message.length).toBeLessThanOrEqual(300);
  await run(false, 'last');
  expect(sink.rows).toEqual(numbers(10));
});
