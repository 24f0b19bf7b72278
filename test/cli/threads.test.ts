/**
 * Worker threads: `run --threads`, with the built product and real threads.
 *
 * Pinned: the same bytes as without (I4, I7), in the order of the source; the same events and figures; what a stage prints
 * comes out; a thread that crashes fails its batch, by the stage's own `onError` (I12), and another replaces it;
 * a cancel does not wait for a thread (I17); a run with threads that was killed is resumed with or without them.
 *
 * The run's own thread works as well, alone until another is up. A stage of these tests gives that one the time for it:
 * outside of it, it waits a moment at the first row of a batch, until it has seen that it works.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { events, expectOneLine, folder, run, start } from './command.js';

const ROWS = Array.from({ length: 3_000 }, (_, n) => ({ n, text: n % 7 === 0 ? `é☃ ${n}` : `row ${n}` }));
const INPUT = ROWS.map((row) => JSON.stringify(row)).join('\n');

/** @param work the body of the stage's function, where `row` is the row and `inThread` says where it runs. */
const pipelineFile = (work: string, stage = '{}', source = `jsonl('in.jsonl')`) => `
import { existsSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { filter, map, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
const inThread = !isMainThread;
const pause = new Int32Array(new SharedArrayBuffer(4));
const work = (row, context, index) => {
  if (inThread && !existsSync('thread-works')) writeFileSync('thread-works', '');
  if (!inThread && index === 0 && process.env.ALONE === undefined && !existsSync('thread-works')) Atomics.wait(pause, 0, 0, 100);
  ${work}
};
export default pipeline('threaded', { batchSize: 20 })
  .from(${source})
  .pipe(map('work', work, ${stage}))
  .pipe(filter('not the sixth', ({ n }) => Number(n) % 6 !== 5))
  .to(jsonl('out.jsonl'));
`;

const output = (cwd: string) => readFileSync(join(cwd, 'out.jsonl'), 'utf8');

async function outputAlone(file: string, input: Record<string, string>): Promise<string> {
  const cwd = folder({ 'p.mjs': file, ...input });
  expect((await run(['run', 'p.mjs', '--quiet'], { cwd, env: { ALONE: '1' } })).code).toBe(0);
  return output(cwd);
}

test('the same bytes and counters as without threads; the output of stages is printed', async () => {
  const file = pipelineFile(`if (row.n === 2999) console.log('the last row');
    return { ...row, double: row.n * 2, nothing: undefined };`);
  const cwd = folder({ 'p.mjs': file, 'in.jsonl': INPUT });
  const ended = await run(['run', 'p.mjs', '--threads', '2', '--json'], { cwd });
  expect(ended.code, ended.stderr).toBe(0);
  expect(existsSync(join(cwd, 'thread-works'))).toBe(true);
  expect(output(cwd)).toBe(await outputAlone(file, { 'in.jsonl': INPUT }));
  expect(ended.stderr).toContain('the last row');
  const received = events(ended.stdout);
  expect(received.at(-1)).toMatchObject({ type: 'pipeline.completed', rowsIn: 3_000, rowsOut: 2_500 });
  const batches = received.filter(
    ({ type, stage }) => type === 'batch.completed' && stage === 'not the sixth',
  );
  expect(batches).toHaveLength(150);
  expect(batches.reduce((sum, { rowsIn }) => sum + Number(rowsIn), 0)).toBe(3_000);
});

