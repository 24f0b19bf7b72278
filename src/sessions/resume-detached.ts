/** Starts `resume` as a detached process. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sendControl } from '../checkpoint/lock/control-client.js';
import { sessionCommand } from './invocation.js';

export interface ResumeAnswer {
  readonly ok: boolean;
  /** One sentence for the user. */
  readonly message: string;
}

const LOOK_AGAIN_MS = 50;
/** Loading a pipeline file takes a second or two. */
const PATIENCE_MS = 20_000;

const REASONS: Readonly<Record<number, string | undefined>> = {
  1: 'The run failed.',
  2: 'The pipeline file does not load.',
  3: 'The pipeline or its input has changed.',
  4: 'There is no such session.',
  5: 'Another process runs it.',
  6: 'The checkpoint, or the journal, is corrupt.',
};

/** Resolves when the process runs the session, or has ended. Its output is discarded. */
export async function resumeDetached(sessionId: string, stateDir: string): Promise<ResumeAnswer> {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const args = [main, 'resume', sessionId, '--record', '--quiet', '--state-dir', resolve(stateDir)];
  const child = spawn(process.execPath, args, { detached: true, stdio: 'ignore' });
  child.unref();
  let ended: ResumeAnswer | undefined;
  child.once('error', ({ message }) => {
    ended = { ok: false, message };
  });
  child.once('exit', (code) => {
    ended = endOf(code, sessionCommand('resume', sessionId, stateDir));
  });
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_AGAIN_MS) {
    await new Promise((next) => setTimeout(next, LOOK_AGAIN_MS));
    if (ended !== undefined) return ended;
    if (await isRunning(sessionId, stateDir)) break;
  }
  return { ok: true, message: `Resumed by process ${child.pid}.` };
}

/** The process takes the lock first, and may still refuse to resume. */
async function isRunning(sessionId: string, stateDir: string): Promise<boolean> {
  const request = { directory: join(stateDir, sessionId), sessionId, timeoutMs: 1_000 };
  const status = await sendControl({ ...request, command: 'status' }).catch(() => undefined);
  return status?.sessionId === sessionId && status.state !== 'PAUSED';
}

function endOf(code: number | null, command: string): ResumeAnswer {
  if (code === 0) return { ok: true, message: 'Completed.' };
  const reason = (code === null ? undefined : REASONS[code]) ?? 'The process ended at once.';
  return { ok: false, message: `${reason} For the details, run: ${command}` };
}
