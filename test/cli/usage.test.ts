/**
 * Wrong usage: one line with a suggestion, exit code 2, nothing on standard output, no stack trace, and nothing runs.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { call, expectOneLine, folder, project, UNKNOWN } from './command.js';

describe('wrong usage: 2, with a suggestion', () => {
  test.each<[string, string[], RegExp]>([
    ['an unknown option', ['run', 'p.ts', '--state-dri', 'x'], /--state-dri'\. Did you mean --state-dir\?/],
    ['an unknown command', ['rnu', 'p.ts'], /'rnu'\. Did you mean run\?/],
    ['a missing argument', ['run'], /missing required argument 'file'\. See xstate-pipeline run --help/],
    ['a missing value', ['run', 'p.ts', '--state-dir'], /argument missing/],
    ['arguments for a pipeline', ['sessions', 'q.ts'], /too many arguments/],
    ['an interval of 0', ['run', 'p.ts', '--checkpoint-interval', '0'], /whole number, from 1/],
    ['an interval that is not a number', ['run', 'p.ts', '--checkpoint-interval', '5k'], /whole number/],
    ['0 threads', ['run', 'p.ts', '--threads', '0'], /whole number, from 1/],
    ['too many threads', ['run', 'p.ts', '--threads', '65'], /a whole number from 1 to 64/],
    ['a batch before the first', ['fork', 'last', '--from', '-1'], /whole number, from 0/],
    ['help of an unknown command', ['help', 'rnu'], /'rnu'\. Did you mean run\?/],
    ['prune without an age', ['prune'], /--older-than/],
    ['a malformed age', ['prune', '--older-than', '7 days'], /7d, 12h/],
    [
      'an unknown viewer',
      ['run', 'p.ts', '--inspect=clasic'],
      /Allowed choices are page, classic, stately\./,
    ],
    ['a port out of range', ['inspect', '--port', '99999'], /a whole number, from 0 to 65535/],
    [
      'an address for all interfaces',
      ['inspect', '--host', '0.0.0.0'],
      /one address of this machine, not 0\.0\.0\.0/,
    ],
    ['an export without a session', ['inspect', '--export', 'x.html'], /Name it, for example: inspect last/],
    ['a missing recording', ['inspect', 'gone.jsonl'], /no recording gone\.jsonl/],
    ['a file without a recording', ['inspect', 'in.jsonl'], /in\.jsonl holds no recording/],
    ['a folder without a recording', ['inspect', '.'], /holds no recording/],
  ])('%s', async (_, args, message) => {
    const ended = await call(args, { cwd: project(1) });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expectOneLine(ended, message);
  });

  test('no arguments: the help, on standard error', async () => {
    const ended = await call([], { cwd: folder() });
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
  ])('that is a file or a symlink: %s refuses with 2', async (_, args) => {
    const cwd = project(3, { file: '' });
    symlinkSync('.', join(cwd, 'link'));
    for (const [name, message] of [
      ['file', 'not a directory'],
      ['link', 'a symlink'],
    ] as const) {
      const ended = await call([...args, '--state-dir', name], { cwd });
      expect(ended.code).toBe(2);
      expectOneLine(ended, `${name} is ${message}`, 'choose another state directory');
    }
  });

  test.runIf(process.platform === 'linux')('that cannot be created', async () => {
    const ended = await call(['run', 'p.ts', '--state-dir', '/proc/xstate-pipeline'], { cwd: project(3) });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /no directory can be made there; choose another/);
  });

  test('below a file', async () => {
    const cwd = project(3, { file: '' });
    const ended = await call(['run', 'p.ts', '--state-dir', 'file/state'], { cwd });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /not a directory; choose another/);
  });
});
