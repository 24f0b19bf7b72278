/**
 * Pinned: a recorded run is in its session's directory from its first step to its last, over all its processes; what the
 * rows hold is not; what goes wrong with the recording is not the run's problem (I3, I10, I11).
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createActor, sendTo, setup } from 'xstate';
import {
  collect,
  defineStage,
  map,
  type PipelineEvent,
  pipeline,
  pipelineMachine,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { lowdbStorage, nodeFileSystem } from 'xstate-pipeline/node';
import { RecordingReader, type StepRecord } from 'xstate-pipeline/recording';
import type { FileSystem } from 'xstate-pipeline/storage';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const pass = () => map('pass', (row: Row) => row);

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'xstate-pipeline-recording-'));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const stored = () => new StateManager(lowdbStorage(stateDir), { checkpointInterval: 20 });

async function textOf(sessionId: string): Promise<string> {
  const home = join(stateDir, sessionId, 'recording');
  const names = await readdir(home);
  return names
    .sort()
    .map((name) => readFileSync(join(home, name), 'utf8'))
    .join('');
}

function readerOf(text: string): RecordingReader {
  const reader = new RecordingReader();
  reader.append(new TextEncoder().encode(text));
  return reader;
}

const kindsOf = (reader: RecordingReader) =>
  reader
    .summary()
    .marks.map(({ kind }) => kind)
    .filter((kind) => kind !== 'checkpoint');

test('run({ record: true }) is recorded from its first step to its last', async () => {
  const result = await pipeline('recorded')
    .from(rows(numbers(200)))
    .pipe(pass())
    .to(collect<Row>())
    .run({ stateDir, record: true });
  const reader = readerOf(await textOf(result.sessionId));
  const [first] = reader.find({ types: ['step'] }, 0, 1);
  expect(first?.record).toMatchObject({ actor: 'executor', from: 'IDLE', to: 'INITIALIZING' });
  const { sessionId, pipeline: name, stages, series } = reader.summary();
  expect({ sessionId, name, stages }).toEqual({
    ...{ sessionId: result.sessionId, name: 'recorded', stages: ['pass'] },
  });
  expect(series.at(-1)).toMatchObject({ rowsIn: 200, rowsOut: 200 });
  const last = reader.frameAt(reader.length - 1);
  expect(last.actors.executor).toMatchObject({ state: 'COMPLETED', status: 'done' });
  expect(last.record).toMatchObject({ type: 'end', reason: 'completed' });
});

test('a session with a recording is recorded further by any process that resumes it', async () => {
  const sink = collect<Row>();
  const one = harness([pass()], { stateManager: stored(), sink, count: 2000 });
  one.executor.record();
  const run = one.start();
  await one.event('batches.committed');
  await one.executor.cancel();
  await run.catch(() => {});
  const id = one.executor.sessionId as string;

  const other = harness([pass()], { stateManager: stored(), sink });
  await other.executor.resume(id, { source: rows(numbers(2000)), sink });
  const reader = readerOf(await textOf(id));
  expect(kindsOf(reader)).toEqual(['cancelled', 'end', 'restart', 'resumed', 'completed', 'end']);
  const numbersSeen = Array.from({ length: reader.length }, (_, i) => reader.record(i).n);
  expect(numbersSeen).toEqual(numbersSeen.map((_, i) => i));
  for (let i = 0; i < reader.length; i++) expect(reader.frameAt(i).isUncertain).toBe(false);
});

test('a session without a recording gets none', async () => {
  const h = harness([pass()], { stateManager: stored() });
  const { sessionId } = await h.start();
  expect(await readdir(join(stateDir, sessionId))).not.toContain('recording');
});

test('I10: a request after the end writes nothing: another process may own the session', async () => {
  const storage = lowdbStorage(stateDir);
  let openings = 0;
  storage.recording = async () => {
    openings++;
    throw new Error('not now');
  };
  const h = harness([pass()], { stateManager: new StateManager(storage, { checkpointInterval: 20 }) });
  await h.start();
  h.executor.record();
  await new Promise((resolve) => setImmediate(resolve));
  expect(openings).toBe(0);
});

test('in the middle of a run, recording can begin and end', async () => {
  const door = gate();
  const wait = defineStage<Row, Row>({
    name: 'wait',
    async process(batch, { batch: { index } }) {
      if (index === 5) await door.opened;
      return batch;
    },
  });
  const h = harness([wait], { stateManager: stored(), count: 400 });
  const run = h.start();
  await h.event('batch.started', (event) => event.type === 'batch.started' && event.batch === 5);
  const recording = h.executor.record();
  h.event('batches.committed', (event) => event.type === 'batches.committed' && event.upTo > 20).then(() =>
    recording.end(),
  );
  door.open();
  const { sessionId } = await run;
  const reader = readerOf(await textOf(sessionId));
  expect(reader.frameAt(0).actors.executor?.state).toBe('EXECUTING');
  expect(reader.frameAt(0).actors['stage:wait']).toBeDefined();
  expect(reader.record(reader.length - 1)).toMatchObject({ type: 'end', reason: 'ended by its owner' });
  expect(kindsOf(reader)).toEqual(['end']);
});

test('a listener in memory receives every run, in one recording', async () => {
  let text = '';
  const sink = collect<Row>();
  const h = harness([pass()], { sink, count: 2000 });
  const listening = h.executor.record({
    write(lines) {
      text += lines;
    },
  });
  const run = h.start();
  await h.event('batches.committed');
  await h.executor.cancel();
  await run.catch(() => {});
  const id = h.executor.sessionId as string;
  const result = await h.executor.resume(id, { source: rows(numbers(2000)), sink });
  expect(result.metrics.rowsOut).toBe(2000);
  const reader = readerOf(text);
  expect(kindsOf(reader)).toEqual(['cancelled', 'restart', 'resumed', 'completed']);
  expect(reader.find({ text: 'pipeline.c' }).map(({ record }) => record)).toMatchObject([
    { event: { type: 'pipeline.cancelled' } },
    { event: { type: 'pipeline.completed' } },
  ]);
  listening.end();
  expect(text).toMatch(/"reason":"the sink was removed"}\n$/);
});

test('I3: of the rows there is nothing in it, failing ones included, but the clipped messages of their errors', async () => {
  const secret = (n: number) => `sk-live-${n}-${'0123456789'.repeat(5)}`;
  const secretRows = Array.from({ length: 300 }, (_, n) => ({ n, apiKey: secret(n), name: `Ada ${n}` }));
  const check = defineStage<(typeof secretRows)[number], (typeof secretRows)[number]>({
    name: 'check',
    onError: 'skip',
    concurrency: 2,
    process: (batch) => {
      if (batch.some(({ n }) => n % 50 === 0)) throw new Error(`refused ${'x'.repeat(1000)}`);
      return batch;
    },
  });
  const result = await pipeline('secrets', { batchSize: 10 })
    .from(rows(secretRows))
    .pipe(map('same', (row: (typeof secretRows)[number]) => ({ ...row, seen: `${row.apiKey}!` })))
    .pipe(check)
    .to(collect())
    .run({ stateDir, record: true });
  const text = await textOf(result.sessionId);
  expect(text).toContain('refused x');
  expect(text).not.toMatch(/sk-live|Ada|apiKey/);
  expect(Math.max(...(text.match(/x{20,}/g) ?? []).map((found) => found.length))).toBeLessThanOrEqual(300);
});

test('I11: a full disk ends the recording with a notice, and not the run', async () => {
  const isOfRecording = (path: string) => path.includes(`${sep}recording${sep}`);
  const full: FileSystem = {
    ...nodeFileSystem,
    async open(path, mode, permissions) {
      const handle = await nodeFileSystem.open(path, mode, permissions);
      if (!isOfRecording(path)) return handle;
      handle.write = async () => {
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      };
      return handle;
    },
  };
  const stateManager = new StateManager(lowdbStorage(stateDir, { fileSystem: full }), {
    checkpointInterval: 20,
  });
  const h = harness([pass()], { stateManager, count: 3000 });
  h.executor.record();
  const result = await h.start();
  expect(result.metrics.rowsOut).toBe(3000);
  const notices = h.events.filter((event) => event.type === 'notice').map(messageOf);
  expect(notices).toEqual(['The recording ended: ENOSPC: no space left on device. The run continues.']);
});

const messageOf = (event: PipelineEvent) => (event.type === 'notice' ? event.message : '');

test('a storage that keeps no recordings says so', async () => {
  const h = harness([pass()], { count: 30 });
  h.executor.record();
  await h.start();
  expect(h.events.filter((event) => event.type === 'notice').map(messageOf)).toEqual([
    'The recording ended: memory stores no recordings. The run continues.',
  ]);
});

test('what is removed of a session is removed with its recording', async () => {
  const stateManager = stored();
  const h = harness([pass()], { stateManager });
  h.executor.record();
  const { sessionId } = await h.start();
  expect(await readdir(join(stateDir, sessionId))).toContain('recording');
  await stateManager.cleanupCheckpoints(sessionId);
  expect(await readdir(stateDir)).toEqual([]);
});

test('I3: as a child of another machine, only its own steps and those of its stages', async () => {
  const completed = gate();
  const logic = pipelineMachine(
    pipeline('child')
      .from(rows(numbers(100)))
      .pipe(pass())
      .to(collect<Row>()),
    {
      stateManager: stored(),
      record: true,
      observers: [{ next: ({ type }) => type === 'pipeline.completed' && completed.open() }],
    },
  );
  const parent = setup({ actors: { logic } }).createMachine({
    invoke: { id: 'run', src: 'logic', input: {} },
    on: { go: { actions: sendTo('run', { type: 'execute' }) }, tick: {} },
  });
  const actor = createActor(parent).start();
  actor.send({ type: 'go' });
  actor.send({ type: 'tick' });
  await completed.opened;

  const [sessionId = ''] = await readdir(stateDir);
  const reader = readerOf(await textOf(sessionId));
  const steps = reader.find({ types: ['step'] }, 0, 10_000).map(({ record }) => record as StepRecord);
  expect(new Set(steps.map(({ actor: name }) => name))).toEqual(
    new Set(['executor', 'stage:pass', 'committer', 'publisher']),
  );
  expect(steps[0]).toMatchObject({ from: 'IDLE', to: 'INITIALIZING', event: { type: 'execute' } });
  expect(kindsOf(reader)).toEqual(['completed', 'end']);
});
