/** A process that is killed with SIGKILL at a line of its output, or when the caller says so. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How a process ended. */
export interface EndedProcess {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script with `argument` as JSON.
 * @param killAtLine from 1; absent: it is not killed
 * @param onStart gets a function that kills it. */
export async function runKilled(
  script: string,
  argument: object,
  killAtLine = Number.POSITIVE_INFINITY,
  onStart: (kill: () => void) => void = () => {},
): Promise<EndedProcess> {
  const child = spawn(process.execPath, [script, JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<Pick<EndedProcess, 'code' | 'signal'>>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  onStart(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += String(chunk);
  });
  let stdout = '';
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    stdout += `${line}\n`;
    if (++lines === killAtLine) child.kill('SIGKILL');
  }
  return { ...(await ended), stdout, stderr };
}
