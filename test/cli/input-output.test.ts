/**
 * Unreadable input, failed rows, unwritable output: exit code 1, one line with the place, and a session that resumes after
 * the fix (I12, I19).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  call,
  DOUBLING,
  expectOneLine,
  folder,
  pipelineFile,
  project,
  rowsText,
  run,
  text,
} from './command.js';

/** Mounting needs privileges; without them the test is skipped. */
const [MOUNT, UNMOUNT] = ['mount', 'umount'] as const;

test.each<[string, (cwd: string) => void, number, RegExp]>([
  ['no input file', () => {}, 1, /Cannot open .*in\.jsonl: there is no such file/],
  ['a directory as input', (cwd) => mkdirSync(join(cwd, 'in.jsonl')), 1, /in\.jsonl: it is a directory/],
])('%s', async (_, prepare, code, message) => {
  const cwd = folder({ 'p.ts': DOUBLING });
  prepare(cwd);
  const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(ended.code).toBe(code);
  expectOneLine(ended, message);
  expect(ended.stdout).toBe('');
  expect((await call(['sessions'], { cwd })).stdout).toMatch(/^No sessions in/);
});

test('an empty file is valid input', async () => {
  const cwd = project(0);
  const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(ended.code).toBe(0);
  expect(ended.stdout).toContain('0 rows in, 0 out');
  expect(text(cwd, 'out.jsonl')).toBe('');
});

test('a last line without a line end is a row', async () => {
  const cwd = folder({ 'p.ts': DOUBLING, 'in.jsonl': rowsText(1).trimEnd() });
  const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(ended.code).toBe(0);
  expect(ended.stdout).toContain('1 row in, 1 out');
});

test('a malformed line: file, line and byte; after the fix, the session resumes', async () => {
  const good = rowsText(41);
  const cwd = folder({ 'p.ts': DOUBLING, 'in.jsonl': `${good}{"n": oops}\n${rowsText(5, 42)}` });
  const ended = await call(['run', 'p.ts', '--quiet', '--checkpoint-interval', '20'], { cwd });
  expect(ended.code).toBe(1);
  expectOneLine(ended, new RegExp(`in\\.jsonl, line 42, byte ${good.length}: .*Fix it and resume`));
  expect(ended.stderr).not.toContain('oops');
  writeFileSync(join(cwd, 'in.jsonl'), rowsText(47));
  const again = await call(['resume', 'last'], { cwd });
  expect(again.code).toBe(0);
  expect(again.stdout).toContain('47 rows in, 47 out');
});

test('a stage that throws: stage, batch, and line of the file', async () => {
  const stage =
    ".pipe(map('strict', (row: Row) => { if (row.n === 30) throw new TypeError('bad n'); return row; }))";
  const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(60) });
  const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(ended.code).toBe(1);
  expectOneLine(ended, /^error: Stage "strict", row 10 of batch 1 .*: bad n\. \(p\.ts:\d+\)$/);
  expect(ended.stdout).toMatch(/failed: .* are saved/);
});

test('all rows lost: 1, and the earlier result is kept', async () => {
  const stage =
    ".pipe(defineStage({ name: 'never', onError: 'skip', process: (): Row[] => { throw new Error('down'); } }))";
  const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(60), 'out.jsonl': 'earlier\n' });
  const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(ended.code).toBe(1);
  expectOneLine(ended, /60 rows were lost/);
  expect(text(cwd, 'out.jsonl')).toBe('earlier\n');
});

test('a file size limit: 1; after it is lifted, the session resumes', async () => {
  const cwd = folder({
    'p.ts': pipelineFile(".pipe(map('same', (row: Row) => row))"),
    'in.jsonl': rowsText(20_000),
  });
  const ended = await run(['run', 'p.ts', '--quiet'], { cwd, shell: 'ulimit -f 256; exec "$@"' });
  expect(ended.code).toBe(1);
  expectOneLine(ended, /out\.jsonl\.part: .*too large/);
  expect((await run(['resume', 'last'], { cwd })).code).toBe(0);
  expect(text(cwd, 'out.jsonl').split('\n')).toHaveLength(20_001);
});

const disk = folder();
const canMount = tries(MOUNT, ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]) && tries(UNMOUNT, [disk]);
test.runIf(canMount)('a full disk: 1; after space is freed, the session resumes', async () => {
  const cwd = folder({
    'in.jsonl': rowsText(20_000),
    'p.ts': DOUBLING.replace("'out.jsonl'", "'disk/out.jsonl'"),
  });
  mkdirSync(join(cwd, 'disk'));
  execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', join(cwd, 'disk')]);
  try {
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(1);
    expectOneLine(ended, /out\.jsonl\.part: the disk is full; make room and resume/);
    execFileSync(MOUNT, ['-o', 'remount,size=8m', join(cwd, 'disk')]);
    const again = await run(['resume', 'last'], { cwd });
    expect(again.code).toBe(0);
    expect(text(cwd, 'disk', 'out.jsonl').split('\n')).toHaveLength(20_001);
  } finally {
    execFileSync(UNMOUNT, [join(cwd, 'disk')]);
  }
});

function tries(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
