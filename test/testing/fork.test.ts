/**
 * Pins: a fork starts with the bytes that its session has written: CSV with its header, dead letters, a target written in
 * place, a recording with shortened events. A changed file is refused, and a refused fork leaves no files behind.
 */
import { describe, expect, test } from 'vitest';
import { defineStage, map, type Pipeline, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import { createTestExecutor, replay, rerun, stall, type TestExecutor } from 'xstate-pipeline/testing';
import { memoryLock } from '../../src/checkpoint/lock/memory-lock.js';
import { StateManager } from '../../src/checkpoint/state-manager.js';
import { lowdbStorage } from '../../src/checkpoint/storages/lowdb-storage.js';
import { forkSession } from '../../src/history/fork/fork-session.js';
import { openRecording } from '../../src/history/open-recording.js';
import { STATE_DIRECTORY } from '../../src/testing/executor/test-process.js';

interface Row {
  readonly n: number;
}

const rowsText = (count: number) => Array.from({ length: count }, (_, n) => `{"n":${n}}\n`).join('');
const files = { 'in.jsonl': rowsText(40) };

/** Batches of two rows, each committed by itself. */
const reading = (batchSize = 2) =>
  pipeline('p', { batchSize, checkpointInterval: 4, maxInFlight: 1 }).from(jsonl<Row>('in.jsonl'));

async function completed<T>(whole: Pipeline<T>, given: Record<string, string> = files) {
  const run = createTestExecutor(whole, { files: given, seed: 9 });
  run.executor.record();
  await run.execute();
  await run.advance(1000);
  return run;
}

const placeOf = ({ sessionId = '', disk }: TestExecutor<never> | TestExecutor) => ({
  ...{ session: sessionId, stateDir: STATE_DIRECTORY, fileSystem: disk },
});

const failing = (isWrong: (n: number) => boolean) =>
  map(
    'check',
    (row: Row) => {
      if (isWrong(row.n)) throw new Error(`not ${row.n}`);
      return row;
    },
    { onError: 'dead-letter' },
  );

/** Paths outside the state directory. */
const filesOf = (run: TestExecutor<never> | TestExecutor) =>
  run.disk
    .files()
    .filter((path) => !path.includes('.xstate-pipeline'))
    .map((path) => path.slice(process.cwd().length + 1));

describe('CSV', () => {
  const toCsv = (columns: (row: Row) => object) => reading().pipe(map('row', columns)).to(csv('out.csv'));
  const same = ({ n }: Row) => ({ n, text: `"${n}",\nmore` });

  test('the header is copied and is not counted as a row', async () => {
    const run = await completed(toCsv(same));
    const found = await rerun(toCsv(same), placeOf(run), { from: 11 });
    expect(found.from).toBeGreaterThan(0);
    expect(found).toMatchObject({ same: 40, changed: 0, added: 0, disappeared: 0 });
    expect(found.header).toBeUndefined();
    expect(run.text('out.csv.fork.csv')).toBe(run.text('out.csv'));
    const fromStart = await rerun(toCsv(same), placeOf(run), { from: 0, to: 'again.csv' });
    expect(fromStart).toMatchObject({ from: 0, same: 40 });
    expect(fromStart.text).toContain('The same: 40 rows.');
  });

  test('rows are counted correctly with line ends inside fields', async () => {
    const run = await completed(toCsv(same));
    const other = toCsv((row) => (row.n === 30 ? { n: 30, text: 'other' } : same(row)));
    const { first, changed } = await rerun(other, placeOf(run), { from: 11 });
    expect(changed).toBe(1);
    expect(first).toEqual([
      { kind: 'changed', row: 30, newRow: 30, before: '30,"""30"",\nmore"', after: '30,other' },
    ]);
  });

  test('a different header is reported', async () => {
    const run = await completed(toCsv(({ n }) => ({ n })));
    const renamed = toCsv(({ n }) => ({ number: n }));
    const found = await rerun(renamed, placeOf(run), { from: 0 });
    expect(found).toMatchObject({ same: 40, changed: 0, header: { before: 'n', after: 'number' } });
    expect(found.text).toMatch(/another header\n {2}- n\n {2}\+ number$/);
  });
});

describe('dead letters', () => {
  const third = (n: number) => n % 3 === 0;
  const numbers = (text: string | undefined) =>
    (text ?? '')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { value: Row }).value.n);

  test('dead letters before the fork are copied, later ones are new', async () => {
    const run = await completed(reading().pipe(failing(third)).to(jsonl('out.jsonl')));
    const other = reading()
      .pipe(failing((n) => third(n) && n < 30))
      .to(jsonl('out.jsonl'));
    const found = await rerun(other, placeOf(run), { from: 11 });
    expect(found.from).toBeGreaterThan(0);
    expect(found).toMatchObject({ same: 26, added: 4, changed: 0, disappeared: 0 });
    expect(numbers(run.text('out.dead-letter.jsonl'))).toHaveLength(14);
    expect(numbers(run.text('out.jsonl.fork.dead-letter.jsonl'))).toEqual([
      0, 3, 6, 9, 12, 15, 18, 21, 24, 27,
    ]);
    expect(found.result.metrics.rowsDeadLettered).toBe(10);
  });

  test('a dead-letter file of another format keeps its format and gets its own name', async () => {
    const whole = () =>
      pipeline('p', { batchSize: 2, checkpointInterval: 4, maxInFlight: 1, deadLetter: csv('bad.csv') })
        .from(jsonl<Row>('in.jsonl'))
        .pipe(failing(third))
        .to(jsonl('out.jsonl'));
    const run = await completed(whole());
    await rerun(whole(), placeOf(run), { from: 11 });
    expect(run.text('bad.csv')?.split('\n').length).toBeGreaterThan(14);
    expect(run.text('bad.csv.fork.csv')).toBe(run.text('bad.csv'));
  });

  test('the part file of another session is not used', async () => {
    const whole = reading().pipe(failing(third)).to(jsonl('out.jsonl'));
    const run = await completed(whole);
    const of = (path: string) => `${process.cwd()}/${path}`;
    run.disk.put(of('out.jsonl.part'), 'x'.repeat(10_000));
    run.disk.put(of('out.dead-letter.jsonl.part'), 'x'.repeat(10_000));
    await rerun(whole, placeOf(run), { from: 11 });
    expect(run.text('out.jsonl.fork.jsonl')).toBe(run.text('out.jsonl'));
    expect(run.text('out.jsonl.fork.dead-letter.jsonl')).toBe(run.text('out.dead-letter.jsonl'));
  });

  test('an existing file of that name refuses the fork', async () => {
    const whole = reading().pipe(failing(third)).to(jsonl('out.jsonl'));
    const run = await completed(whole);
    run.disk.put(`${process.cwd()}/new.dead-letter.jsonl`, '');
    const before = filesOf(run);
    const again = rerun(whole, placeOf(run), { from: 11, to: 'new.jsonl' });
    await expect(again).rejects.toThrow('new.dead-letter.jsonl exists already');
    expect(filesOf(run)).toEqual(before);
  });
});

