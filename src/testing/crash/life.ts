/** One child process: the real command line over the user's pipeline, watched from outside, and killed when told. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { PipelineEvent } from '../../observers/events.js';
import { type CrashFolder, type LedgerLine, PACKAGE } from './crash-folder.js';

const CLI = join(PACKAGE, 'dist/src/cli/main.js');
const PRELOAD = join(PACKAGE, 'dist/src/testing/crash/preload.js');

/** When a life ends, if it does not end by itself. */
export type Death =
  | { readonly atOperation: number }
  /** After so many events; asynchronously, so that the exact moment is nobody's choice. */
  | { readonly afterEvents: number };

/** What one process is told. */
export interface LifeOptions {
  readonly folder: CrashFolder;
  /** Goes on with this session; undefined: a new one. */
  readonly resume: string | undefined;
  readonly death: Death | undefined;
  readonly timeoutMs: number;
}

/** How a life went. */
export interface Life {
  /** Undefined when it was killed. */
  readonly exitCode: number | undefined;
  readonly events: readonly PipelineEvent[];
  /** Operations that persist, in order: `rename .xstate-pipeline/…/checkpoint.json`. */
  readonly operations: readonly string[];
  /** Invocations of durable stages, as the stages noted them. */
  readonly invocations: readonly LedgerLine[];
  readonly stderr: string;
  /** It had to be ended because it did not end. */
  readonly isHung: boolean;
}

/** Runs one process to its end. */
export async function live({ folder, resume, death, timeoutMs }: LifeOptions): Promise<Life> {
  const notes = folder.newNotes();
  const at = death !== undefined && 'atOperation' in death ? death.atOperation : 0;
  const url = pathToFileURL(PRELOAD);
  url.search = new URLSearchParams({ at: String(at), notes }).toString();
  const command = resume === undefined ? ['run'] : ['resume', resume];
  const before = (await folder.ledger()).length;
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
  const last = death !== undefined && 'afterEvents' in death ? death.afterEvents : undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = parsed(line);
    if (event === undefined) continue;
    events.push(event);
    if (events.length === last) child.kill('SIGKILL');
  }
  const exitCode = await ended;
  clearTimeout(timer);
  const operations = await folder.notes(notes);
  const invocations = (await folder.ledger()).slice(before);
  return { exitCode, events, operations, invocations, stderr, isHung };
}

/** A line that the kill cut short is no event. */
function parsed(line: string): PipelineEvent | undefined {
  try {
    return JSON.parse(line) as PipelineEvent;
  } catch {
    return undefined;
  }
}
