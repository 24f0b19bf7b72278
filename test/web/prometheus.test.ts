/** Pins `prometheusText()`: names, types, labels and escapes of the exposition format, and the figures of the run's metrics. */
import { lastValueFrom } from 'rxjs';
import { expect, test } from 'vitest';
import { collect, defineStage, memoryStorage, PipelineExecutor, rows, StateManager } from 'xstate-pipeline';
import { prometheusText } from 'xstate-pipeline/web';

async function metrics() {
  const paid = defineStage({
    name: 'paid "one"',
    process: (batch: { n: number }[], context) => {
      context.spend({ usd: 0.25, calls: 1 });
      return batch;
    },
  });
  const executor = new PipelineExecutor([paid], new StateManager(memoryStorage()));
  const latest = lastValueFrom(executor.metrics$);
  const source = rows(Array.from({ length: 4 }, (_, n) => ({ n })));
  await executor.execute({ name: 'numbers', source, sink: collect(), options: { batchSize: 2 } });
  return latest;
}

test('the metrics of a run, with labels', async () => {
  const lines = prometheusText(await metrics(), { pipeline: 'a\\b\n', 'not a name': 'x' }).split('\n');
  expect(lines).toContain('# TYPE xstate_pipeline_rows_read_total counter');
  expect(lines).toContain('xstate_pipeline_rows_read_total{pipeline="a\\\\b\\n"} 4');
  expect(lines).toContain(
    'xstate_pipeline_stage_batches_total{pipeline="a\\\\b\\n",stage="paid \\"one\\""} 2',
  );
  expect(lines).toContain('xstate_pipeline_spent_total{pipeline="a\\\\b\\n",amount="usd"} 0.5');
  const sample = /^[a-z_]+\{[^}]*\} [0-9.e+-]+$/;
  for (const line of lines)
    expect(line === '' || line.startsWith('# ') || sample.test(line), line).toBe(true);
});

test('what a run has not is left out', async () => {
  const { spending: _, ...without } = await metrics();
  expect(prometheusText(without)).not.toContain('spent');
});
