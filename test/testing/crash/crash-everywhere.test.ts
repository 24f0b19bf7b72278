/**
 * Pins: `crashEverywhere` crashes at every operation of a disk in memory, in three manners. A pipeline that recovers passes; the
 * report of another names its points; one that cannot be tested is refused.
 */
import { describe, expect, test } from 'vitest';
import { collect, defineStage, map, pipeline, type ReadableSink, rows } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import type { FileSystem } from 'xstate-pipeline/storage';
import {
  CrashTestError,
  crashEverywhere,
  createTestExecutor,
  fail,
  TestingError,
} from 'xstate-pipeline/testing';
import { numbers, type Row } from '../../support/runs.js';
import steady from '../pipelines/steady.js';
import { replacing } from '../replacing.js';

const files = { 'in.jsonl': Array.from({ length: 4 }, (_, n) => `{"n":${n}}\n`).join('') };

test('a pipeline that recovers passes at 20 operations', { timeout: 60_000 }, async () => {
  const report = await crashEverywhere(steady, { files, points: 20 });
  expect(report.operations).toBeGreaterThan(60);
  expect(report.points).toHaveLength(3 * 20);
  expect(report.kills).toBe(4 * 20);
  expect(report.points[0]?.name).toMatch(/^operation \d: \w+ \/.*, kill -9$/);
});

test('journal files are trimmed while a pipeline of small rows runs', async () => {
  const run = createTestExecutor(steady, { files: { 'in.jsonl': '{"n":1}\n'.repeat(20) } });
  void run.execute();
  await run.settle();
  const operations = run.disk.operations.map(({ kind, path }) => `${kind} ${path.replace(/.*\//, '')}`);
  const published = operations.indexOf('rename out.jsonl.part');
  const trimmed = operations.filter((name) => /^unlink 0+\d+\.log$/.test(name));
  expect(run.state).toBe('COMPLETED');
  expect(trimmed.length).toBeGreaterThan(2);
  expect(operations.indexOf(trimmed[1] as string)).toBeLessThan(published);
});

test('outputs that wait for a commit are in the journal until it is done: none is computed again', {
  timeout: 60_000,
}, async () => {
  const paid = defineStage({
    name: 'paid',
    durable: true,
    concurrency: 4,
    process: async (batch: Row[]) => batch,
  });
  const ahead = pipeline('ahead', { batchSize: 1, checkpointInterval: 2 })
    .from(jsonl<Row>('in.jsonl'))
    .pipe(paid)
    .pipe(map('last', async (row: Row) => row))
    .to(jsonl('out.jsonl'));
  const report = await crashEverywhere(ahead, {
    files: { 'in.jsonl': Array.from({ length: 10 }, (_, n) => `{"n":${n}}\n`).join('') },
    points: 16,
  });
  expect(report.points).toHaveLength(48);
});

test('failures and retries of a script happen in the crashed runs too', async () => {
  const paid = defineStage({
    name: 'paid',
    durable: true,
    retry: { attempts: 3, initialDelayMs: 60_000 },
    process: (batch: Row[]) => batch,
  });
  const job = pipeline('retried', { batchSize: 2 })
    .from(rows(numbers(4)))
    .pipe(paid)
    .to(collect<Row>());
  const report = await crashEverywhere(job, { script: { paid: { 1: [fail('503')] } }, points: 12 });
  expect(report.points).toHaveLength(36);
});

/** Rows of a sink that does not go back to its position: a crash doubles them. */
function forgetfulSink(): ReadableSink<Row> {
  const written: Row[] = [];
  return {
    kind: 'forgetful',
    label: 'forgetful',
    describe: () => undefined,
    async open(at) {
      if (at === undefined) written.length = 0;
      return {
        position: { rows: written.length },
        encode: (batch) => ({ rows: batch.length, bytes: 0, data: [...batch] }),
        async append(encoded) {
          for (const { data } of encoded) written.push(...(data as Row[]));
        },
        flush: async () => ({ rows: written.length }),
        publish: async () => {},
        close: async () => {},
      };
    },
    async *read() {
      yield* written;
    },
  };
}

