/**
 * `resume`: the checks before anything runs (I9, I15), and the report of `--explain` (I5, I8).
 *
 * Exit codes: a changed pipeline or input 3, unless forced; no such session 4; a corrupt checkpoint 6. stop.test.ts tests 5:
 * another process runs the session.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  call,
  copied,
  DOUBLE,
  DOUBLING,
  events,
  expectOneLine,
  folder,
  paused,
  pipelineFile,
  project,
  rowsText,
  run,
  start,
  text,
  UNKNOWN,
} from './command.js';

test('--explain reports what is reused and what runs, and changes nothing', async () => {
  const gate = `.pipe(defineStage({ name: 'double', version: '1', durable: true, concurrency: 4,
    process: async (rows: readonly Row[], { batch, signal }) => {
      if (batch.index === 2 && process.env.STUCK !== 'no') await new Promise((_, reject) => {
        const alive = setInterval(() => {}, 1000);
        signal.addEventListener('abort', () => { clearInterval(alive); reject(signal.reason); }); });
      return rows.map((row) => ({ ...row, n: row.n * 2 }));
    } }))`;
  const cwd = folder({ 'p.ts': pipelineFile(gate), 'in.jsonl': rowsText(200) });
  const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd });
  const [, id = ''] = await child.printed(/"sessionId":"([^"]+)"/);
  await child.printed(/"batches\.committed","upTo":1/);
  for (const batch of [3, 4, 5])
    await child.printed(new RegExp(`"batch.completed","stage":"double","batch":${batch},`));
  child.process.kill('SIGKILL');
  await child.ended;

  const home = join(cwd, '.xstate-pipeline', id);
  const state = () => [text(home, 'checkpoint.json'), statSync(join(cwd, 'out.jsonl.part')).size];
  const before = state();
  const { code, stdout, stderr } = await call(['resume', id.slice(0, 8), '--explain'], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/reused +2 batches committed: 40 rows in, 40 out/);
  expect(stdout).toMatch(/reused +\d+ outputs of stage "double" from the journal: batch 3–\d+/);
  expect(stdout).toMatch(/run +everything from batch 2: [\d,]+ of [\d,]+ bytes/);
  expect(stdout).toMatch(/Nothing was run/);
  expect(state()).toEqual(before);
  const explained = JSON.parse((await call(['resume', id, '--explain', '--json'], { cwd })).stdout);
  expect(explained.committed).toEqual({ batches: 2, rowsIn: 40, rowsOut: 40 });
  const journaled: number[] = explained.journaled[0].batches;

  const ended = await call(['resume', id, '--json'], { cwd, env: { STUCK: 'no' } });
  expect(ended.code).toBe(0);
  const replayed = events(ended.stdout)
    .filter((event) => event.type === 'batch.completed' && event.fromJournal)
    .map((event) => event.batch);
  expect(replayed).toEqual(journaled);
  expect(events(ended.stdout)[0]).toMatchObject({ type: 'pipeline.started', resumed: true, fromBatch: 2 });
});

test.each(['resume', 'show', 'pause', 'cancel', 'status'])('%s of an unknown session: 4', async (command) => {
  const cwd = folder();
  for (const id of [UNKNOWN, 'last', '../../etc', 'abc']) {
    const ended = await call([command, id], { cwd });
    expect(ended.code, id).toBe(4);
    const why =
      id === 'abc' ? /at least 4 characters of its id\. "xstate/ : /No session .*xstate-pipeline sessions/;
    expectOneLine(ended, why);
  }
});

const FORCE = /Start afresh, or resume with force \(--force\)/;
/** A missing file cannot be forced. */
const MISSING = /Put it back and resume, resume from the journal \(--from-journal\), or start afresh/;

test.each<[string, (cwd: string) => void, RegExp, RegExp]>([
  [
    'a stage of another version',
    (cwd) => writeFileSync(join(cwd, 'p.ts'), DOUBLING.replace("version: '1'", "version: '2'")),
    /stage "double" was version 1 and is 2/,
    FORCE,
  ],
  [
    'an added stage',
    (cwd) => writeFileSync(join(cwd, 'p.ts'), pipelineFile(`${DOUBLE}.pipe(map('more', (row) => row))`)),
    /stage 2 "more" was added/,
    FORCE,
  ],
  [
    'other rows before the position',
    (cwd) => writeFileSync(join(cwd, 'in.jsonl'), rowsText(4000).replace('row 0', 'ROW 0')),
    /the input before the committed position has changed/,
    FORCE,
  ],
  [
    'fewer rows',
    (cwd) => writeFileSync(join(cwd, 'in.jsonl'), rowsText(1)),
    /in\.jsonl has \d+ bytes, and the run had read/,
    MISSING,
  ],
  [
    'a missing output',
    (cwd) => writeFileSync(join(cwd, 'out.jsonl.part'), ''),
    /out\.jsonl\.part has 0 bytes/,
    MISSING,
  ],
])('changed: %s: 3, by resume and by --explain', async (_, change, message, advice) => {
  const cwd = project(4000);
  const id = await paused(cwd);
  change(cwd);
  for (const more of [['--explain'], []]) {
    // The lock of a refused resume is free when its process has ended.
    const ended = await (more.length > 0 ? call : run)(['resume', id, ...more], { cwd });
    expect(ended.code).toBe(3);
    expectOneLine(ended, message, advice);
    if (more.length === 0) continue;
    expect(ended.stdout).toMatch(/^ {2}reused {5}[\d,]+ batches committed: /m);
    expect(ended.stdout).toMatch(new RegExp(`^ {2}refused {4}.*${message.source}`, 'm'));
    expect(ended.stdout).not.toMatch(/Nothing was run|^ {2}run /m);
    const json = await call(['resume', id, ...more, '--json'], { cwd });
    expect(json.code).toBe(3);
    expect(JSON.parse(json.stdout).refused).toEqual([expect.stringMatching(message)]);
  }
  const status = await call(['status', id], { cwd });
  expect(status.stdout, status.stderr).toContain('paused');
});

