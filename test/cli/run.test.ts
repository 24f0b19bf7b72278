/**
 * The output of a successful `run`.
 *
 * 1. The session id is the first line, the summary the last. `--quiet` prints only these and errors.
 * 2. `--json`: standard output has one event per line, `pipeline.started` first, with stages that print.
 * 3. A message names another unfinished session of the same pipeline, with the command to resume it.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  call,
  copied,
  events,
  folder,
  pipelineFile,
  project,
  rowsText,
  run,
  STUCK,
  start,
  text,
} from './command.js';

test('the session is the first line, the summary the last', async () => {
  const cwd = project(50);
  const { code, stdout, stderr } = await call(['run', 'p.ts'], { cwd });
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^session [0-9a-f-]{36}$/);
  expect(lines[1]).toMatch(/^✔ words completed: 50 rows in, 50 out, 0 lost, in \S+, [\d,]+ rows\/s$/);
  expect(lines[2]).toBe(`  output  ${join(cwd, 'out.jsonl')}`);
  expect(lines).toHaveLength(3);
  expect(stderr).toMatch(/^words started, .*1 stage: double$/m);
  expect(stdout + stderr).not.toContain('\x1b');
});

test('--quiet: session and one line', async () => {
  const cwd = project(50);
  const { stdout, stderr } = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^session \S+\n✔ words completed: [^\n]+\n$/);
});

test('lost rows: their number, the first one, the dead letters', async () => {
  const stage = `.pipe(defineStage({ name: 'even', onError: 'dead-letter', process: (rows: readonly Row[]) => rows }))
    .pipe(map('odd', (row: Row) => { if (row.n % 2) throw new Error('odd'); return row; }, { onError: 'dead-letter' }))`;
  const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(50) });
  const { code, stdout } = await call(['run', 'p.ts'], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/▲ words completed: 50 rows in, 25 out, 25 lost/);
  expect(stdout).toContain(`dead letters  ${join(cwd, 'out.dead-letter.jsonl')} (25 rows)`);
  expect(stdout).toMatch(/first loss {4}odd, batch 0, row 1: .*odd/);
  expect(text(cwd, 'out.dead-letter.jsonl').trimEnd().split('\n')).toHaveLength(25);
});

test('--json: events only, with stages that print', async () => {
  const stage =
    ".pipe(map('loud', (row: Row) => { console.log('log'); process.stdout.write('write\\n'); return row; }))";
  const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(50) });
  const { code, stdout, stderr } = await run(['run', 'p.ts', '--json'], { cwd });
  expect(code).toBe(0);
  const all = events(stdout);
  expect(all[0]).toMatchObject({ type: 'pipeline.started', pipeline: 'words', resumed: false });
  expect(all[0]?.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  expect(all.at(-1)).toMatchObject({ type: 'pipeline.completed', success: true, rowsIn: 50, rowsOut: 50 });
  expect(stderr).toContain('log\nwrite\n');
  expect(stderr).toMatch(/✔ words completed/);
});

test('--checkpoint-interval and --state-dir', async () => {
  const cwd = project(400);
  const commits = async (...more: string[]) => {
    const { stdout } = await call(['run', 'p.ts', '--json', '--state-dir', 'kept here', ...more], { cwd });
    return events(stdout).filter(({ type }) => type === 'batches.committed').length;
  };
  expect(await commits('--checkpoint-interval', '20')).toBeGreaterThan(
    await commits('--checkpoint-interval', '400'),
  );
  expect(readdirSync(join(cwd, 'kept here'))).toHaveLength(2);
});

test('a second session beside an unfinished one names it, with the command to resume it', async () => {
  const cwd = folder({ 'p.ts': pipelineFile(STUCK), 'in.jsonl': rowsText(100) });
  const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20', '--state-dir', "it's here"], {
    cwd,
  });
  const [, id = ''] = await child.printed(/"sessionId":"([^"]+)"/);
  await child.printed(/batches\.committed/);
  child.process.kill('SIGKILL');
  await child.ended;
  const other = { cwd, env: { STUCK: 'no' } };
  const { code, stderr } = await call(['run', 'p.ts', '--state-dir', "it's here"], other);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /An unfinished session of words is stored, [1-9]\d* rows in, saved .*\. To resume it instead: /,
  );
  const command = /instead: (.+)$/m.exec(stderr)?.[1] ?? '';
  expect(command).toContain(`resume ${id} --state-dir 'it'\\''s here'`);
  const json = events((await call(['run', 'p.ts', '--json', '--state-dir', "it's here"], other)).stdout);
  expect(json[0]?.type).toBe('pipeline.started');
  expect(json[1]).toMatchObject({ type: 'notice', sessionId: json[0]?.sessionId });
  // The two later runs have not touched the output of the first.
  expect(await copied(`STUCK=no ${command}`, cwd)).toContain('completed: 100 rows in, 100 out');
  expect(text(cwd, 'out.jsonl')).toBe(rowsText(100));
});
