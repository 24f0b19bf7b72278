/**
 * Pinned: `deliver` is called with the published output and before COMPLETED; again after a failure, a pause, a cancel and a
 * restart, until it has returned once; a resume only delivers. The machine has its six states (I1), and a pause is a receipt (I16).
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  collect,
  type Deliver,
  type DeliverOptions,
  type Delivery,
  defineStage,
  httpErrors,
  memoryStorage,
  type PipelineEvent,
  PipelineExecutor,
  pipeline,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { manualClock } from '../../../src/testing/manual-clock.js';
import { freshFolder } from '../../support/folders.js';
import { gate } from '../../support/runs.js';

interface Row {
  readonly n: number;
}
const ROWS = 30;
const text = Array.from({ length: ROWS }, (_, n) => `{"n":${n}}\n`).join('');

/** A pipeline from file to file in a folder of its own, and how often its stage was called. */
function place(deliver?: Deliver | DeliverOptions) {
  const folder = freshFolder();
  const input = join(folder, 'in.jsonl');
  const output = join(folder, 'out.jsonl');
  writeFileSync(input, text);
  const calls: number[] = [];
  const events: PipelineEvent[] = [];
  const stateManager = new StateManager(memoryStorage());
  const copy = defineStage({
    name: 'copy',
    process: async (rows: Row[], { batch }) => {
      calls.push(batch.index);
      return [...rows];
    },
  });
  const clock = manualClock();
  const executor = () =>
    new PipelineExecutor([copy], stateManager, [{ next: (event) => void events.push(event) }], {
      logger: silentLogger,
      clock,
    });
  const options = { batchSize: 10, ...(deliver === undefined ? {} : { deliver }) };
  const definition = { name: 'delivered', source: jsonl<Row>(input), sink: jsonl<Row>(output), options };
  const typesFrom = (prefix: string) =>
    events.map(({ type }) => type).filter((type) => type.startsWith(prefix));
  return { input, output, calls, events, clock, executor, definition, typesFrom };
}

/** A delivery that fails while `isBroken`. */
function flaky() {
  const delivered: Delivery[] = [];
  const state = { isBroken: true };
  const deliver = async (delivery: Delivery) => {
    if (state.isBroken) throw Object.assign(new Error('no bucket'), { status: 402 });
    delivered.push(delivery);
  };
  return { delivered, state, deliver };
}

describe('a delivery', () => {
  test('gets the published file, before the run completes', async () => {
    const seen: unknown[] = [];
    const at = place(async ({ signal, logger, ...delivery }) => {
      const { path } = delivery;
      seen.push({ ...delivery, text: readFileSync(path, 'utf8'), part: existsSync(`${path}.part`) });
      expect(executor.state).toBe('EXECUTING');
      expect(signal.aborted).toBe(false);
      logger.info('delivered');
    });
    const executor = at.executor();
    const { sessionId } = await executor.execute(at.definition);
    const path = at.output;
    expect(seen).toEqual([
      { path, paths: [path], sessionId, pipeline: 'delivered', rows: ROWS, attempt: 1, text, part: false },
    ]);
    expect(at.typesFrom('delivery')).toEqual(['delivery.started', 'delivery.completed']);
    const types = at.events.map(({ type }) => type);
    expect(types.indexOf('delivery.completed')).toBeLessThan(types.indexOf('pipeline.completed'));
    expect((await at.executor().resume(sessionId, at.definition)).sessionId).toBe(sessionId);
    expect(seen).toHaveLength(1);
  });

  test('of a sink without a file has no path', async () => {
    let given: Partial<Delivery> = {};
    const deliver = (delivery: Delivery) => {
      given = delivery;
    };
    await pipeline('memory', { deliver })
      .from([1, 2])
      .to(collect())
      .run({ stateManager: new StateManager(memoryStorage()) });
    expect(given).toMatchObject({ path: '', paths: [], rows: 2 });
  });

  test('that fails leaves a FAILED session, and a resume only delivers: without the input, without a stage', async () => {
    const { deliver, delivered, state } = flaky();
    const at = place(deliver);
    const executor = at.executor();
    await expect(executor.execute(at.definition)).rejects.toMatchObject({
      code: 'DELIVERY',
      message: 'The output is published, and could not be delivered: no bucket. Resume to deliver it again.',
      cause: { message: 'no bucket' },
    });
    expect(executor.state).toBe('FAILED');
    const sessionId = executor.sessionId as string;
    rmSync(at.input);
    await expect(at.executor().resume(sessionId, at.definition)).rejects.toMatchObject({ code: 'DELIVERY' });
    state.isBroken = false;
    const result = await at.executor().resume(sessionId, at.definition);
    expect(result.metrics).toMatchObject({ rowsIn: ROWS, rowsOut: ROWS });
    expect(delivered).toHaveLength(1);
    expect(at.calls).toEqual([0, 1, 2]);
    expect(readFileSync(at.output, 'utf8')).toBe(text);
  });

  test('rows that the input gained meanwhile are not read: the output is published', async () => {
    const { deliver, state } = flaky();
    const at = place(deliver);
    const executor = at.executor();
    await executor.execute(at.definition).catch(() => {});
    writeFileSync(at.input, `${text}{"n":"more"}\n`);
    state.isBroken = false;
    await executor.resume();
    expect(readFileSync(at.output, 'utf8')).toBe(text);
  });

  test('follows `retry`, and says so', async () => {
    const attempts: number[] = [];
    const at = place({
      retry: { attempts: 3, initialDelayMs: 100, jitter: false },
      to: async ({ attempt }) => {
        attempts.push(attempt);
        if (attempt < 3) throw new Error('busy');
      },
    });
    const executor = at.executor().addObserver({
      next: ({ type }) => type === 'delivery.failed' && setImmediate(() => at.clock.advance(1_000)),
    });
    await executor.execute(at.definition);
    expect(attempts).toEqual([1, 2, 3]);
    expect(at.events.filter(({ type }) => type === 'delivery.failed')).toMatchObject([
      { attempt: 1, delayMs: 100, error: { message: 'busy' } },
      { attempt: 2, delayMs: 200 },
    ]);
  });

  test('pauses the run where `when` says so, with the reason', async () => {
    const { deliver, delivered, state } = flaky();
    const at = place({ to: deliver, retry: { when: httpErrors() } });
    const executor = at.executor();
    const running = executor.execute(at.definition);
    const paused = new Promise<PipelineEvent>((resolve) => {
      executor.addObserver({ next: (event) => event.type === 'pipeline.paused' && resolve(event) });
    });
    expect(await paused).toMatchObject({
      reason: {
        kind: 'quota',
        message: 'The output is published, and could not be delivered: no bucket',
        advice: expect.stringContaining('only its delivery is repeated'),
      },
    });
    state.isBroken = false;
    await executor.resume();
    await running;
    expect(delivered).toHaveLength(1);
  });
});