test('from another directory: 3, with both paths', async () => {
  const cwd = project(4000);
  const id = await paused(cwd);
  const elsewhere = { cwd: folder() };
  const where = ['--state-dir', join(cwd, '.xstate-pipeline')];
  for (const more of [['--explain'], []]) {
    const ended = await call(['resume', id, ...where, ...more], elsewhere);
    expect(ended.code).toBe(3);
    const paths = `${join(cwd, 'in.jsonl')} and is ${join(elsewhere.cwd, 'in.jsonl')}`;
    expectOneLine(ended, `the source was ${paths} (paths begin where`);
  }
});

test('changed and forced: resumes', async () => {
  const cwd = project(4000);
  const id = await paused(cwd);
  writeFileSync(join(cwd, 'p.ts'), DOUBLING.replace("version: '1'", "version: '2'"));
  const explained = await call(['resume', id, '--explain', '--force'], { cwd });
  expect(explained).toMatchObject({ code: 0, stderr: '' });
  const ended = await call(['resume', id, '--force'], { cwd });
  expect(ended.code).toBe(0);
  expect(text(cwd, 'out.jsonl').split('\n')).toHaveLength(4001);
});

test('corrupt: 6, and other sessions still run', async () => {
  const cwd = project(4000);
  const id = await paused(cwd);
  const home = join(cwd, '.xstate-pipeline', id);
  for (const name of readdirSync(home).filter((file) => file.startsWith('checkpoint')))
    writeFileSync(join(home, name), '{"format":1,"__proto__":{}}');
  for (const args of [
    ['resume', id],
    ['resume', id, '--explain'],
    ['show', id],
    ['status', id],
  ]) {
    const ended = await call(args, { cwd });
    expect(ended.code, args.join(' ')).toBe(6);
    expectOneLine(ended, /cannot be used: .*checkpoint\.json/);
  }
  expect((await call(['sessions'], { cwd })).stdout).toMatch(new RegExp(`${id} +\\? +corrupt`));
  expect((await call(['run', 'p.ts'], { cwd })).code).toBe(0);
});

test('a corrupt checkpoint: the message names the command that resumes from the journal', async () => {
  const cwd = project(4000);
  const id = await paused(cwd);
  const home = join(cwd, '.xstate-pipeline', id);
  for (const name of readdirSync(home).filter((file) => file.startsWith('checkpoint')))
    writeFileSync(join(home, name), '{}');
  const refused = await call(['resume', id], { cwd });
  expect(refused.code).toBe(6);
  const [, command = ''] = /To resume from its journal: (.*)\.$/m.exec(refused.stderr) ?? [];
  expect(command).toMatch(/ resume \S+ --from-journal$/);
  const explained = await call(['resume', id, '--from-journal', '--explain'], { cwd });
  expect(explained.stdout).toMatch(/warning .*resumes from the journal's copy at batch \d+/);
  const printed = await copied(command, cwd);
  expect(printed).toMatch(/resumes from the journal's copy|4,000 rows in, 4,000 out/);
  expect(text(cwd, 'out.jsonl').split('\n')).toHaveLength(4001);
});

test('--verify reads the whole unfinished output: a flipped bit before its last block is refused with 3', async () => {
  // Wide rows: 60 of them are more than a block.
  const wide = rowsText(4000).replaceAll('row ', 'row '.repeat(60));
  const cwd = project(0, { 'in.jsonl': wide });
  const id = await paused(cwd);
  const part = join(cwd, 'out.jsonl.part');
  const bytes = readFileSync(part);
  expect(bytes.length).toBeGreaterThan(8_192);
  const explained = await call(['resume', id, '--verify', '--explain'], { cwd });
  expect(explained).toMatchObject({ code: 0, stderr: '' });
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(part, bytes);
  expect((await call(['resume', id, '--explain'], { cwd })).code).toBe(0);
  for (const more of [['--explain'], []]) {
    const ended = await call(['resume', id, '--verify', ...more], { cwd });
    expect(ended.code).toBe(3);
    expectOneLine(ended, /out\.jsonl\.part is damaged: the first \d+ bytes are not those/, MISSING);
  }
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(part, bytes);
  expect((await call(['resume', id, '--verify'], { cwd })).code).toBe(0);
});

test('--from-journal of an unknown session: 4', async () => {
  const cwd = project(3);
  const ended = await call(['resume', UNKNOWN, '--from-journal', 'p.ts'], { cwd });
  expect(ended.code).toBe(4);
});

test('a moved pipeline file is given as an argument', async () => {
  const cwd = project(4000);
  const id = await paused(cwd);
  writeFileSync(join(cwd, 'moved.ts'), DOUBLING);
  writeFileSync(join(cwd, 'p.ts'), 'export default 1;');
  const ended = await call(['resume', id], { cwd });
  expect(ended.code).toBe(2);
  expectOneLine(ended, /p\.ts: its default export is a number/);
  expect((await call(['resume', id, 'moved.ts'], { cwd })).code).toBe(0);
});

test('already completed: 0, and nothing runs', async () => {
  const cwd = project(3);
  const first = await call(['run', 'p.ts'], { cwd });
  const id = /^session (\S+)/.exec(first.stdout)?.[1] ?? '';
  for (const more of [[], ['--explain'], ['--force']]) {
    const ended = await call(['resume', id, ...more], { cwd });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('already completed: 3 rows in, 3 out');
  }
  const json = await call(['resume', id, '--json'], { cwd });
  expect(json).toMatchObject({ code: 0, stdout: '' });
});