/** Its flushes are begun, and not awaited. */
const hastyFileSystem = (fileSystem: FileSystem): FileSystem =>
  replacing(fileSystem, 'open', async (...how) => {
    const handle = await fileSystem.open(...how);
    return replacing(handle, 'datasync', async () => void handle.datasync().catch(() => {}));
  });

describe('finds', () => {
  const jobOf = (sink: ReadableSink<Row>) =>
    pipeline('job', { batchSize: 1, checkpointInterval: 2 })
      .from(rows(numbers(8)))
      .pipe(map('same', (row: Row) => row))
      .to(sink);

  test('a sink that doubles rows; the error names points, and how to run them again', async () => {
    const error = await crashEverywhere(jobOf(forgetfulSink()), { points: 20 }).catch(
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof CrashTestError)) throw error;
    const broken = error.report.points.filter(({ problems }) => problems.length > 0);
    expect(broken[0]?.problems[0]).toMatch(/^the output has \d+ rows instead of 8, or other ones$/);
    const [, again = ''] =
      /To run them again: crashEverywhere\(pipeline, (\{.*\})\)$/.exec(error.message) ?? [];
    expect(again).toBe(
      `{ points: [${[...new Set(broken.map(({ operation }) => operation))].slice(0, 5).join(', ')}], seed: 1 }`,
    );
    const { operation = 1 } = broken[0] ?? {};
    const options = { points: [operation], seed: error.report.seed };
    await expect(crashEverywhere(jobOf(forgetfulSink()), options)).rejects.toThrow(CrashTestError);
  });

  test('a sink that reports rows as durable that are not', async () => {
    // Written bytes reach its memory only when they are published: a crash loses them behind the position.
    let open: Row[] = [];
    let kept: Row[] = [];
    const forgetting = forgetfulSink();
    const sink: ReadableSink<Row> = {
      ...forgetting,
      async open(at) {
        if (at === undefined) kept = [];
        open = [...kept];
        return {
          position: { rows: open.length },
          encode: (batch) => ({ rows: batch.length, bytes: 0, data: [...batch] }),
          async append(encoded) {
            for (const { data } of encoded) open.push(...(data as Row[]));
          },
          flush: async () => ({ rows: open.length }),
          async publish() {
            kept = [...open];
          },
          close: async () => {},
        };
      },
      async *read() {
        yield* kept;
      },
    };
    await expect(crashEverywhere(jobOf(sink), { points: 20 })).rejects.toThrow(/rows instead of 8/);
  });

  test('a sink that does not await its flush', { timeout: 60_000 }, async () => {
    const { sink } = jsonl<Row>('out.jsonl');
    const hasty = replacing(sink, 'open', (at, complete, context) =>
      sink.open(at, complete, { ...context, fileSystem: hastyFileSystem(context.fileSystem as FileSystem) }),
    );
    await expect(crashEverywhere(jobOf(hasty))).rejects.toThrow(CrashTestError);
  });

  test('rows that differ from run to run, which are reported as such', async () => {
    let calls = 0;
    const job = pipeline('unsteady')
      .from(rows(numbers(4)))
      .pipe(map('count', (row: Row) => ({ ...row, call: ++calls })))
      .to(collect());
    await expect(crashEverywhere(job, { points: 2 })).rejects.toThrow('Two uninterrupted runs');
  });
});

test.each([
  [
    'fails by itself',
    { script: { paid: { 0: fail('no') } }, files },
    /fails without any crash: the run ended in FAILED: .*no/,
  ],
  ['has no input', {}, /fails without any crash.*in\.jsonl/],
])('a pipeline that %s is refused', async (_, options, message) => {
  const refused = crashEverywhere(steady, options);
  await expect(refused).rejects.toThrow(TestingError);
  await expect(refused).rejects.toThrow(message);
});

test('a sink that cannot be read back is refused', async () => {
  const { read: _, ...sink } = forgetfulSink();
  const job = pipeline('p').from(jsonl<Row>('in.jsonl')).to(sink);
  await expect(crashEverywhere(job, { files })).rejects.toThrow('cannot be read back');
});
