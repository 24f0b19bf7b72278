/** One child process: the real command line with the user's pipeline, observed from outside and killed at a given moment. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { PipelineEvent } from '../../observers/events.js';
import { type CrashFolder, type LedgerLine, PACKAGE } from './crash-folder.js';

const CLI = join(PACKAGE, 'dist/src/cli/main.js');
const PRELOAD = join(PACKAGE, 'dist/src/testing/crash/preload.js');

/** When the process is killed, unless it ends before. */
export type CrashMoment =
  | { readonly atOperation: number }
  /** After this many events. Asynchronous, so that the exact moment varies. */
  | { readonly afterEvents: number };

export interface ProcessRunOptions {
  readonly folder: CrashFolder;
  /** The session to resume; undefined: a new session. */
  readonly resume: string | undefined;
  readonly crashAt: CrashMoment | undefined;
  readonly timeoutMs: number;
}

/** What one process did, and how it ended. */
export interface ProcessRun {
  /** Undefined when the process was killed. */
  readonly exitCode: number | undefined;
  readonly events: readonly PipelineEvent[];
  /** Persisting operations, in order: `rename .xstate-pipeline/…/checkpoint.json`. */
  readonly operations: readonly string[];
  /** Invocations of durable stages, recorded by the stages themselves. */
  readonly invocations: readonly LedgerLine[];
  readonly stderr: string;
  /** The process exceeded its time limit and was killed. */
  readonly isHung: boolean;
}

/** Runs one process until it ends. */
export async function runProcess({
  folder,
  resume,
  crashAt,
  timeoutMs,
}: ProcessRunOptions): Promise<ProcessRun> {
  const log = folder.newOperationLog();
  const at = crashAt !== undefined && 'atOperation' in crashAt ? crashAt.atOperation : 0;
  const url = pathToFileURL(PRELOAD);
  url.search = new URLSearchParams({ at: String(at), log }).toString();
  const command = resume === undefined ? ['run'] : ['resume', resume];
  const before = (await folder.readLedger()).length;
  const child = spawn(process.execPath, ['--import', url.href, CLI, ...command, folder.entry, '--json'], {
    cwd: folder.work,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? undefined));
  });
  let isHung = false;
  const timer = setTimeout(() => {
    isHung = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const events: PipelineEvent[] = [];
  const last = crashAt !== undefined && 'afterEvents' in crashAt ? crashAt.afterEvents : undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = parsed(line);
    if (event === undefined) continue;
    events.push(event);
    if (events.length === last) child.kill('SIGKILL');
  }
  const exitCode = await ended;
  clearTimeout(timer);
  const operations = await folder.readOperationLog(log);
  const invocations = (await folder.readLedger()).slice(before);
  return { exitCode, events, operations, invocations, stderr, isHung };
}

/** Ignores a line that the kill cut short. */
function parsed(line: string): PipelineEvent | undefined {
  try {
    return JSON.parse(line) as PipelineEvent;
  } catch {
    return undefined;
  }
}
