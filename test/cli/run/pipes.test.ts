/**
 * `-`: rows from standard input and to standard output. All else goes to standard error. It is said at once that such a run cannot be
 * resumed. A reader that has gone ends the run quietly, with exit code 141.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readAt } from '../../../src/formats/byte-blocks.js';
import { StreamHandle } from '../../../src/sources/standard-input.js';
import { expectOneLine, folder, rowsText, run, text } from '../command.js';

const file = (source: string, sink: string, stage = '.pipe(map("same", (row) => row))') => `
import { map, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
export default pipeline('pipe').from(${source})${stage}.to(${sink});`;
const BOTH = file("jsonl('-')", "jsonl('-')");
const piped = (input: string, rest = '') => `${input} | "$@" ${rest}`;

describe('from standard input to standard output', () => {
  test('rows are all of standard output, whatever a stage prints', async () => {
    const noisy = '.pipe(map("noisy", (row) => { console.log("noise"); return row; }))';
    const cwd = folder({ 'p.mjs': file("jsonl('-')", "jsonl('-')", noisy), 'in.jsonl': rowsText(2000) });
    const { code, stdout, stderr } = await run(['run', 'p.mjs'], { cwd, shell: piped('cat in.jsonl') });
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(rowsText(2000));
    expect(stderr).toContain('noise');
    expect(stderr).toContain(
      'This run cannot be resumed: standard input is read once, and standard output cannot be taken back.',
    );
    expect(stderr).toMatch(/2,?000 rows/);
  });

  test('gzip and CSV are read, CSV is written, in threads too', async () => {
    const cwd = folder({
      'p.mjs': file("csv('-')", "csv('-')"),
      'j.mjs': BOTH,
      'in.csv': 'a,b\n1,"x\ny"\n2,z\n',
      'in.jsonl': rowsText(3000),
    });
    const plain = await run(['run', 'p.mjs'], { cwd, shell: piped('cat in.csv') });
    expect(plain.stdout, plain.stderr).toBe('a,b\n1,"x\ny"\n2,z\n');
    const packed = await run(['run', 'j.mjs', '--threads', '2'], { cwd, shell: piped('gzip -c in.jsonl') });
    expect(packed.stdout, packed.stderr).toBe(rowsText(3000));
  });

  test('an empty input gives an empty output', async () => {
    const cwd = folder({ 'p.mjs': BOTH });
    expect(await run(['run', 'p.mjs'], { cwd, shell: piped('true') })).toMatchObject({ code: 0, stdout: '' });
  });
});

test('a reader that has gone ends the run quietly', async () => {
  const cwd = folder({ 'p.mjs': file("jsonl('in.jsonl')", "jsonl('-')"), 'in.jsonl': rowsText(200_000) });
  const shell = '{ "$@"; echo "code $?" >&2; } | head -n 2';
  const { stdout, stderr } = await run(['run', 'p.mjs', '--quiet'], { cwd, shell });
  expect(stdout).toBe(rowsText(2));
  expect(stderr).toMatch(/code 141/);
  expect(stderr).not.toMatch(/error|EPIPE| at /);
});

test('a session of a pipe is not resumed, and --json is refused', async () => {
  const cwd = folder({
    'p.mjs': BOTH,
    'q.mjs': file("jsonl('-')", "jsonl('out.jsonl')"),
    'in.jsonl': rowsText(1000),
  });
  const shell = piped('cat in.jsonl');
  const both = await run(['run', 'p.mjs', '--json'], { cwd, shell });
  expect(both.code).toBe(2);
  expectOneLine(both, /--json and jsonl\('-'\) both write standard output/);
  const paused = await run(['run', 'q.mjs', '--sample', '100', '--quiet'], { cwd, shell });
  expect(paused.code).toBe(7);
  expect(paused.stdout).toContain('run again');
  expect(paused.stdout).not.toContain('  resume');
  const resumed = await run(['resume', 'last'], { cwd, shell });
  expect(resumed.code).toBe(3);
  expect(resumed.stderr).toContain('standard input cannot be read again');
  expect(existsSync(join(cwd, 'out.jsonl'))).toBe(false);
});

test('--limit reads the first rows of a pipe', async () => {
  const cwd = folder({ 'p.mjs': BOTH, 'q.mjs': file("jsonl('-')", "jsonl('out.jsonl')") });
  const endless = piped(`while :; do echo '{"n":1}'; done 2> rest.txt`);
  expect((await run(['run', 'p.mjs', '--limit', '3'], { cwd, shell: endless })).stdout).toBe(
    '{"n":1}\n'.repeat(3),
  );
  expect((await run(['run', 'q.mjs', '--limit', '3'], { cwd, shell: endless })).code).toBe(0);
  expect(text(cwd, 'out.limit-3.jsonl')).toBe('{"n":1}\n'.repeat(3));
});

test('a stream is read forward in constant memory, and may be closed while it waits', async () => {
  const stream = new PassThrough();
  const handle = new StreamHandle(stream);
  const contents = Buffer.from(Array.from({ length: 3_000_000 }, (_, n) => n % 251));
  for (let i = 0; i < 4; i++) stream.write(contents);
  expect(Buffer.from(await readAt(handle, 0, 3_000_000)).equals(contents)).toBe(true);
  expect(Buffer.from(await readAt(handle, 6_000_000, 100))).toEqual(contents.subarray(0, 100));
  expect(Buffer.from(await readAt(handle, 11_999_990, 10))).toEqual(contents.subarray(-10));
  await expect(readAt(handle, 0, 1)).rejects.toThrow('standard input cannot be read again');
  const waiting = handle.read(Buffer.alloc(10), 10, 12_000_000);
  await handle.close();
  await expect(waiting.catch(() => 0)).resolves.toBe(0);
});
