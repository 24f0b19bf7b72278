/**
 * The product runs in a context of `node:vm`, as under jest and vitest's `vmThreads`: errors, promises and buffers of Node are of
 * another realm there, so that `instanceof` is false for them. With jest itself: `node test/packaging/jest.mjs`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createActor, toPromise } from 'xstate';
import {
  collect,
  defineStage,
  map,
  memoryStorage,
  pipeline,
  pipelineMachine,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { csv, jsonl, listSessions, nodeFileSystem } from 'xstate-pipeline/node';
import { assertNoSecondInvocation, createTestExecutor, replay, snapshotAt } from 'xstate-pipeline/testing';
import { freshFolder } from '../support/folders.js';

interface Row {
  readonly n: number;
}

const lines = (count: number) => Array.from({ length: count }, (_, n) => `{"n":${n}}\n`).join('');

function folder() {
  const cwd = freshFolder();
  writeFileSync(join(cwd, 'in.jsonl'), lines(200));
  return { cwd, stateDir: join(cwd, 'state'), at: (name: string) => join(cwd, name) };
}

/** An error that Node made: of the other realm. */
const hostError = () =>
  readFile('/no/such/file').then(
    () => new Error('it exists'),
    (error: unknown) => error,
  );

test('this is another realm', async () => {
  expect((await hostError()) instanceof Error).toBe(false);
});

test('a run over files fails with an error of Node, is listed, resumed and read back', async () => {
  const { at, stateDir } = folder();
  const paid = defineStage({
    name: 'paid',
    durable: true,
    process: async (batch: Row[], context) => {
      if (context.batch.index === 2 && process.env.FAILS === 'yes') throw await hostError();
      return batch;
    },
  });
  const whole = pipeline('p', { batchSize: 50 })
    .from(jsonl<Row>(at('in.jsonl')))
    .pipe(paid)
    .to(csv(at('out.csv')));
  process.env.FAILS = 'yes';
  const failed = await whole.run({ stateDir }).catch((error: unknown) => error);
  delete process.env.FAILS;
  expect(failed).toMatchObject({ code: 'STAGE_FAILED', cause: { code: 'ENOENT' } });
  expect(String(failed)).toContain('/no/such/file');
  expect(await listSessions({ stateDir })).toMatchObject([{ state: 'failed', canResume: true }]);
  const result = await whole.run({ stateDir, resume: 'last' });
  expect(result.success).toBe(true);
  expect(readFileSync(at('out.csv'), 'utf8').split('\n')).toHaveLength(202);
  expect(await result.data.toArray()).toHaveLength(200);
});

test('retry and retry.when see errors of Node; the last one decides', async () => {
  const seen: string[] = [];
  const stage = defineStage({
    name: 's',
    onError: 'skip',
    retry: {
      attempts: 3,
      initialDelayMs: 0,
      when: (error, { attempt }) => {
        seen.push((error as { code: string }).code);
        return attempt < 2 ? 'retry' : 'lose';
      },
    },
    process: async (batch: Row[], { failRow }) => {
      failRow(0, await hostError());
      return batch.slice(1);
    },
  });
  const sink = collect<Row>();
  const { errors } = await pipeline('p')
    .from(rows([{ n: 1 }, { n: 2 }]))
    .pipe(stage)
    .to(sink)
    .run(inMemory());
  expect(seen).toEqual(['ENOENT', 'ENOENT']);
  expect(errors).toMatchObject([{ row: 0, reason: expect.stringContaining('ENOENT') }]);
  expect(sink.rows).toEqual([{ n: 2 }]);
});

const inMemory = () => ({ stateManager: new StateManager(memoryStorage()) });

test('a missing file, a directory and a vanished part file are named', async () => {
  const { at, cwd, stateDir } = folder();
  const from = (path: string) => pipeline('p').from(jsonl<Row>(path)).to(collect<Row>()).run({ stateDir });
  await expect(from(at('missing.jsonl'))).rejects.toThrow('missing.jsonl');
  mkdirSync(at('directory'));
  await expect(from(at('directory'))).rejects.toThrow('directory');
  const remove = map('remove', (row: Row) => {
    if (row.n === 10) rmSync(join(cwd, 'out.jsonl.part'));
    return row;
  });
  const vanished = pipeline('p')
    .from(jsonl<Row>(at('in.jsonl')))
    .pipe(remove)
    .to(jsonl(at('out.jsonl')));
  await expect(vanished.run({ stateDir })).rejects.toThrow('out.jsonl.part was removed or replaced');
});

