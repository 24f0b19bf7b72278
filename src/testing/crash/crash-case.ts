/**
 * One pipeline in a folder of its own, killed once or more and resumed until it completes; and what is wrong then.
 *
 * - (I7) The output is byte-identical to that of an uninterrupted run: no row lost, none twice.
 * - (I8) A durable batch that was announced is never given to its stage again, by any process, and no attempt is made twice
 *   by one; a batch that was interrupted gets the same idempotency key.
 * - A session that has announced anything is there, whenever it was killed.
 * - Nobody hangs, and the last process, which nobody kills, completes.
 */
import type { CrashFolder } from './crash-folder.js';
import { type Death, type Life, live } from './life.js';

export interface CrashCaseOptions {
  readonly folder: CrashFolder;
  /** One process each; the process after the last is not killed. */
  readonly deaths: readonly Death[];
  readonly timeoutMs: number;
  /** What is compared. */
  readonly output: (folder: CrashFolder) => Promise<unknown>;
}

export interface CrashCaseOutcome {
  readonly lives: readonly Life[];
  readonly output: unknown;
  /** What went wrong, before anything is compared. */
  readonly problems: readonly string[];
}

/** @returns how it went; `problems` are empty where all is well so far. */
export async function crashCase(options: CrashCaseOptions): Promise<CrashCaseOutcome> {
  const { folder, deaths, timeoutMs } = options;
  const lives: Life[] = [];
  const problems: string[] = [];
  const promised = new Set<string>();
  const keys = new Map<string, string>();
  for (const death of [...deaths, undefined]) {
    const session = await folder.session();
    if (session?.state === 'COMPLETED') break;
    if (session?.state === 'CORRUPT') {
      problems.push(`the checkpoint cannot be used: ${session.reasons.join('; ')}`);
      break;
    }
    if (session === undefined && promised.size > 0) {
      problems.push('the session is gone, after batches of it had been announced as durable');
      break;
    }
    const resume = session?.sessionId;
    const life = await live({ folder, resume, death, timeoutMs });
    lives.push(life);
    problems.push(...secondInvocations(life, promised, keys));
    const problem = problemOf(life, timeoutMs);
    if (problem !== undefined) problems.push(problem);
    if (problem !== undefined || (life.exitCode === 0 && death === undefined)) break;
  }
  return { lives, output: await options.output(folder), problems };
}

/** What the stages noted against what the observers had been told; both sets grow. */
export function secondInvocations(life: Life, promised: Set<string>, keys: Map<string, string>): string[] {
  const problems: string[] = [];
  const attempts = new Set<string>();
  for (const { stage, batch, attempt, idempotencyKey } of life.invocations) {
    const place = `${idempotencyKey.slice(0, 36)} ${stage} ${batch}`;
    if (attempts.has(`${place} ${attempt}`))
      problems.push(`stage "${stage}" was invoked twice for attempt ${attempt} of batch ${batch}`);
    attempts.add(`${place} ${attempt}`);
    if (promised.has(place))
      problems.push(`stage "${stage}" was invoked again for batch ${batch}, whose output was durable`);
    const known = keys.get(place) ?? idempotencyKey;
    if (known !== idempotencyKey)
      problems.push(`batch ${batch} of stage "${stage}" had another idempotencyKey before`);
    keys.set(place, known);
  }
  for (const event of life.events) {
    if (event.type === 'batch.completed' && event.durable)
      promised.add(`${event.sessionId} ${event.stage} ${event.batch}`);
  }
  return problems;
}

function problemOf({ isHung, exitCode, stderr }: Life, timeoutMs: number): string | undefined {
  if (isHung) return `a process had not ended after ${timeoutMs} ms`;
  if (exitCode === undefined || exitCode === 0) return undefined;
  return `a process ended with exit code ${exitCode}: ${stderr.trim().slice(-1_000) || 'it said nothing'}`;
}
