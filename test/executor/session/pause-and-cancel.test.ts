/** What `pause` and `cancel` promise while a run is in full swing: I16, I17. */
import { describe, expect, test } from 'vitest';
import { defineStage, map, PipelineCancelledError, rows } from 'xstate-pipeline';
import { manualClock } from '../../../src/testing/manual-clock.js';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

describe('I16: pause is a receipt', () => {
  test('what is in flight is finished, committed and covered by a checkpoint', async () => {
    const door = gate();
    const stage = defineStage({
      name: 's',
      concurrency: 2,
      process: async (batch: Row[]) => {
        await door.opened;
        return batch;
      },
    });
    const h = harness([stage], { pipeline: { maxInFlight: 3 } });
    const started = h.event('batch.started');
    const run = h.start();
    await started;
    const pausing = h.executor.pause();
    expect(h.executor.state).toBe('EXECUTING');
    door.open();
    const receipt = await pausing;
    expect(h.executor.state).toBe('PAUSED');
    expect(receipt).toMatchObject({
      sessionId: h.executor.sessionId,
      sinkPosition: { rows: receipt.rowsOut },
    });
    expect(receipt.rowsOut).toBe(h.sink.rows.length);
    const { checkpoint } = await h.stateManager.loadCheckpoint(receipt.sessionId);
    expect(checkpoint.state).toBe('PAUSED');
    expect(checkpoint.snapshot).toMatchObject({ context: { flushed: { batches: receipt.batches } } });
    h.executor.resume().catch(() => {});
    await run;
    expect(h.sink.rows).toEqual(numbers(100));
  });

  test('pausing twice gives the same receipt', async () => {
    const h = harness([map('s', (row: Row) => row)], { count: 5000 });
    const started = h.event('batch.started');
    h.start();
    await started;
    const [a, b] = await Promise.all([h.executor.pause(), h.executor.pause()]);
    expect(a).toEqual(b);
  });
});

describe('I17: cancel is immediate', () => {
  test('signals are aborted, nothing is waited for, the session can be resumed', async () => {
    const aborted: unknown[] = [];
    const stage = defineStage({
      name: 'stuck',
      concurrency: 2,
      process: (batch: Row[], { signal, batch: { index } }): Promise<Row[]> | Row[] => {
        if (index < 3) return batch;
        signal.addEventListener('abort', () => aborted.push(index));
        return new Promise(() => {});
      },
    });
    const h = harness([stage]);
    const stuck = h.event('batches.committed');
    const run = h.start();
    await stuck;
    const receipt = await h.executor.cancel();
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
    expect(aborted.length).toBeGreaterThan(0);
    expect(h.executor.state).toBe('IDLE');
    expect(await h.stateManager.canResume(receipt.sessionId)).toBe(true);
  });

  test('a source that never answers does not hold it up', async () => {
    const h = harness([map('s', (row: Row) => row)], {
      source: rows(
        (async function* () {
          yield { n: 0 };
          await new Promise(() => {});
        })(),
      ) as never,
      environment: { clock: manualClock() },
    });
    const started = h.event('pipeline.started');
    const run = h.start();
    await started;
    await h.executor.cancel();
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
  });
});