test('a promise of Node in the place of rows is awaited, and one inside a row is refused', async () => {
  const { at } = folder();
  const inBatch = defineStage({
    name: 'read',
    process: (batch: Row[]) => readFile(at('in.jsonl')).then(() => batch),
  });
  const sink = collect<Row>();
  await pipeline('p')
    .from(rows([{ n: 1 }]))
    .pipe(inBatch)
    .to(sink)
    .run(inMemory());
  expect(sink.rows).toEqual([{ n: 1 }]);
  const inRow = map('read', (row: Row) => ({
    ...row,
    text: readFile(at('in.jsonl'), 'utf8').catch(() => ''),
  }));
  const run = pipeline('p')
    .from(rows([{ n: 1 }]))
    .pipe(inRow)
    .to(collect())
    .run(inMemory());
  await expect(run).rejects.toThrow(/promise/i);
});

test('an abort ends the run; a machine completes; the kit works', async () => {
  const stop = new AbortController();
  async function* endless() {
    for (let n = 0; ; n++) {
      if (n === 50) stop.abort();
      yield { n };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const live = pipeline('p')
    .from(rows(endless))
    .to(collect<Row>())
    .run({ ...inMemory(), signal: stop.signal });
  await expect(live).rejects.toMatchObject({ code: 'CANCELLED' });

  const machine = pipelineMachine(
    pipeline('p')
      .from(rows([{ n: 1 }]))
      .to(collect<Row>()),
    inMemory(),
  );
  const actor = createActor(machine).start();
  actor.send({ type: 'execute' });
  expect(await toPromise(actor)).toMatchObject({ success: true });

  const paid = defineStage({ name: 'paid', durable: true, process: async (batch: Row[]) => batch });
  const whole = pipeline('p', { batchSize: 5 })
    .from(jsonl<Row>('in.jsonl'))
    .pipe(paid)
    .to(jsonl('out.jsonl'));
  const kit = createTestExecutor(whole, { files: { 'in.jsonl': lines(20) } });
  await kit.execute();
  assertNoSecondInvocation(kit);
});

test('a recording that was read by Node is replayed, and a time of Node finds a moment of it', async () => {
  const { at, stateDir } = folder();
  const whole = pipeline('p', { batchSize: 50 })
    .from(jsonl<Row>(at('in.jsonl')))
    .pipe(map('same', (row: Row) => row))
    .to(jsonl(at('out.jsonl')));
  const { sessionId } = await whole.run({ stateDir, record: true });
  const [name = ''] = readdirSync(join(stateDir, sessionId, 'recording'));
  const bytes = readFileSync(join(stateDir, sessionId, 'recording', name));
  expect((await replay(whole, bytes)).ok).toBe(true);
  const later = new Date(statSync(at('out.jsonl')).mtimeMs + 60_000);
  expect((await snapshotAt(bytes, { time: later })).snapshot).toMatchObject({ value: 'COMPLETED' });
});

test('an error of an open file names its path', async () => {
  const directory = await nodeFileSystem.open(freshFolder(), 'read');
  const reading = directory.read(new Uint8Array(8), 8, 0);
  await expect(reading).rejects.toMatchObject({ code: 'EISDIR', path: expect.any(String) });
  await directory.close();
});

test('what retry.when has decided about an error of Node counts: it is asked once for each attempt', async () => {
  let asked = 0;
  const stage = defineStage({
    name: 's',
    rowsPerCall: 1,
    onError: 'skip',
    retry: { attempts: 5, initialDelayMs: 0, when: () => (++asked > 1 ? 'lose' : 'retry') },
    process: async () => {
      throw await hostError();
    },
  });
  const sink = collect<Row>();
  await pipeline('p', { losses: false })
    .from(rows([{ n: 1 }]))
    .pipe(stage)
    .to(sink)
    .run(inMemory())
    .catch(() => {});
  expect(asked).toBe(2);
});
