/**
 * Runs the command line for tests, in a fresh folder: `run` and `start` as a child process, from the built
 * `dist/src/cli/main.js`; `call` in this process, for everything but signals, crashes and several processes at once.
 * No test sleeps: it waits for the output of the child.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { freshFolder } from '../support/folders.js';
import { atTestEnd } from '../support/test-end.js';

export const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when the output matches. Rejects when the process ends first. */
  printed(pattern: RegExp, from?: 'stdout' | 'stderr'): Promise<RegExpExecArray>;
}

/** A fresh folder with these files. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const path = freshFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A shell line to run instead; "$@" is the command. */
  readonly shell?: string;
}

export function start(args: readonly string[], { cwd, env = {}, shell }: StartOptions): Running {
  const { DEBUG: _, FORCE_COLOR: __, ...inherited } = process.env;
  const words = [process.execPath, MAIN, ...args];
  const [command = '', ...rest] = shell === undefined ? words : ['/bin/sh', '-c', shell, 'sh', ...words];
  const child = spawn(command, rest, {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  atTestEnd(() => child.kill('SIGKILL'));
  const text = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
      for (const watch of watchers) watch();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, ...text });
      for (const watch of watchers) watch();
    });
  });
  const printed = (pattern: RegExp, from: 'stdout' | 'stderr' = 'stdout') =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const watch = () => {
        const found = pattern.exec(text[from]);
        if (found === null) return;
        watchers.delete(watch);
        resolve(found);
      };
      watchers.add(watch);
      watch();
      ended.then(
        (end) => reject(new Error(`ended before it printed ${pattern}: ${JSON.stringify(end)}`)),
        reject,
      );
    });
  return { process: child, ended, printed };
}

export function run(args: readonly string[], options: StartOptions): Promise<Ended> {
  return start(args, options).ended;
}

/**
 * Runs the command line in this process, through its own seam `commandLine`: 20 ms instead of the 300 ms of a child process.
 */
export async function call(
  args: readonly string[],
  { cwd, env = {} }: Pick<StartOptions, 'cwd' | 'env'>,
): Promise<Ended> {
  const { commandLine } = await import('../../src/cli/command-line.js');
  const { Terminal } = await import('../../src/cli/output/terminal.js');
  const before = { cwd: process.cwd(), env: { ...process.env }, script: process.argv[1] };
  // A pipeline file that was changed since an earlier call is loaded again.
  const { cache } = createRequire(import.meta.url);
  for (const path of Object.keys(cache)) if (path.startsWith(realpathSync(cwd))) delete cache[path];
  const stdout = new Output();
  const stderr = new Output();
  process.chdir(cwd);
  Object.assign(process.env, env);
  process.argv[1] = MAIN;
  try {
    const code = await commandLine(args, new Terminal(stdout.stream, stderr.stream));
    return { code, signal: null, stdout: stdout.text, stderr: stderr.text };
  } finally {
    process.chdir(before.cwd);
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, before.env);
    process.argv[1] = before.script as string;
  }
}

/** A stream that keeps its text. */
class Output {
  text = '';
  readonly stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      this.text += chunk.toString();
      done();
    },
  }) as unknown as NodeJS.WriteStream;
}

/** Runs a printed command, as a user copies it. */
export async function copied(line: string, cwd: string): Promise<string> {
  return (await promisify(execFile)('/bin/sh', ['-c', line], { cwd })).stdout;
}

/** Expects one line that starts with `error:`, without a stack. */
export function expectOneLine({ stderr }: Ended, ...parts: readonly (string | RegExp)[]): void {
  const lines = stderr.split('\n').filter((line) => line !== '');
  expect(lines, stderr).toHaveLength(1);
  expect(lines[0]).toMatch(/^error: /);
  expect(stderr).not.toMatch(/^\s+at /m);
  for (const part of parts) expect(lines[0]).toMatch(part);
}

export function events(
  stdout: string,
): { readonly type: string; readonly sessionId: string; readonly [field: string]: unknown }[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export const rowsText = (count: number, from = 0): string =>
  Array.from(
    { length: count },
    (_, i) => `${JSON.stringify({ n: from + i, word: `row ${from + i}` })}\n`,
  ).join('');

export const text = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8');

/** A pipeline file from in.jsonl to out.jsonl, with 20 rows per batch. */
export function pipelineFile(stages: string, options = ''): string {
  return `
import { existsSync } from 'node:fs';
import { defineStage, filter, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
interface Row { n: number; word: string }
let file = pipeline('words', { batchSize: 20 ${options} }).from(jsonl<Row>('in.jsonl'));
export default file${stages}.to(jsonl('out.jsonl'));
`;
}

/**
 * The delay of a stage per batch: none, or with the environment `SLOWLY` long enough that every computer can interrupt the
 * run, until `hurry`.
 */
export const PACE = `for (let left = Number(process.env.BATCH_MS ?? 0); left > 0 && !existsSync('hurry'); left -= 10)
      await new Promise((resolve) => setTimeout(resolve, 10));`;
/** An environment with slow stages: 200 batches, two at once, take 20 s. */
export const SLOWLY = { BATCH_MS: '200' };
/** For tests that open a page meanwhile: its process has a low priority, and starts with the layout of the charts. */
export const VERY_SLOWLY = { BATCH_MS: '1000' };
/** Ends the delays of the runs in this folder. */
export const hurry = (cwd: string): void => writeFileSync(join(cwd, 'hurry'), '');

/** A durable stage that doubles n, with the delay. */
export const DOUBLE = `.pipe(defineStage({
  name: 'double', version: '1', durable: true, concurrency: 2,
  process: async (rows: readonly Row[]) => {
    ${PACE}
    return rows.map((row) => ({ ...row, n: row.n * 2 }));
  },
}))`;

/** A stage that is pending from batch 3 until it is aborted. */
export const STUCK = `.pipe(defineStage({
  name: 'stuck',
  process: async (rows: readonly Row[], { batch, signal }) => {
    if (batch.index >= 3 && process.env.STUCK !== 'no') {
      await new Promise((_, reject) => {
        const alive = setInterval(() => {}, 1000);
        signal.addEventListener('abort', () => { clearInterval(alive); reject(signal.reason); });
      });
    }
    return rows;
  },
}))`;

/** A pipeline file that doubles n. */
export const DOUBLING = pipelineFile(DOUBLE);

/** A folder with this many rows, `p.ts` that doubles them, and these files. */
export function project(rows: number, files: Readonly<Record<string, string>> = {}): string {
  return folder({ 'in.jsonl': rowsText(rows), 'p.ts': DOUBLING, ...files });
}

/** An id without a session. */
export const UNKNOWN = '00000000-0000-4000-8000-000000000000';

/** The session id in the output of `--json`. */
export const sessionOf = (stdout: string): string => events(stdout)[0]?.sessionId ?? '';

/** Runs `p.ts` and pauses it in the middle. @returns the session's id. */
export async function paused(cwd: string): Promise<string> {
  const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
  await child.printed(/batches\.committed/);
  child.process.kill('SIGINT');
  const { stdout } = await child.ended;
  expect(events(stdout).at(-1)?.type).toBe('pipeline.paused');
  return sessionOf(stdout);
}