describe('a command during a delivery', () => {
  test('pause: an attempt under way completes the run', async () => {
    const { opened, open } = gate();
    const begun = gate();
    const at = place(async () => {
      begun.open();
      await opened;
    });
    const executor = at.executor();
    const running = executor.execute(at.definition);
    await begun.opened;
    const pausing = executor.pause().catch((error: unknown) => error);
    open();
    await running;
    expect(executor.state).toBe('COMPLETED');
    await pausing;
  });

  test('pause: one that failed is not tried again before the resume', async () => {
    const attempts: number[] = [];
    const at = place({
      retry: { attempts: 3 },
      to: async ({ attempt }) => {
        attempts.push(attempt);
        if (attempts.length === 1) throw new Error('busy');
      },
    });
    const executor = at.executor();
    const failed = new Promise<void>((resolve) => {
      executor.addObserver({ next: ({ type }) => type === 'delivery.failed' && resolve() });
    });
    const running = executor.execute(at.definition);
    await failed;
    expect(await executor.pause()).toMatchObject({ rowsOut: ROWS });
    expect(executor.state).toBe('PAUSED');
    expect(attempts).toEqual([1]);
    await executor.resume();
    await running;
    expect(attempts).toEqual([1, 1]);
  });

  test('cancel aborts its signal, and holds the session until it has settled; a resume delivers again', async () => {
    const begun = gate();
    const { opened, open } = gate();
    const signals: AbortSignal[] = [];
    const at = place(async ({ signal }) => {
      signals.push(signal);
      begun.open();
      if (signals.length === 1) await opened;
    });
    const executor = at.executor();
    const running = executor.execute(at.definition);
    running.catch(() => {});
    await begun.opened;
    const sessionId = executor.sessionId as string;
    const cancelling = executor.cancel();
    const resuming = at.executor().resume(sessionId, at.definition);
    await new Promise((resolve) => setImmediate(resolve));
    expect(signals[0]?.aborted).toBe(true);
    expect(signals).toHaveLength(1);
    open();
    await cancelling;
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    await resuming;
    expect(signals).toHaveLength(2);
  });
});

describe('refused', () => {
  test('a resume without `deliver`: the run would complete undelivered', async () => {
    const { deliver } = flaky();
    const at = place(deliver);
    const executor = at.executor();
    await executor.execute(at.definition).catch(() => {});
    const { deliver: _, ...options } = at.definition.options;
    await expect(
      at.executor().resume(executor.sessionId as string, { ...at.definition, options }),
    ).rejects.toMatchObject({
      code: 'PIPELINE_MISMATCH',
      message: expect.stringContaining('pass the pipeline again, with its option `deliver`'),
    });
  });

  test.each([
    [{ too: () => {} }, /unknown option "too" in deliver; known: to, retry, timeoutMs/],
    ['s3://bucket', /deliver must be an object/],
    [{ to: () => {}, retry: { attempts: 0 } }, /deliver.retry.attempts must be a whole number from 1/],
  ])('%j', (deliver, message) => {
    expect(() =>
      pipeline('x', { deliver: deliver as never })
        .from([1])
        .to(collect()),
    ).toThrow(message);
  });
});
