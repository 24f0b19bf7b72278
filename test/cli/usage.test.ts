/**
 * What was mistyped: one line that says what was meant, exit code 2, nothing on standard output, no stack trace, and
 * nothing run.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectOneLine, folder, project, run, UNKNOWN } from './command.js';

describe('usage: 2, and what was meant', () => {
  test.each<[string, string[], RegExp]>([
    ['an unknown option', ['run', 'p.ts', '--state-dri', 'x'], /--state-dri'\. Did you mean --state-dir\?/],
    ['an unknown command', ['rnu', 'p.ts'], /'rnu'\. Did you mean run\?/],
    ['a missing argument', ['run'], /missing required argument 'file'\. See xstate-pipeline run --help/],
    ['a missing value', ['run', 'p.ts', '--state-dir'], /argument missing/],
    ['too many arguments', ['run', 'p.ts', 'q.ts'], /too many arguments/],
    ['an interval of nothing', ['run', 'p.ts', '--checkpoint-interval', '0'], /whole number, from 1/],
    ['an interval that is no number', ['run', 'p.ts', '--checkpoint-interval', '5k'], /whole number/],
    ['no threads', ['run', 'p.ts', '--threads', '0'], /whole number, from 1/],
    ['too many threads', ['run', 'p.ts', '--threads', '65'], /a whole number from 1 to 64/],
    ['a batch before the first', ['fork', 'last', '--from', '-1'], /whole number, from 0/],
    ['help of an unknown command', ['help', 'rnu'], /'rnu'\. Did you mean run\?/],
    ['prune without an age', ['prune'], /--older-than/],
    ['an age that is none', ['prune', '--older-than', '7 days'], /7d, 12h/],
    [
      'a viewer that is none',
      ['run', 'p.ts', '--inspect=clasic'],
      /Allowed choices are page, classic, stately\./,
    ],
    ['a port that is none', ['inspect', '--port', '99999'], /a whole number, from 0 to 65535/],
    [
      'an address that is everybody’s',
      ['inspect', '--host', '0.0.0.0'],
      /one address of this machine, not 0\.0\.0\.0/,
    ],
    ['an export of everything', ['inspect', '--export', 'x.html'], /say which, for example last/],
    ['a recording that is not there', ['inspect', 'gone.jsonl'], /no recording gone\.jsonl/],
    ['a file that is no recording', ['inspect', 'in.jsonl'], /in\.jsonl holds no recording/],
    ['a folder without a recording', ['inspect', '.'], /holds no recording/],
  ])('%s', async (_, args, message) => {
    const ended = await run(args, { cwd: project(1) });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expectOneLine(ended, message);
  });

  test('nothing at all: the help, on standard error', async () => {
    const ended = await run([], { cwd: folder() });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toContain('Examples:');
  });
});

describe('the state directory', () => {
  test.each<[string, string[]]>([
    ['run', ['run', 'p.ts']],
    ['resume', ['resume', 'last']],
    ['sessions', ['sessions']],
    ['show', ['show', UNKNOWN]],
    ['prune', ['prune', '--older-than', '7d']],
  ])('is a file, or a symlink: %s refuses with 2', async (_, args) => {
    const cwd = project(3, { file: '' });
    symlinkSync('.', join(cwd, 'link'));
    for (const [name, message] of [
      ['file', 'not a directory'],
      ['link', 'a symlink'],
    ] as const) {
      const ended = await run([...args, '--state-dir', name], { cwd });
      expect(ended.code).toBe(2);
      expectOneLine(ended, `${name} is ${message}`, 'choose another state directory');
    }
  });

  test.runIf(process.platform === 'linux')('cannot be made', async () => {
    const ended = await run(['run', 'p.ts', '--state-dir', '/proc/xstate-pipeline'], { cwd: project(3) });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /no directory can be made there; choose another/);
  });

  test('is below a file', async () => {
    const cwd = project(3, { file: '' });
    const ended = await run(['run', 'p.ts', '--state-dir', 'file/state'], { cwd });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /not a directory; choose another/);
  });
});
