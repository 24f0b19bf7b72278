/**
 * The command line as a user meets it: the built `dist/src/cli/main.js` in a process of its own, in a fresh folder.
 * Nothing here waits for time to pass: a child is waited for by what it prints.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  /** Resolves when everything printed so far has matched. Rejects when the process ends first. */
  printed(pattern: RegExp, from?: 'stdout' | 'stderr'): Promise<RegExpExecArray>;
}

/** A fresh folder, with these files in it. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const path = freshFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Instead of the command itself: a shell line in which "$@" is the command. */
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

/** Runs a line that the product printed, as a user would copy it. */
export async function copied(line: string, cwd: string): Promise<string> {
  return (await promisify(execFile)('/bin/sh', ['-c', line], { cwd })).stdout;
}

/** A message as promised: one line that begins with `error:`, no stack. */
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

/** A pipeline file: 20 rows a batch, from in.jsonl to out.jsonl. */
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
 * What a stage awaits for a batch: nothing, or in the environment `SLOWLY` so long that no machine is too slow to meet
 * the run at work, until `hurry`.
 */
export const PACE = `for (let left = Number(process.env.BATCH_MS ?? 0); left > 0 && !existsSync('hurry'); left -= 10)
      await new Promise((resolve) => setTimeout(resolve, 10));`;
/** An environment in which stages take their time: 200 batches, two at once, are 20 s. */
export const SLOWLY = { BATCH_MS: '200' };
/** Where a page is opened meanwhile: its process gives way to every other, and lays charts out first. */
export const VERY_SLOWLY = { BATCH_MS: '1000' };
/** Runs that are begun in this folder take their time no more. */
export const hurry = (cwd: string): void => writeFileSync(join(cwd, 'hurry'), '');

/** Doubles n, at its pace. */
export const DOUBLE = `.pipe(defineStage({
  name: 'double', version: '1', durable: true, concurrency: 2,
  process: async (rows: readonly Row[]) => {
    ${PACE}
    return rows.map((row) => ({ ...row, n: row.n * 2 }));
  },
}))`;

/** From batch 3 on it waits until it is aborted, and for ever if it does not listen. */
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

/** Doubles n. */
export const DOUBLING = pipelineFile(DOUBLE);

/** A folder with so many rows, `p.ts` that doubles them, and these files. */
export function project(rows: number, files: Readonly<Record<string, string>> = {}): string {
  return folder({ 'in.jsonl': rowsText(rows), 'p.ts': DOUBLING, ...files });
}

/** The id of no session. */
export const UNKNOWN = '00000000-0000-4000-8000-000000000000';

/** The session that a run, or a resume, with `--json` was. */
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
