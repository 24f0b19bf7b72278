// biome-ignore-all lint/suspicious/noThenProperty: an option's name.
/**
 * The ceiling for losses (I12): it is on by default where rows may be lost.
 *
 * - a key that is revoked in mid-run: with 'stop' no row is lost, otherwise fewer than `of`; once it is valid again, a resume
 *   completes the run, and the rows that were about to be lost are not
 * - share, maximum, `then: 'fail'`, `false`; every kind of stage; the source
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnyStage,
  assertOk,
  defineStage,
  httpErrors,
  InvalidOptionError,
  LossesError,
  map,
  type PipelineOptions,
  type RetryOptions,
} from 'xstate-pipeline';
import { LossCeiling, LossRefused } from '../../../../src/executor/rows/holding/loss-ceiling.js';
import { harness, type Row } from '../../../support/runs.js';

/** A service on the loopback that takes a key until it is revoked. */
const service = { key: 'valid', calls: 0, revokeAfter: Number.POSITIVE_INFINITY, url: '' };
const server = createServer((request, response) => {
  service.calls++;
  if (service.calls > service.revokeAfter) service.key = 'other';
  request.resume();
  request.on('end', () => {
    response.writeHead(request.headers.authorization === service.key ? 200 : 401);
    response.end('{}');
  });
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1?secret=1`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const ask = (signal: AbortSignal) =>
  fetch(service.url, { method: 'POST', headers: { authorization: 'valid' }, signal });

const kinds: Readonly<Record<string, (retry: RetryOptions) => AnyStage>> = {
  'a batch stage': (retry) =>
    defineStage({
      ...{ name: 'ask', onError: 'skip', concurrency: 2, retry },
      process: async (batch: Row[], { signal }) => {
        await assertOk(await ask(signal));
        return batch;
      },
    }),
  'a stage with rowsPerCall, durable': (retry) =>
    defineStage({
      ...{ name: 'ask', onError: 'skip', concurrency: 3, rowsPerCall: 5, durable: true, retry },
      process: async (batch: Row[], { signal }) => {
        await assertOk(await ask(signal));
        return batch;
      },
    }),
  'a row stage': (retry) =>
    map(
      'ask',
      async (row: Row, { signal }) => {
        await assertOk(await ask(signal));
        return row;
      },
      { onError: 'skip', rowConcurrency: 4, retry },
    ),
};

describe.each(Object.entries(kinds))('a key that is revoked, %s', (_, make) => {
  test("with 'stop', no row is lost, and a resume completes the run", async () => {
    Object.assign(service, { key: 'valid', calls: 0, revokeAfter: 8 });
    const h = harness([make({ when: httpErrors() })], { count: 400 });
    const error = await h.start().catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).toContain('HTTP 401 Unauthorized from http://127.0.0.1');
    expect((error as Error).message).toContain('Fix the key or its rights, then resume');
    expect((error as Error).message).not.toContain('secret');
    Object.assign(service, { key: 'valid', revokeAfter: Number.POSITIVE_INFINITY });
    const { metrics, isComplete } = await h.executor.resume();
    expect(metrics).toMatchObject({ rowsIn: 400, rowsOut: 400, rowsFailed: 0 });
    expect(isComplete).toBe(true);
  });

  test('without, fewer than 100 rows are lost; nothing more is asked; a resume loses none', async () => {
    Object.assign(service, { key: 'valid', calls: 0, revokeAfter: 8 });
    const h = harness([make({})], { count: 400 });
    const paused = h.event('pipeline.paused');
    h.start();
    const { reason } = (await paused) as { reason?: { kind: string; message: string } };
    expect(reason).toMatchObject({
      kind: 'losses',
      message: expect.stringMatching(
        /^Stage "ask" is about to lose the last 100 rows\. The newest failure: .*401/,
      ),
    });
    const { losses } = h.executor.actor.getSnapshot().context.flushed;
    expect(losses.total).toBeLessThan(100);
    const asked = service.calls;
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(service.calls).toBe(asked);
    Object.assign(service, { key: 'valid', revokeAfter: Number.POSITIVE_INFINITY });
    const { metrics } = await h.executor.resume();
    expect(metrics.rowsFailed).toBeLessThan(100);
    expect(metrics.rowsOut + metrics.rowsFailed).toBe(400);
  });
});

/** Rows from `from` to `to` fail. */
function failing(from: number, to: number, pipeline: PipelineOptions) {
  const stage = map(
    'check',
    async (row: Row) => {
      if (row.n >= from && row.n < to) throw new Error('no');
      return row;
    },
    { onError: 'skip' },
  );
  return harness([stage], { count: 1000, pipeline });
}

test.each<[string, number, number, PipelineOptions, boolean]>([
  ['99 rows in a row', 200, 299, {}, false],
  ['100 rows in a row', 200, 300, {}, true],
  ['100 rows in a row, not limited', 200, 300, { losses: false }, false],
  ['half of the last 20', 200, 210, { losses: { rate: 0.5, of: 20 } }, true],
  ['nearly half of the last 20', 200, 209, { losses: { rate: 0.5, of: 20 } }, false],
  ['30 in all', 200, 231, { losses: { max: 30 } }, true],
  ['not 31 in all', 200, 230, { losses: { max: 30 } }, false],
])('%s', async (_, from, to, options, isPaused) => {
  const h = failing(from, to, options);
  const paused = h.event('pipeline.paused');
  const end = await Promise.race([h.start(), paused]);
  expect('type' in end).toBe(isPaused);
});

test("then: 'fail' ends the run with an error that says so; the session can be resumed", async () => {
  const h = failing(200, 300, { losses: { then: 'fail' } });
  const error = await h.start().catch((thrown: unknown) => thrown as Error);
  expect(error).toBeInstanceOf(LossesError);
  expect((error as Error).message).toMatch(
    /^Stage "check" is about to lose the last 100 rows\. The newest failure: .*no\. Fix the cause, then resume/,
  );
  expect(h.executor.can('resume')).toBe(true);
});

test('a resume begins to count again', async () => {
  const h = failing(200, 260, { losses: { max: 30 } });
  let pauses = 0;
  h.executor.addObserver({
    next: (event) => {
      if (event.type !== 'pipeline.paused') return;
      pauses++;
      queueMicrotask(() => h.executor.resume().catch(() => {}));
    },
  });
  const { metrics } = await h.start();
  expect(pauses).toBe(1);
  expect(metrics).toMatchObject({ rowsFailed: 60, rowsOut: 940 });
});

test('a fused stage pauses as well, after the batch that it lost', async () => {
  const stage = map(
    'check',
    (row: Row) => {
      if (row.n >= 200) throw new Error('no');
      return row;
    },
    { onError: 'skip' },
  );
  const h = harness([stage], { count: 1000, pipeline: { maxInFlight: 2 } });
  const paused = h.event('pipeline.paused');
  h.start();
  expect(await paused).toMatchObject({ reason: { kind: 'losses' } });
  expect(h.executor.actor.getSnapshot().context.flushed.losses.total).toBeLessThan(140);
});

test('the window has as many rows as `of`, across batches', () => {
  const ceiling = () =>
    new LossCeiling({
      limits: { max: Number.POSITIVE_INFINITY, rate: 1, of: 4, then: 'pause' },
      stages: ['a'],
      pause: () => {},
      fail: () => {},
    });
  const admitted = (steps: readonly (readonly [rows: number, lost: readonly number[]])[]) => {
    const own = ceiling();
    return steps.map(([rows, lost]) => {
      try {
        own.admitLosses(0, rows, lost, new Error('no'));
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(LossRefused);
        return false;
      }
    });
  };
  expect(
    admitted([
      [10, []],
      [3, [0, 1, 2]],
      [1, [0]],
    ]),
  ).toEqual([true, true, false]);
  expect(
    admitted([
      [3, [0, 1, 2]],
      [1, []],
      [3, [0, 1, 2]],
    ]),
  ).toEqual([true, true, true]);
  expect(
    admitted([
      [6, [0, 1, 2, 5]],
      [3, [0, 1, 2]],
    ]),
  ).toEqual([true, false]);
  expect(admitted([[6, [1, 2, 3, 4]]])).toEqual([false]);
  // Once it is reached, no row is lost until the run resumes.
  expect(
    admitted([
      [4, [0, 1, 2, 3]],
      [1, [0]],
      [1, []],
    ]),
  ).toEqual([false, false, true]);
});

test.each([
  [{ rate: 0 }, 'rate must be above 0'],
  [{ of: 0 }, 'of must be a whole number from 1'],
  [{ then: 'stop' }, "then must be 'pause' or 'fail'"],
])('%j is refused', async (losses, message) => {
  const h = harness([kinds['a row stage']?.({}) as AnyStage], { pipeline: { losses: losses as object } });
  const error = await h.start().catch((thrown: unknown) => thrown as Error);
  expect(error).toBeInstanceOf(InvalidOptionError);
  expect((error as Error).message).toContain(message);
});
