/**
 * Stopping a run from outside, with real processes: I7, I8, I16, I17.
 *
 * 1. The first SIGINT, SIGTERM or SIGHUP pauses and saves. The printed command resumes, to byte-identical output.
 * 2. The second cancels, and so does a signal while files are opened. Both sessions can be resumed.
 * 3. `kill -9`, a closed pipe, an uncaught error, an exhausted heap: resumable, each with its exit code.
 * 4. A promise that never settles ends the run with a message.
 */
import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  copied,
  events,
  expectOneLine,
  folder,
  pipelineFile,
  project,
  rowsText,
  run,
  SLOWLY,
  STUCK,
  sessionOf,
  start,
  text,
} from '../command.js';
import { GOLDEN, RESUME, ROWS } from './long-run.js';

let cwd: string;
beforeEach(() => {
  cwd = project(ROWS, { 'stuck.ts': pipelineFile(STUCK) });
});

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s pauses and exits with %i; the printed command resumes', async (signal, code) => {
    const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
    await child.printed(/batches\.committed/);
    child.process.kill(signal);
    const ended = await child.ended;
    expect(ended.code).toBe(code);
    const all = events(ended.stdout);
    const last = all.at(-1);
    expect(last?.type).toBe('pipeline.paused');
    expect(last?.rowsIn).toBeLessThan(ROWS);
    const saved = Number(last?.rowsIn).toLocaleString('en-US');
    expect(ended.stderr).toContain(`${saved} rows in`);

    const stdout = await copied(RESUME.exec(ended.stderr)?.[1] ?? '', cwd);
    expect(stdout).toMatch(/completed: 4,000 rows in, 4,000 out, 0 lost/);
    expect(text(cwd, 'out.jsonl')).toBe(GOLDEN);
  });

  test('a second signal cancels the batches in flight', async () => {
    const child = start(['run', 'stuck.ts', '--json', '--checkpoint-interval', '20'], { cwd });
    await child.printed(/"batches\.committed","upTo":2/);
    child.process.kill('SIGINT');
    await child.printed(/Pausing/, 'stderr');
    child.process.kill('SIGTERM');
    const ended = await child.ended;
    expect(ended.code).toBe(130);
    expect(events(ended.stdout).at(-1)?.type).toBe('pipeline.cancelled');
    const again = await run(['resume', sessionOf(ended.stdout)], { cwd, env: { STUCK: 'no' } });
    expect(again.code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(rowsText(ROWS));
  });

  test.each(['SIGINT', 'SIGHUP'] as const)(
    '%s twice, as npm, yarn or a closed terminal send it, pauses',
    async (signal) => {
      const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
      await child.printed(/batches\.committed/);
      child.process.kill(signal);
      await child.printed(/Pausing/, 'stderr');
      child.process.kill(signal);
      const { stdout } = await child.ended;
      expect(events(stdout).at(-1)?.type).toBe('pipeline.paused');
    },
  );

  test('ends the process while the pipeline file is loaded', async () => {
    const file =
      'console.error("loading"); setInterval(() => {}, 1000); await new Promise(() => {}); export default 1;';
    const child = start(['run', 'slow.mjs'], { cwd: folder({ 'slow.mjs': file }) });
    await child.printed(/loading/, 'stderr');
    child.process.kill('SIGTERM');
    expect((await child.ended).code).toBe(143);
  });

  test('cancels while the source is opened', async () => {
    const file = `
      import { collect, map, pipeline } from 'xstate-pipeline';
      const source = { kind: 'slow', onMalformed: 'fail', describe: () => undefined, open() {
        console.error('opening'); setInterval(() => {}, 1000); return new Promise(() => {}); } };
      export default pipeline('opening').from(source).pipe(map('same', (row) => row)).to(collect());`;
    const child = start(['run', 'p.mjs'], { cwd: folder({ 'p.mjs': file }) });
    await child.printed(/opening/, 'stderr');
    child.process.kill('SIGINT');
    const ended = await child.ended;
    expect(ended.code).toBe(130);
    expect(ended.stdout).toContain('cancelled: before anything was saved');
  });
});

