/** `replay`, `fork` and `diff`: exit codes, a readable report, one line for wrong usage. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  call,
  DOUBLE,
  events,
  folder,
  pipelineFile,
  rowsText,
  run,
  SLOWLY,
  sessionOf,
  start,
} from './command.js';

async function recordedSession() {
  const cwd = folder({ 'in.jsonl': rowsText(400), 'p.ts': pipelineFile(DOUBLE) });
  const { stdout, code } = await call(['run', 'p.ts', '--json', '--record', '--checkpoint-interval', '100'], {
    cwd,
  });
  expect(code).toBe(0);
  return { cwd, id: events(stdout)[0]?.sessionId ?? '' };
}

test('replay: the same steps, and a different one', async () => {
  const { cwd, id } = await recordedSession();
  const same = await call(['replay', id.slice(0, 8), 'p.ts'], { cwd });
  expect(same).toMatchObject({ code: 0, stderr: '' });
  expect(same.stdout).toMatch(/^The same: \d+ events of one process, \d+ steps\.\n$/);
  const file = join('.xstate-pipeline', id, 'recording/000001.jsonl');
  const text = readFileSync(join(cwd, file), 'utf8');
  writeFileSync(join(cwd, 'other.jsonl'), text.replace('{"reader":"ended"}', '{"reader":"idle"}'));
  const other = await call(['replay', 'other.jsonl', 'p.ts'], { cwd });
  expect(other.code).toBe(3);
  expect(other.stdout).toContain("Today's machines part from the recording at event");
  expect(other.stdout).toContain('executor gets source.end in EXECUTING');
  expect(JSON.parse((await call(['replay', file, 'p.ts', '--json'], { cwd })).stdout)).toMatchObject({
    ok: true,
  });
});

test('fork and diff', async () => {
  const { cwd, id } = await recordedSession();
  const pipeline = readFileSync(join(cwd, 'p.ts'), 'utf8');
  writeFileSync(join(cwd, 'q.ts'), pipeline.replace('* 2', '* 3'));
  expect(readFileSync(join(cwd, 'q.ts'), 'utf8')).not.toBe(pipeline);
  const forked = await call(['fork', id, 'p.ts', '--from', '19', '--to', 'new.jsonl', '--quiet'], { cwd });
  expect(forked).toMatchObject({ code: 0, stderr: '' });
  expect(forked.stdout).toContain('The same: 400 rows.');
  const again = await call(['fork', id, 'q.ts', '--from', '0'], { cwd });
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(/1 rows? the same, 399 changed, 0 added, 0 disappeared/);
  expect(existsSync(join(cwd, 'out.jsonl.fork.jsonl'))).toBe(true);
  const newest = /session ([0-9a-f-]{36})/.exec(again.stdout)?.[1] ?? '';
  const compared = await call(['diff', id, newest], { cwd });
  expect(compared.code).toBe(3);
  expect(compared.stdout).toContain('399 changed');
  expect((await call(['diff', id, id], { cwd })).stdout).toBe('The same: 400 rows.\n');
});

test('fork takes the options of run: --json, --record, --threads', async () => {
  const cwd = folder({
    'in.jsonl': rowsText(400),
    'p.ts': pipelineFile(".pipe(map('double', (row: Row) => ({ ...row, n: row.n * 2 })))"),
    'q.ts': pipelineFile(".pipe(map('double', (row: Row) => ({ ...row, n: row.n * 3 })))"),
  });
  const first = await run(['run', 'p.ts', '--threads', '2', '--record', '--json'], { cwd });
  expect(first.code, first.stderr).toBe(0);
  const id = sessionOf(first.stdout);
  // Threads raise the concurrency of their stages; the replay ignores it.
  expect((await run(['replay', id, 'p.ts'], { cwd })).code).toBe(0);
  const words = ['fork', id, 'q.ts', '--from', '3', '--threads', '2', '--record', '--json'];
  const forked = await run(words, { cwd });
  expect(forked.code, forked.stderr).toBe(0);
  const lines = events(forked.stdout);
  expect(lines[0]?.type).toBe('pipeline.started');
  expect(lines.at(-2)?.type).toBe('pipeline.completed');
  expect(lines.at(-1)).toMatchObject({
    ...{ type: 'fork.compared', sessionId: sessionOf(forked.stdout), with: id },
    ...{ added: 0, disappeared: 0 },
  });
  const compared = lines.at(-1);
  expect(Number(compared?.same) + Number(compared?.changed)).toBe(400);
  expect(compared?.changed).toBeGreaterThan(300);
  expect(forked.stderr).toMatch(/\d+ changed, 0 added, 0 disappeared/);
  const recording = join('.xstate-pipeline', sessionOf(forked.stdout), 'recording/000001.jsonl');
  expect(readFileSync(join(cwd, recording), 'utf8')).toContain('"name":"double","concurrency":4');
  const replayed = await run(['replay', recording, 'q.ts', '--json'], { cwd });
  expect(JSON.parse(replayed.stdout)).toMatchObject({ ok: true, unchecked: 0 });
  expect((await run([...words, '--key', 'n', '--to', 'key.jsonl'], { cwd })).code).toBe(0);
});

test('an interrupted fork resumes in its own output', async () => {
  const { cwd, id } = await recordedSession();
  const output = readFileSync(join(cwd, 'out.jsonl'), 'utf8');
  const words = ['fork', id, '--from', '5', '--to', 'new.jsonl', '--json'];
  const child = start(words, { cwd, env: SLOWLY });
  await child.printed(/pipeline\.started/);
  child.process.kill('SIGINT');
  const ended = await child.ended;
  expect(events(ended.stdout).at(-1)?.type).toBe('pipeline.paused');
  const fork = sessionOf(ended.stdout);
  expect(fork).not.toBe(id);
  const resumed = await call(['resume', fork], { cwd });
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(resumed.stderr).toMatch(/The session keeps writing to .*new\.jsonl/);
  expect(readFileSync(join(cwd, 'new.jsonl'), 'utf8')).toBe(output);
  expect(readFileSync(join(cwd, 'out.jsonl'), 'utf8')).toBe(output);
  expect((await call(['diff', id, fork], { cwd })).stdout).toBe('The same: 400 rows.\n');
});

test('wrong usage is one line', async () => {
  const { cwd, id } = await recordedSession();
  const recording = readFileSync(join(cwd, '.xstate-pipeline', id, 'recording/000001.jsonl'), 'utf8');
  writeFileSync(join(cwd, 'torn.jsonl'), recording.slice(0, recording.search(/\{"k":"s"/i)));
  writeFileSync(join(cwd, 'newer.jsonl'), recording.replace(/"format":\d+/, '"format":99'));
  const cases: [string[], number, string][] = [
    [['replay', 'nowhere.jsonl', 'p.ts'], 2, 'There is no recording nowhere.jsonl'],
    [['replay', 'abcd1234', 'p.ts'], 4, 'abcd1234'],
    [['replay', id, 'nowhere.ts'], 2, 'nowhere.ts'],
    [['replay', id], 2, "missing required argument 'file'"],
    [['replay', 'in.jsonl', 'p.ts'], 2, 'holds no recording'],
    [['replay', '00000000-0000-4000-8000-000000000000', 'p.ts'], 4, 'No session'],
    [['replay', '/dev/null', 'p.ts'], 2, 'neither a file nor a directory'],
    [['replay', 'torn.jsonl', 'p.ts'], 2, 'nothing that could be compared'],
    [['replay', 'newer.jsonl', 'p.ts'], 2, 'newer release'],
    [['fork', id], 2, "required option '--from <batch>' not specified"],
    [['fork', id, '--from', '20'], 2, 'its batches are 0 to 19'],
    [['fork', id, '--form', '1'], 2, 'Did you mean --from?'],
    [['prune'], 2, "required option '--older-than <age>' not specified"],
    [['prune', '--older-then', '7d'], 2, 'Did you mean --older-than?'],
    [['fork', id, '--from', '1', '--to', 'no/such/folder/x.jsonl'], 2, 'has no folder'],
    [['fork', id, '--from', '1', '--key', 'nope'], 2, 'rows in'],
    [['diff', id, id, '--key', 'nope'], 2, 'rows in'],
    [['fork', id, '--from', 'x'], 2, 'whole number'],
    [['fork', id, '--from', '1', '--to', 'out.jsonl'], 2, 'exists already'],
    [['fork', id, '--from', '1', '--threads', 'x'], 2, 'whole number'],
    [['diff', id, 'abcd1234'], 4, 'abcd1234'],
  ];
  for (const [args, code, message] of cases) {
    const ended = await call(args, { cwd });
    expect(ended.code, args.join(' ')).toBe(code);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr.trim().split('\n'), ended.stderr).toHaveLength(1);
  }
});
