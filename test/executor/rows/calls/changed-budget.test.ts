/** Budgets that are raised: by the executor's own resume, by that of a stored session, of a session and of one stage (I21). */
import { describe, expect, test } from 'vitest';
import { defineStage, map, PipelineExecutor, rows } from 'xstate-pipeline';
import { harness, numbers, type Row } from '../../../support/runs.js';

/** A stage that pays a cent for each call over two rows. */
const paid = (made: number[], answer: (first: number) => void = () => {}) =>
  defineStage({
    ...{ name: 'paid', durable: true, rowsPerCall: 2, estimate: { usd: 0.01 } },
    process: async (batch: Row[], { spend }) => {
      const first = batch[0]?.n ?? 0;
      made.push(first);
      spend({ usd: 0.01 });
      answer(first);
      return batch;
    },
  });

const paused = async (h: ReturnType<typeof harness>) => {
  const event = h.event('pipeline.paused');
  void h.start();
  return (await event) as Extract<Awaited<typeof event>, { type: 'pipeline.paused' }>;
};

describe('a budget', () => {
  test.each([
    ['of the session', { usd: 0.1 }, { usd: 0.2 }],
    ['of a stage', { stages: { paid: { usd: 0.1 } } }, { stages: { paid: { usd: 0.2 } } }],
  ])('%s is raised by the resume of the executor that has paused', async (_, budget, more) => {
    const made: number[] = [];
    const h = harness([paid(made)], { count: 40, pipeline: { budget } });
    expect((await paused(h)).reason?.message).toContain('$0.1000');
    expect(made).toHaveLength(10);
    const result = await h.executor.resume(undefined, undefined, { budget: more });
    expect(result.metrics.spending?.certain.usd).toBe(0.2);
    expect(made).toHaveLength(20);
  });

  test('is raised by the resume of a run that has failed, and of a stored session', async () => {
    for (const isStored of [false, true]) {
      const made: number[] = [];
      const answer = (first: number) => {
        if (first === 6 && made.length < 5) throw new Error('refused');
      };
      const stage = paid(made, answer);
      const h = harness([stage], { count: 40, pipeline: { budget: { usd: 0.1 } } });
      await expect(h.start()).rejects.toThrow('refused');
      const id = h.executor.sessionId ?? '';
      const options = { budget: { usd: 1 } };
      const again = isStored ? new PipelineExecutor([stage], h.stateManager) : h.executor;
      const result = await again.resume(id, { source: rows(numbers(40)), sink: h.sink }, options);
      expect(result.metrics.spending?.certain.usd).toBe(0.21);
    }
  });

  test('that names no stage of the pipeline, or whose calls are not counted, is refused', async () => {
    const made: number[] = [];
    const refuses = (budget: object) =>
      expect(harness([paid(made)], { pipeline: { budget } }).start()).rejects;
    await refuses({ stages: { unpaid: { usd: 1 } } }).toThrow(
      'The budget names a stage "unpaid", which the pipeline has not. Its stages: paid.',
    );
    await refuses({ stages: { paid: { euros: 1 } } }).toThrow('unknown option "euros" in budget.stages.paid');
    const h = harness([paid(made), map('free', (row: Row) => row)], {
      count: 40,
      pipeline: { budget: { usd: 0.1 } },
    });
    await paused(h);
    const uncounted = h.executor.resume(undefined, undefined, { budget: { stages: { free: { calls: 5 } } } });
    await expect(uncounted).rejects.toThrow('The calls of stage "free" are not counted in this process.');
    expect(h.executor.state).toBe('PAUSED');
    await h.executor.cancel();
  });
});