test('a disk failure during the fork leaves no files', async () => {
  const whole = reading()
    .pipe(failing((n) => n % 3 === 0))
    .to(jsonl('out.jsonl'));
  const run = await completed(whole);
  const { fileSystem, stateDir, session: sessionId } = placeOf(run);
  const lock = memoryLock();
  const stateManager = new StateManager(
    lowdbStorage(stateDir, { fileSystem, acquireLock: (of) => lock(of.sessionId, of.handlers) }),
  );
  const recording = await openRecording(placeOf(run));
  let failed = 0;
  for (let n = 1; ; n++) {
    const before = run.disk.files();
    const operations = fileSystem.operations.length;
    fileSystem.fail(n, 'EIO');
    const to = `${process.cwd()}/fork-${n}.jsonl`;
    const options = { ...{ stateManager, fileSystem, sessionId, recording, to }, pipeline: whole, from: 11 };
    const error = await forkSession(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (fileSystem.operations.length < operations + n) break;
    if (error === undefined) continue;
    failed++;
    expect(run.disk.files(), `operation ${n}: ${error}`).toEqual(before);
  }
  expect(failed).toBeGreaterThan(20);
});

test("publish: 'direct': the fork only reads the target, complete or not", async () => {
  const whole = () =>
    reading()
      .pipe(defineStage({ name: 'same', process: async (rows: Row[]) => rows }))
      .to(jsonl('out.jsonl', { publish: 'direct' }));
  const run = await completed(whole());
  const text = run.text('out.jsonl');
  const found = await rerun(whole(), placeOf(run), { from: 11 });
  expect(found.from).toBeGreaterThan(0);
  expect(found).toMatchObject({ same: 40, changed: 0 });
  expect(run.text('out.jsonl')).toBe(text);
  expect(run.text('out.jsonl.fork.jsonl')).toBe(text);

  const stalled = createTestExecutor(whole(), { files, script: { same: { 12: [stall()] } } });
  stalled.executor.record();
  stalled.execute();
  await stalled.advance(1000);
  stalled.crash().restart();
  const rest = await rerun(whole(), placeOf(stalled), { from: 11 });
  expect(rest.from).toBeGreaterThan(0);
  expect(rest).toMatchObject({ same: 24, added: 16, changed: 0 });
  expect(stalled.text('out.jsonl')).toBe(text?.slice(0, text.indexOf('{"n":24}')));
  expect(stalled.text('out.jsonl.fork.jsonl')).toBe(text);
});

test('a recording with shortened events still knows every committed point', async () => {
  const whole = (isWrong: (n: number) => boolean) =>
    reading(1000)
      .pipe(
        map(
          'wrong',
          (row: Row) => {
            if (isWrong(row.n)) throw new Error('no');
            return row;
          },
          { onError: 'skip' },
        ),
      )
      .to(jsonl('out.jsonl'));
  const wrong = (n: number) => n % 4 !== 0 && n < 1000;
  const run = await completed(whole(wrong), { 'in.jsonl': rowsText(5000) });
  const { ok, unchecked } = await replay(whole(wrong), run);
  expect(ok).toBe(true);
  expect(unchecked).toBeGreaterThan(0);
  const found = await rerun(whole(wrong), placeOf(run), { from: 3 });
  expect(found).toMatchObject({ same: 4250, changed: 0 });
  expect(found.from).toBeGreaterThan(0);
  expect(found.result.metrics.rowsSkipped).toBe(750);
});

describe('the output of the session is missing or changed', () => {
  /** Batches take so long that one is committed while the next is worked on. */
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  };
  const whole = (change = ({ n }: Row) => ({ n })) =>
    reading(100)
      .pipe(
        map('same', (row: Row, _, index) => (index === 0 ? turns().then(() => change(row)) : change(row))),
      )
      .to(jsonl('out.jsonl'));
  const input = { 'in.jsonl': rowsText(2000) };
  const target = `${process.cwd()}/out.jsonl`;

  test.each([
    ['cut', (text: string) => text.slice(0, -3), 'has changed: it does not begin with the session'],
    [
      'replaced',
      (text: string) => text.replaceAll('1', '7'),
      'has changed: it does not begin with the session',
    ],
  ])('%s', async (_, change, message) => {
    const run = await completed(whole(), input);
    run.disk.put(target, change(run.text('out.jsonl') ?? ''));
    const before = filesOf(run);
    await expect(rerun(whole(), placeOf(run), { from: 11 })).rejects.toThrow(message);
    expect(filesOf(run)).toEqual(before);
  });

  test('removed', async () => {
    const run = await completed(whole(), input);
    await run.disk.unlink(target);
    await expect(rerun(whole(), placeOf(run), { from: 0 })).rejects.toThrow('is missing');
  });

  test('a recorded point that a later process overwrote: the fork uses an earlier one', async () => {
    const run = await completed(whole(), input);
    const text = run.text('out.jsonl') ?? '';
    const { from } = await rerun(whole(), placeOf(run), { from: 11, to: 'first.jsonl' });
    expect(from).toBeGreaterThan(5);
    // The difference is in the tail of that point, not at the end of the file.
    run.disk.put(
      target,
      text
        .replace(`{"n":${from}50}`, `{"n":${from}05}`)
        .replace(`{"n":${from - 1}50}`, `{"n":${from - 1}05}`),
    );
    const found = await rerun(whole(), placeOf(run), { from: 11, to: 'second.jsonl' });
    expect(found.from).toBeGreaterThan(0);
    expect(found.from).toBeLessThan(from);
    expect(found).toMatchObject({ same: 1998, changed: 2 });
    expect(run.text('second.jsonl')).toBe(text);
  });
});

test('a pipeline with another source is refused', async () => {
  const whole = (path: string) =>
    pipeline('p', { batchSize: 2, checkpointInterval: 4 })
      .from(jsonl<Row>(path))
      .pipe(map('same', (row: Row) => row))
      .to(jsonl('out.jsonl'));
  const run = await completed(whole('in.jsonl'));
  const before = filesOf(run);
  await expect(rerun(whole('other.jsonl'), placeOf(run), { from: 0 })).rejects.toThrow('in.jsonl');
  expect(filesOf(run)).toEqual(before);
});
