/**
 * Resuming a stored session in another executor, as another process would.
 *
 * Pinned: I2 (resume on a fresh executor), I7 (byte-identical), I9 (the generation before a corrupt one), I10 (locked), I15
 * (same pipeline, same input; a grown one is noticed), I18 (one restore path), I19 (part files).
 */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type AnyStage,
  CheckpointNotFoundError,
  CorruptCheckpointError,
  map,
  type PipelineEvent,
  PipelineExecutor,
  PipelineMismatchError,
  pipeline,
  SessionLockedError,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { csv, jsonl, lowdbStorage } from 'xstate-pipeline/node';
import { freshFolder } from '../../support/folders.js';

interface Row {
  readonly n: number;
}

let folder: string;
const at = (name: string) => join(folder, name);
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${JSON.stringify({ n: from + i })}\n`).join('');

beforeEach(() => {
  folder = freshFolder();
  writeFileSync(at('in.jsonl'), lines(0, 1000));
});

const double = (version = '1') => map('double', (row: Row) => ({ n: row.n * 2 }), { version });

function executorOf(stages: readonly AnyStage[] = [double()]) {
  const events: PipelineEvent[] = [];
  const stateManager = new StateManager(lowdbStorage(at('state')), { checkpointInterval: 50 });
  const executor = new PipelineExecutor<Row>(stages, stateManager, [{ next: (e) => events.push(e) }], {
    logger: silentLogger,
  });
  return { executor, events, stateManager };
}

const definition = () => ({
  name: 'resumed',
  source: jsonl<Row>(at('in.jsonl')),
  sink: jsonl<Row>(at('out.jsonl')),
  options: { batchSize: 20 },
});

/** A session that was cancelled after some commits; its executor holds nothing any more. */
async function cancelled(): Promise<string> {
  const { executor } = executorOf();
  const run = executor.execute(definition());
  run.catch(() => {});
  await new Promise<void>((resolve) => {
    executor.addObserver({ next: (event) => event.type === 'batches.committed' && resolve() });
  });
  return (await executor.cancel()).sessionId;
}

test('source and sink are rebuilt from the checkpoint; the output is byte-identical', async () => {
  const id = await cancelled();
  const { executor, events } = executorOf();
  const result = await executor.resume(id);
  expect(result).toMatchObject({ sessionId: id, success: true, metrics: { rowsIn: 1000, rowsOut: 1000 } });
  expect(readFileSync(at('out.jsonl'), 'utf8')).toBe(
    Array.from({ length: 1000 }, (_, n) => `${JSON.stringify({ n: n * 2 })}\n`).join(''),
  );
  expect(events[0]).toMatchObject({ type: 'pipeline.started', resumed: true });
  expect(await result.data.toArray()).toHaveLength(1000);
});

describe('refusals leave the executor as it was', () => {
  test('an unknown session', async () => {
    const { executor } = executorOf();
    await expect(executor.resume('01234567-89ab-4def-8123-456789abcdef')).rejects.toThrow(
      CheckpointNotFoundError,
    );
    await expect(executor.resume('../../etc/passwd')).rejects.toThrow(CheckpointNotFoundError);
    expect(executor.state).toBe('IDLE');
  });

  test('another version, another order, another stage: each is named; force accepts it', async () => {
    const id = await cancelled();
    const other = executorOf([double('2'), map('extra', (row: Row) => row)]);
    const error = await other.executor.resume(id).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PipelineMismatchError);
    expect((error as PipelineMismatchError).differences).toEqual([
      'stage "double" was version 1 and is 2',
      'stage 2 "extra" was added',
    ]);
    expect(other.executor.state).toBe('IDLE');
    const result = await other.executor.resume(id, undefined, { force: true });
    expect(result.metrics.rowsOut).toBe(1000);
  });

  test('another file, another kind, another option: what it was and what it is', async () => {
    const id = await cancelled();
    const { executor } = executorOf();
    const refusal = async (source: object, sink: object) => {
      const error = await executor.resume(id, { source, sink } as never).catch((e: unknown) => e);
      return (error as PipelineMismatchError).differences;
    };
    const { source, sink } = definition();
    expect(await refusal(jsonl(at('other.jsonl')), sink)).toEqual([
      `the source was ${at('in.jsonl')} and is ${at('other.jsonl')} (paths begin where the process was started)`,
    ]);
    expect(await refusal(source, csv(at('out.jsonl')))).toEqual(['the sink was jsonl and is csv']);
    expect(await refusal(jsonl(at('in.jsonl'), { onMalformed: 'skip' }), sink)).toEqual([
      'the source has other options',
    ]);
  });

  test('an input that has changed before the position', async () => {
    const id = await cancelled();
    writeFileSync(at('in.jsonl'), lines(0, 1000).replace('{"n":1}', '{"n":7}'));
    const { executor } = executorOf();
    await expect(executor.resume(id)).rejects.toThrow('the input before the committed position has changed');
    expect(executor.state).toBe('IDLE');
  });

  test('an input that is shorter than the position', async () => {
    const id = await cancelled();
    writeFileSync(at('in.jsonl'), '{"n":0}\n');
    await expect(executorOf().executor.resume(id)).rejects.toThrow(PipelineMismatchError);
  });

  test('an output that is not what was written', async () => {
    const id = await cancelled();
    const part = readdirSync(folder).find((name) => name.endsWith('.part')) as string;
    writeFileSync(at(part), 'something else');
    await expect(executorOf().executor.resume(id)).rejects.toThrow(PipelineMismatchError);
  });

  test('a session that is running', async () => {
    const id = await cancelled();
    const holder = executorOf();
    const lock = await holder.stateManager.lock(id, {});
    await expect(executorOf().executor.resume(id)).rejects.toThrow(SessionLockedError);
    await lock.release();
    await executorOf().executor.resume(id);
  });

  test('checkpoints of which none can be trusted', async () => {
    const id = await cancelled();
    for (const name of readdirSync(at(`state/${id}`)).filter((file) => file.startsWith('checkpoint')))
      writeFileSync(at(`state/${id}/${name}`), '{"format":1}');
    await expect(executorOf().executor.resume(id)).rejects.toThrow(CorruptCheckpointError);
  });
});

test('a completed session gives its result, and runs nothing', async () => {
  const { sessionId } = await executorOf().executor.execute(definition());
  const { executor, events } = executorOf();
  const result = await executor.resume(sessionId);
  expect(result).toMatchObject({ sessionId, success: true, metrics: { rowsOut: 1000 } });
  expect(await result.data.toArray()).toHaveLength(1000);
  expect(executor.state).toBe('COMPLETED');
  expect(events.map(({ type }) => type)).toEqual(['stage.completed', 'pipeline.completed']);
});

test('a corrupt newest checkpoint gives way to the one before it, with a notice', async () => {
  const id = await cancelled();
  const file = at(`state/${id}/checkpoint.json`);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"committed":', '"committed":9'));
  const { executor, events } = executorOf();
  const result = await executor.resume(id);
  expect(result.metrics.rowsOut).toBe(1000);
  expect(events.find((event) => event.type === 'notice')).toBeDefined();
  expect(readFileSync(at('out.jsonl'), 'utf8').split('\n')).toHaveLength(1001);
});

test('an input that has only grown is accepted, with a notice, and read to its new end', async () => {
  const id = await cancelled();
  appendFileSync(at('in.jsonl'), lines(1000, 1100));
  const { executor, events } = executorOf();
  const result = await executor.resume(id);
  expect(result.metrics.rowsIn).toBe(1100);
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'notice', message: expect.stringContaining('grown') }),
  );
});

test('I19: an earlier result stays until the new one is whole; two unfinished sessions do not disturb each other', async () => {
  writeFileSync(at('out.jsonl'), 'earlier\n');
  const first = await cancelled();
  expect(readFileSync(at('out.jsonl'), 'utf8')).toBe('earlier\n');
  const second = await cancelled();
  await executorOf().executor.resume(second);
  expect(readFileSync(at('out.jsonl'), 'utf8').split('\n')).toHaveLength(1001);
  await executorOf().executor.resume(first);
  expect(readFileSync(at('out.jsonl'), 'utf8').split('\n')).toHaveLength(1001);
  expect(existsSync(at('out.jsonl.part'))).toBe(false);
});

test('run() names an unfinished session and the way to resume it; resume: "last" resumes it', async () => {
  const stateManager = () => new StateManager(lowdbStorage(at('state')));
  const make = () =>
    pipeline('resumed', { batchSize: 20 })
      .from(jsonl<Row>(at('in.jsonl')))
      .pipe(double())
      .to(jsonl(at('out.jsonl')));
  const id = await cancelled();
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
  const resumed = await make().run({ resume: 'last', stateManager: stateManager(), environment: { logger } });
  expect(resumed.sessionId).toBe(id);
  expect(warnings).toEqual([]);
  const other = await cancelled();
  await make().run({ stateManager: stateManager(), environment: { logger } });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`xstate-pipeline resume ${other}`);
});

test('run({ signal }) cancels, and the session can be resumed', async () => {
  const controller = new AbortController();
  const run = pipeline('resumed', { batchSize: 20, checkpointInterval: 20 })
    .from(jsonl<Row>(at('in.jsonl')))
    .pipe(double())
    .to(jsonl(at('out.jsonl')))
    .run({
      stateDir: at('state'),
      signal: controller.signal,
      observers: [{ next: (event) => event.type === 'batches.committed' && controller.abort() }],
    });
  await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
  const { executor, stateManager } = executorOf();
  const [session] = await stateManager.listCheckpoints();
  expect((await executor.resume(session?.sessionId)).metrics.rowsOut).toBe(1000);
});