describe('an unexpected end', () => {
  test('kill -9, twice, then resume: byte-identical, and no durable batch is computed twice', async () => {
    let args = ['run', 'p.ts', '--checkpoint-interval', '20'];
    let stdout = '';
    for (let kills = 0; kills < 2; kills++) {
      const child = start([...args, '--json'], { cwd, env: SLOWLY });
      await child.printed(/"batches\.committed"/);
      child.process.kill('SIGKILL');
      const ended = await child.ended;
      expect(ended.signal).toBe('SIGKILL');
      stdout += ended.stdout;
      args = ['resume', sessionOf(ended.stdout)];
    }
    const listed = await run(['sessions'], { cwd });
    expect(listed.stdout).toMatch(/words +interrupted/);
    const ended = await run([...args, '--json'], { cwd });
    expect(ended.code, ended.stderr).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(GOLDEN);
    // The kill may have cut the last line.
    const whole = (stdout + ended.stdout)
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'));
    const computed = whole
      .map((line) => JSON.parse(line))
      .filter((event) => event.type === 'batch.completed' && event.durable && !event.fromJournal)
      .map((event) => event.batch);
    expect(new Set(computed).size).toBe(computed.length);
  });

  test('a closed reader: paused, saved, 141', async () => {
    const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
    const [, id = ''] = await child.printed(/"sessionId":"([^"]+)"/);
    child.process.stdout?.destroy();
    const ended = await child.ended;
    expect(ended.code).toBe(141);
    expect(ended.stderr).toMatch(RESUME);
    expect((await run(['resume', id], { cwd })).code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(GOLDEN);
  });

  test.runIf(existsSync('/dev/full'))(
    'an output that cannot be written: 1, and the receipt on standard error',
    async () => {
      const shell = 'exec "$@" > /dev/full';
      const listed = await run(['sessions'], { cwd, shell });
      expect(listed.code).toBe(1);
      expectOneLine(listed, /Cannot write standard output: the disk is full; make room/);
      const ended = await run(['run', 'p.ts', '--checkpoint-interval', '20'], { cwd, env: SLOWLY, shell });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/^error: Cannot write standard output: the disk is full; make room/m);
      expect(await copied(RESUME.exec(ended.stderr)?.[1] ?? '', cwd)).toContain('completed: 4,000 rows in');
      expect(text(cwd, 'out.jsonl')).toBe(GOLDEN);
    },
  );

  test.each([
    ['an unhandled rejection', 'Promise.reject(new Error("uncaught"))'],
    ['a throwing timer', 'setTimeout(() => { throw new Error("uncaught"); })'],
  ])('%s of a stage: one line, resumable, 1', async (_, uncaught) => {
    const stage = `.pipe(map('careless', (row: Row) => { if (row.n === 70 && process.env.CARELESS !== 'no') ${uncaught}; return row; }))`;
    cwd = folder({ 'in.jsonl': rowsText(ROWS), 'p.ts': pipelineFile(`${stage}${STUCK}`) });
    const child = start(['run', 'p.ts', '--checkpoint-interval', '20'], { cwd });
    const ended = await child.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error: uncaught error, in a stage .*: uncaught\. \(p\.ts:\d+\)/m);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
    const again = await run(['resume', 'last'], { cwd, env: { CARELESS: 'no', STUCK: 'no' } });
    expect(again.code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(rowsText(ROWS));
  });

  test('a stage that ends the process: a failure with any exit code; the session resumes', async () => {
    const stage = `.pipe(map('exits', (row: Row) => { if (row.n === 70 && process.env.EXITS !== 'no') process.exit(0); return row; }))`;
    cwd = folder({ 'in.jsonl': rowsText(ROWS), 'p.ts': pipelineFile(stage) });
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(1);
    expectOneLine(ended, /A stage ended the process during the run\. Remove process\.exit\(\)/);
    const again = await run(['resume', 'last'], { cwd, env: { EXITS: 'no' } });
    expect(again.code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(rowsText(ROWS));
  });

  test('an exhausted heap crashes the process; the session resumes', async () => {
    const stage = `.pipe(map('hungry', (row: Row) => { if (row.n === 70 && process.env.HUNGRY !== 'no') {
      const all: unknown[] = []; for (;;) all.push(new Array(10_000).fill(Math.random())); } return row; }))`;
    cwd = folder({ 'in.jsonl': rowsText(ROWS), 'p.ts': pipelineFile(stage) });
    const ended = await run(['run', 'p.ts'], { cwd, env: { NODE_OPTIONS: '--max-old-space-size=64' } });
    expect(ended.code === 0).toBe(false);
    const again = await run(['resume', 'last'], { cwd, env: { HUNGRY: 'no' } });
    expect(again.code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(rowsText(ROWS));
  });

  test('a second signal ends the run of a stage that ignores its abort signal', async () => {
    const stage = `.pipe(defineStage({ name: 'lost', process: () => new Promise<Row[]>(() => void setInterval(() => {}, 1000)) }))`;
    cwd = folder({ 'in.jsonl': rowsText(5), 'p.ts': pipelineFile(stage) });
    const child = start(['run', 'p.ts', '--json'], { cwd });
    await child.printed(/batch\.started/);
    child.process.kill('SIGINT');
    await child.printed(/Pausing/, 'stderr');
    child.process.kill('SIGTERM');
    expect((await child.ended).code).toBe(130);
  });
});

test.each([
  ['a stage', `.pipe(map('hang', (row: Row) => new Promise<Row>((resolve) => void [row, resolve])))`],
  [
    'a durable stage',
    `.pipe(defineStage({ name: 'hang', durable: true, process: () => new Promise<Row[]>(() => {}) }))`,
  ],
])(
  '%s whose promise never settles ends the run with a message, though checkpoints are due by time',
  async (_, stage) => {
    const cwd = folder({
      'in.jsonl': rowsText(40),
      'p.ts': pipelineFile(stage, ', checkpointEveryMs: 3600000'),
    });
    const ended = await run(['run', 'p.ts'], { cwd });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/The run is stuck: a stage or source returned a promise that never settles/);
  },
);
