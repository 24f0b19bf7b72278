/**
 * Files that vanish, or that something else replaces, during a run: the message names them, and every advised command works.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { call, copied, expectOneLine, folder, pipelineFile, rowsText, text } from '../cli/command.js';

/** Resolves when a checkpoint covers a batch. */
const COMMITTED = `async function committed() {
  for (;;) {
    for (const id of readdirSync('.xstate-pipeline')) {
      const path = '.xstate-pipeline/' + id + '/checkpoint.json';
      if (existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).snapshot.context.flushed.batches > 0) return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}`;

/** A pipeline whose stage runs this code once, in batch 8. */
const project = (durable: boolean, code: string): string =>
  folder({
    'in.jsonl': rowsText(400),
    'p.ts': pipelineFile(
      `.pipe(defineStage({ name: 'once', durable: ${durable}, process: async (rows: readonly Row[], { batch }) => {
        if (batch.index === 8 && !existsSync('done')) { writeFileSync('done', ''); await committed(); ${code} }
        return [...rows];
      } }))`,
      ', checkpointInterval: 40',
    )
      .replace(
        '{ existsSync }',
        '{ existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync }',
      )
      .replace('let file', `${COMMITTED}\nlet file`),
  });

const REMOVE_PART = `rmSync('out.jsonl.part');`;
const REMOVE_STATE = `rmSync('.xstate-pipeline', { recursive: true });`;
const IN_THE_WAY = `for (const id of readdirSync('.xstate-pipeline')) {
  rmSync('.xstate-pipeline/' + id + '/checkpoint.previous.json', { force: true });
  mkdirSync('.xstate-pipeline/' + id + '/checkpoint.previous.json/x', { recursive: true }); }`;

/** The last line: a label and a command. */
const lastLine = (output: string): readonly [string, string] => {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  const [, label = '', command = ''] = /^ {2}(\S+(?: \S+)*) {2,}(.*)$/.exec(line) ?? [];
  return [label, command];
};

describe('the part file is removed during the run', () => {
  test.each([
    [false, 'run again', / run p\.ts$/],
    [true, 'resume', / --from-journal$/],
  ])('durable %s: it is named, and the advised command completes', async (durable, label, command) => {
    const cwd = project(durable, REMOVE_PART);
    const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(1);
    expectOneLine(ended, /out\.jsonl\.part was removed or replaced during the run/);
    expect(ended.stdout).not.toContain('are saved');
    const [found, advised] = lastLine(ended.stdout);
    expect(found).toBe(label);
    expect(advised).toMatch(command);
    await copied(advised, cwd);
    expect(text(cwd, 'out.jsonl')).toBe(text(cwd, 'in.jsonl'));
  });

  test('status and show advise no plain resume', async () => {
    const cwd = project(true, REMOVE_PART);
    await call(['run', 'p.ts', '--quiet'], { cwd });
    expect((await call(['status', 'last'], { cwd })).stdout).not.toMatch(/resume/);
    const { stdout } = await call(['show', 'last'], { cwd });
    expect(stdout).toMatch(/out\.jsonl\.part, which the run had written to, is not there any more/);
    expect(stdout).toMatch(/To resume: .* --from-journal/);
  });
});

test('the state directory is removed during the run: it is named, and no resume is advised', async () => {
  const cwd = project(false, REMOVE_STATE);
  const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(ended.code).toBe(1);
  expectOneLine(ended, /\.xstate-pipeline\/\S+ was removed during the run.*Run again/);
  expect(ended.stdout).not.toMatch(/ {2}resume|are saved/);
  for (const command of ['resume', 'status'])
    expect((await call([command, 'last'], { cwd })).code, command).toBe(4);
});

test('a directory in the place of a checkpoint is named in our words, and a resume works without it', async () => {
  const cwd = project(false, IN_THE_WAY);
  const ended = await call(['run', 'p.ts', '--quiet'], { cwd });
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/checkpoint\.previous\.json: a directory is in its place; move it away/);
  expect(ended.stderr).not.toMatch(/illegal operation/);
  const [, advised] = lastLine(ended.stdout);
  const [id = ''] = /[0-9a-f-]{36}/.exec(advised) ?? [];
  rmSync(join(cwd, '.xstate-pipeline', id, 'checkpoint.previous.json'), { recursive: true });
  await copied(advised, cwd);
  expect(text(cwd, 'out.jsonl')).toBe(text(cwd, 'in.jsonl'));
});
