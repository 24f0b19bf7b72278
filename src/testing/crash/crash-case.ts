/**
 * One pipeline in its own folder, killed one or more times and resumed until it completes; and the problems found.
 *
 * - (I7) The output is byte-identical to that of an uninterrupted run: no row is lost or duplicated.
 * - (I8) No process invokes a durable stage again for an announced batch, or twice for one attempt. An interrupted batch
 *   keeps its idempotency key.
 * - A session that announced a durable batch is stored.
 * - No process hangs, and the last process, which is not killed, completes.
 */
import type { CrashFolder } from './crash-folder.js';
import { type CrashMoment, type ProcessRun, runProcess } from './process-run.js';

export interface CrashCaseOptions {
  readonly folder: CrashFolder;
  /** One process per crash; the process after the last crash is not killed. */
  readonly crashes: readonly CrashMoment[];
  readonly timeoutMs: number;
  /** Reads what is compared. */
  readonly output: (folder: CrashFolder) => Promise<unknown>;
}

export interface CrashCaseOutcome {
  readonly runs: readonly ProcessRun[];
  readonly output: unknown;
  /** Problems found before the output is compared. */
  readonly problems: readonly string[];
}

/** Runs, kills and resumes the pipeline. @returns the outcome; empty `problems`: none found yet. */
export async function crashCase(options: CrashCaseOptions): Promise<CrashCaseOutcome> {
  const { folder, crashes, timeoutMs } = options;
  const runs: ProcessRun[] = [];
  const problems: string[] = [];
  const promised = new Set<string>();
  const keys = new Map<string, string>();
  for (const crashAt of [...crashes, undefined]) {
    const session = await folder.session();
    if (session?.state === 'COMPLETED') break;
    if (session?.state === 'CORRUPT') {
      problems.push(`the checkpoint cannot be used: ${session.reasons.join('; ')}`);
      break;
    }
    if (session === undefined && promised.size > 0) {
      problems.push('the session is not stored, although batches of it were announced as durable');
      break;
    }
    const resume = session?.sessionId;
    const run = await runProcess({ folder, resume, crashAt, timeoutMs });
    runs.push(run);
    problems.push(...secondInvocations(run, promised, keys));
    const problem = problemOf(run, timeoutMs);
    if (problem !== undefined) problems.push(problem);
    if (problem !== undefined || (run.exitCode === 0 && crashAt === undefined)) break;
  }
  return { runs, output: await options.output(folder), problems };
}

/** Compares the stages' own ledger with the announced events, over all processes.
 * @param promised announced durable outputs; extended. @param keys idempotency keys by batch; extended. */
export function secondInvocations(
  run: ProcessRun,
  promised: Set<string>,
  keys: Map<string, string>,
): string[] {
  const problems: string[] = [];
  const attempts = new Set<string>();
  for (const { stage, batch, attempt, idempotencyKey } of run.invocations) {
    const place = `${idempotencyKey.slice(0, 36)} ${stage} ${batch}`;
    if (attempts.has(`${place} ${attempt}`))
      problems.push(`stage "${stage}" was invoked twice for attempt ${attempt} of batch ${batch}`);
    attempts.add(`${place} ${attempt}`);
    if (promised.has(place))
      problems.push(`stage "${stage}" was invoked again for batch ${batch}, whose output was durable`);
    const known = keys.get(place) ?? idempotencyKey;
    if (known !== idempotencyKey)
      problems.push(`batch ${batch} of stage "${stage}" got a different idempotencyKey than before`);
    keys.set(place, known);
  }
  for (const event of run.events) {
    if (event.type === 'batch.completed' && event.durable)
      promised.add(`${event.sessionId} ${event.stage} ${event.batch}`);
  }
  return problems;
}

function problemOf({ isHung, exitCode, stderr }: ProcessRun, timeoutMs: number): string | undefined {
  if (isHung) return `a process had not ended after ${timeoutMs} ms`;
  if (exitCode === undefined || exitCode === 0) return undefined;
  return `a process ended with exit code ${exitCode}: ${stderr.trim().slice(-1_000) || 'standard error was empty'}`;
}
