/**
 * Pins: the contract suites run under any runner, and a source, sink or storage that breaks its contract fails them.
 * test/sources, test/sinks and test/checkpoint run them on the product's own implementations.
 */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { collect, memoryStorage, rows, type Source } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import type { CheckpointStorage } from 'xstate-pipeline/storage';
import {
  journalContract,
  SimulatedDisk,
  sinkContract,
  sourceContract,
  storageContract,
  TestingError,
  type TestRunner,
} from 'xstate-pipeline/testing';
import { replacing } from './replacing.js';

/** A minimal runner: returns the names of the failed tests. */
async function failing(declare: (runner: TestRunner) => void): Promise<string[]> {
  const cases: { readonly name: string; readonly run: () => Promise<void> }[] = [];
  declare({
    describe: (_, body) => body(),
    it: (name, run) => cases.push({ name, run }),
  });
  expect(cases.length).toBeGreaterThan(5);
  const failed: string[] = [];
  for (const { name, run } of cases) await run().catch(() => failed.push(name));
  return failed;
}

const values = Array.from({ length: 20 }, (_, n) => ({ n }));
const shorter = async () => rows(values.slice(0, 9));

test('a source that forgets its position fails', async () => {
  const forgetful = (): Source<unknown> => {
    const source = rows<unknown>(values);
    return { ...source, describe: () => undefined, open: (_, context) => source.open(undefined, context) };
  };
  const found = await failing((runner) =>
    sourceContract('forgetful', async () => ({ source: forgetful, rows: values, shorter }), runner),
  );
  expect(found).toContain('reads the rest from any position, cut into the same batches');
  const right = { source: () => rows(values), rows: values, shorter };
  expect(await failing((runner) => sourceContract('right', async () => right, runner))).toEqual([]);
});

test('a sink that does not truncate to its position fails', async () => {
  const fixture = async (isRight: boolean) => {
    const whole = collect<unknown>();
    const kept: unknown[] = [];
    const sink = isRight
      ? whole
      : {
          ...{ kind: whole.kind, label: whole.label, describe: () => undefined },
          read: whole.read.bind(whole),
          open: async (...args: Parameters<typeof whole.open>) => {
            const open = await whole.open(...args);
            const append = async (encoded: Parameters<typeof open.append>[0]) => {
              kept.push(...encoded);
              await open.append(encoded);
            };
            return Object.assign(Object.create(open), { append, encode: open.encode.bind(open) });
          },
        };
    return {
      sink,
      rows: values,
      readBack: values,
      sideBySide: false,
      target: async () => (whole.published ? (isRight ? [...whole.rows] : kept.length) : undefined),
      loseUnpublished: async () => {
        await whole.open(undefined, false, {
          sessionId: '',
          clock: { now: () => 0, monotonic: () => 0, setTimer: () => () => {} },
        });
      },
    };
  };
  expect(await failing((runner) => sinkContract('right', () => fixture(true), runner))).toEqual([]);
  const found = await failing((runner) => sinkContract('wrong', () => fixture(false), runner));
  expect(found).toContain(
    'gives the same result if interrupted anywhere, with more written than flushed (I7)',
  );
});

test('a source that ignores maxBytes fails', async () => {
  const fileSystem = new SimulatedDisk();
  const lines = (count: number) => values.slice(0, count).map((row) => `${JSON.stringify(row)}\n`);
  fileSystem.put('/data/in.jsonl', lines(20).join(''));
  fileSystem.put('/data/shorter.jsonl', lines(9).join(''));
  const whole = jsonl('/data/in.jsonl').source;
  const greedy: Source<unknown> = replacing(whole, 'open', async (at, context) => {
    const open = await whole.open(at, context);
    return replacing(open, 'read', (maxRows) => open.read(maxRows, 1_000_000));
  });
  const found = (source: Source<unknown>) =>
    failing((runner) => {
      const shorter = async () => jsonl('/data/shorter.jsonl').source;
      sourceContract(
        'greedy',
        async () => ({ source: () => source, rows: values, shorter, fileSystem }),
        runner,
      );
    });
  expect(await found(whole)).toEqual([]);
  expect(await found(greedy)).toEqual(['keeps a batch to maxBytes, one row at least']);
});

test('a sink that reads the position of a flush after an await fails', async () => {
  const fixture = async () => {
    const whole = collect<unknown>();
    const late = replacing(whole, 'open', async (...how) => {
      const open = await whole.open(...how);
      return replacing(open, 'flush', async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return open.flush();
      });
    });
    const target = async () => (whole.published ? [...whole.rows] : undefined);
    const clock = { now: () => 0, monotonic: () => 0, setTimer: () => () => {} };
    const loseUnpublished = async () => void (await whole.open(undefined, false, { sessionId: '', clock }));
    return { sink: late, rows: values, readBack: values, sideBySide: false, target, loseUnpublished };
  };
  expect(await failing((runner) => sinkContract('late', fixture, runner))).toEqual([
    'gives a flush the position at its call, with rows appended meanwhile (I6)',
  ]);
});

test('a storage that keeps one text only, and a journal that forgets, fail', async () => {
  const single = (): CheckpointStorage => {
    const storage = memoryStorage();
    return Object.assign(Object.create(storage), {
      read: async (id: string) => {
        const stored = await storage.read(id);
        return stored && { ...stored, generations: stored.generations.slice(0, 1) };
      },
    });
  };
  const found = await failing((runner) =>
    storageContract(
      'single',
      async () => {
        const storage = single();
        return () => storage;
      },
      runner,
    ),
  );
  expect(found).toEqual(['the newest text and the one before it are kept']);
  const id = '00000000-0000-4000-8000-000000000000';
  const forgetful = async () => ({ open: (epoch: number) => memoryStorage().journal(id, epoch) });
  expect(await failing((runner) => journalContract('forgetful', forgetful, runner))).toContain(
    'what was appended is read back, by key, before and after reopening',
  );
});

test('node:test runs them, with its own functions or as globals', () => {
  const script = `
    import { describe, it } from 'node:test';
    import { memoryStorage } from 'xstate-pipeline';
    import { storageContract } from 'xstate-pipeline/testing';
    const fresh = async () => { const storage = memoryStorage(); return () => storage; };
    storageContract('given', fresh, { describe, it });
    Object.assign(globalThis, { describe, it });
    storageContract('global', fresh);`;
  const { NODE_OPTIONS: _, ...env } = process.env;
  const report = execFileSync(
    process.execPath,
    ['--test-reporter=tap', '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
      env,
    },
  );
  expect(report).toMatch(/# fail 0/);
  expect(Number(/# pass (\d+)/.exec(report)?.[1])).toBeGreaterThan(30);
});

test('without a runner the error names the option to pass', () => {
  expect(() => storageContract('none', async () => () => memoryStorage())).toThrow(TestingError);
});