test.each([
  ['first', ''],
  ['second', `.pipe(map('plain', (row) => (appendFileSync('plain', row.n + '\\n'), row)))`],
])(
  'once a row: a function that returns a promise, as the %s stage, whichever thread it is in',
  async (_, before) => {
    const file = `
    import { appendFileSync } from 'node:fs';
    import { map, pipeline } from 'xstate-pipeline';
    import { jsonl } from 'xstate-pipeline/node';
    export default pipeline('once', { batchSize: 4 })
      .from(jsonl('in.jsonl'))
      ${before}
      .pipe(map('charge', ({ n }) => (appendFileSync('charge', n + '\\n'), Promise.resolve({ n }))))
      .to(jsonl('out.jsonl'));`;
    const cwd = folder({ 'p.mjs': file, 'in.jsonl': INPUT });
    const ended = await run(['run', 'p.mjs', '--threads', '2', '--quiet'], { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    expect(output(cwd)).toBe(ROWS.map(({ n }) => `{"n":${n}}\n`).join(''));
    for (const calls of before === '' ? ['charge'] : ['charge', 'plain'])
      expect(readFileSync(join(cwd, calls), 'utf8').trimEnd().split('\n').sort()).toEqual(
        ROWS.map(({ n }) => `${n}`).sort(),
      );
  },
);

test('CSV, with malformed records in the dead letters', async () => {
  const file = pipelineFile(
    'return { ...row, from: row.text.length };',
    '{}',
    `csv('in.csv', { onMalformed: 'dead-letter' })`,
  );
  const lines = [
    'n,text',
    ...ROWS.map(({ n }) => (n % 500 === 3 ? `${n},too,many` : `${n},"a ""quoted"" ${n}"`)),
  ];
  const input = { 'in.csv': `${lines.join('\n')}\n` };
  const cwd = folder({ 'p.mjs': file, ...input });
  const ended = await run(['run', 'p.mjs', '--threads', '2', '--quiet'], { cwd });
  expect(ended.code, ended.stderr).toBe(0);
  expect(existsSync(join(cwd, 'thread-works'))).toBe(true);
  expect(output(cwd)).toBe(await outputAlone(file, input));
  const set = readFileSync(join(cwd, 'out.dead-letter.jsonl'), 'utf8').trim().split('\n');
  expect(set).toHaveLength(6);
  expect(set[5]).toContain('line 2505');
});

describe('errors', () => {
  test('a row that throws is that row’s error, with its own message, in every thread', async () => {
    const file = pipelineFile(
      `if (row.n % 100 === 90) throw Object.assign(new TypeError('no ' + row.n), { code: 'E_ROW' }); return row;`,
      `{ onError: 'skip' }`,
    );
    const cwd = folder({ 'p.mjs': file, 'in.jsonl': INPUT });
    const ended = await run(['run', 'p.mjs', '--threads', '2', '--json'], { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    expect(existsSync(join(cwd, 'thread-works'))).toBe(true);
    const failed = events(ended.stdout).filter(({ type }) => type === 'row.failed');
    const byBatch = failed.toSorted((a, b) => Number(a.batch) - Number(b.batch));
    expect(byBatch).toMatchObject(
      Array.from({ length: 30 }, (_, i) => ({
        ...{ stage: 'work', batch: 5 * i + 4, row: 10 },
        error: { name: 'TypeError', code: 'E_ROW', message: `no ${100 * i + 90}` },
      })),
    );
  });

  test('a thread that crashes fails its batch only, and is replaced', async () => {
    const crash = `if (inThread && row.n >= 1000 && !existsSync('crashed')) {
      writeFileSync('crashed', '');
      process.exit(7);
    } return row;`;
    const cwd = folder({ 'p.mjs': pipelineFile(crash, `{ onError: 'skip' }`), 'in.jsonl': INPUT });
    const ended = await run(['run', 'p.mjs', '--threads', '2', '--json'], { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    const skipped = events(ended.stdout).filter(({ type }) => type === 'batch.skipped');
    // The batch before may have been answered, and the answer not sent any more.
    expect(Math.min(...skipped.map(({ batch }) => Number(batch)))).toBeGreaterThanOrEqual(49);
    expect(skipped[0]).toMatchObject({ error: { code: 'WORKER_THREAD' } });
    const lost = skipped.reduce((sum, { rows }) => sum + Number(rows), 0);
    // With a batch go those that waited behind it in the same thread.
    expect(lost).toBeLessThanOrEqual(40);
    expect(events(ended.stdout).at(-1)).toMatchObject({ rowsIn: 3_000, isComplete: false });
  });

  test('a thread that crashes with onError fail: one line, and the session can be resumed', async () => {
    const crash = `if (inThread && row.n >= 1000 && process.env.SAFE === undefined) process.exit(7); return row;`;
    const cwd = folder({ 'p.mjs': pipelineFile(crash), 'in.jsonl': INPUT });
    const ended = await run(['run', 'p.mjs', '--threads', '2'], { cwd });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('A worker thread ended: it exited with code 7');
    expect(ended.stderr).not.toMatch(/^\s+at /m);
    const env = { SAFE: '1' };
    const resumed = await run(['resume', 'last', '--threads', '2', '--quiet'], { cwd, env });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(output(cwd)).toBe(await outputAlone(pipelineFile('return row;'), { 'in.jsonl': INPUT }));
  });

  test.each([
    ['an asynchronous first stage', pipelineFile('return row;', '{ timeoutMs: 1000 }'), /"work", is not one/],
    [
      'a source without bytes',
      pipelineFile('return row;', '{}', '[{ n: 1 }]'),
      /threads are given the bytes of a file, and rows has none/,
    ],
  ])('%s is refused, in one line', async (_, file, message) => {
    const ended = await run(['run', 'p.mjs', '--threads', '2'], {
      cwd: folder({ 'p.mjs': file, 'in.jsonl': INPUT }),
    });
    expect(ended.code).toBe(2);
    expectOneLine(ended, message);
  });
});

describe('a pipeline file that also calls run()', () => {
  const file = (call: string) => `
import { appendFileSync } from 'node:fs';
import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
appendFileSync('loaded', 'x');
const job = pipeline('job', { batchSize: 50 }).from(jsonl('in.jsonl')).pipe(map('same', (row) => row))
  .pipe(map('paid', async (row) => { appendFileSync('paid', 'x'); return row; })).to(jsonl('out.jsonl'));
export default job;
const run = () => job.run({ workers: { count: 2, file: import.meta.filename } });
${call}`;

  test.each([
    ['awaits it', 'await run();'],
    ['does not await it', 'async function main() { await run(); } main();'],
  ])('and %s: each row is paid once, in one session', async (_, how) => {
    const cwd = folder({ 'p.mjs': file(how), 'in.jsonl': INPUT });
    mkdirSync(join(cwd, 'node_modules'));
    const itself = fileURLToPath(new URL('../..', import.meta.url));
    symlinkSync(itself, join(cwd, 'node_modules', 'xstate-pipeline'));
    const ended = await run([], { cwd, shell: 'exec "$1" p.mjs' });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    // The main thread and at most one other.
    expect(readFileSync(join(cwd, 'loaded'), 'utf8').length).toBeLessThanOrEqual(2);
    expect(readFileSync(join(cwd, 'paid'), 'utf8')).toHaveLength(ROWS.length);
    expect(readdirSync(join(cwd, '.xstate-pipeline'))).toHaveLength(1);
  });

  test('of another pipeline: refused', async () => {
    const other =
      "await pipeline('other').from([1]).pipe(map('one', (row) => row)).to(jsonl('other.jsonl')).run();";
    // The main thread alone cannot complete the run.
    const waiting = "async (row, { signal }) => { await once(signal, 'abort'); return row; }";
    const text = file(other).replace(/async \(row\) => .*? return row; }/, waiting);
    const cwd = folder({ 'p.mjs': `import { once } from 'node:events';${text}`, 'in.jsonl': INPUT });
    const ended = await run(['run', 'p.mjs', '--threads', '2'], { cwd });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/calls run\(\) of "other" while a worker thread loads it\. Move the call/);
  });
});

describe('stopped', () => {
  test('killed with SIGKILL, resumed without threads: the same bytes', async () => {
    const slowly = `if (inThread && index === 0) Atomics.wait(pause, 0, 0, 50); return row;`;
    const file = pipelineFile(slowly);
    const cwd = folder({ 'p.mjs': file, 'in.jsonl': INPUT });
    const child = start(['run', 'p.mjs', '--threads', '2', '--checkpoint-interval', '20', '--json'], { cwd });
    await child.printed(/"type":"batches.committed"/);
    child.process.kill('SIGKILL');
    await child.ended;
    const resumed = await run(['resume', 'last', '--quiet'], { cwd, env: { ALONE: '1' } });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(output(cwd)).toBe(await outputAlone(file, { 'in.jsonl': INPUT }));
  });

  test('cancelled while a thread is in a loop that never ends', async () => {
    const hangs = `if (inThread && row.n >= 1000) { process.stderr.write(''); for (;;); } return row;`;
    const cwd = folder({ 'p.mjs': pipelineFile(hangs), 'in.jsonl': INPUT });
    const child = start(['run', 'p.mjs', '--threads', '2', '--json'], { cwd });
    await child.printed(/"type":"batch.started","stage":"work","batch":5[0-9]/);
    child.process.kill('SIGINT');
    await child.printed(/Pausing/, 'stderr');
    child.process.kill('SIGTERM');
    expect((await child.ended).code).toBe(130);
  });
});
