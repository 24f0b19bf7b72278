/**
 * Real processes with `distinct` and `fold`, killed with SIGKILL and resumed by others.
 *
 * Pinned: I5, I7: output and results are byte-identical to those of an uninterrupted run. `XSTATE_PIPELINE_KILLS=200` kills more.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type PipelineEvent, seededRandom } from 'xstate-pipeline';
import { freshFolder } from '../../support/folders.js';
import { SEED } from '../../support/seed.js';

const CHILD = fileURLToPath(new URL('keyed-child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_KILLS ?? 6);
const ROWS = 6_000;
/** Kills in one session. */
const MOST = 10;
/** Events until the last possible kill of a process. */
const EVENTS = 150;

interface Ended {
  readonly isCompleted: boolean;
  readonly sessionId: string | null;
  readonly stderr: string;
}

async function runChild(
  options: object,
  sessionId: string | null,
  killAfter = Number.POSITIVE_INFINITY,
): Promise<Ended> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify({ ...options, sessionId })], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  let [count, isCompleted, id] = [0, false, sessionId];
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.endsWith('}')) continue;
    const event = JSON.parse(line) as PipelineEvent;
    id = event.sessionId;
    if (event.type === 'pipeline.completed') isCompleted = true;
    if (++count === killAfter) child.kill('SIGKILL');
  }
  return { isCompleted, sessionId: id, stderr };
}

test.each([false, true])(
  `killed again and again, with a durable stage: %s (seed ${SEED})`,
  async (isPaid) => {
    const folder = freshFolder();
    const at = (name: string) => join(folder, name);
    const line = (n: number) => `${JSON.stringify({ n, id: (n * 7919) % 4_001, text: `row ${n} ünï` })}\n`;
    writeFileSync(at('in.jsonl'), Array.from({ length: ROWS }, (_, n) => line(n)).join(''));
    const golden = { folder, isPaid, output: at('golden.jsonl'), results: at('golden-totals.jsonl') };
    expect((await runChild(golden, null)).isCompleted).toBe(true);
    expect(readFileSync(golden.output, 'utf8').split('\n')).toHaveLength(4_002);

    const random = seededRandom(SEED);
    const options = { folder, isPaid, output: at('out.jsonl'), results: at('totals.jsonl') };
    for (let kills = 0; kills < KILLS / 2; ) {
      let sessionId: string | null = null;
      for (let inSession = 0; ; inSession++) {
        const isLast = inSession === MOST || kills >= KILLS / 2;
        const ended: Ended = await runChild(
          options,
          sessionId,
          isLast ? undefined : 1 + Math.floor(random() * EVENTS),
        );
        expect(ended.stderr).toBe('');
        sessionId = ended.sessionId;
        if (ended.isCompleted) break;
        expect(isLast, 'the last process, which is not killed, completes').toBe(false);
        kills++;
      }
      for (const [path, expected] of [
        [options.output, golden.output],
        [options.results, golden.results],
      ] as const)
        expect(readFileSync(path, 'utf8'), `${path} after ${kills} kills`).toBe(
          readFileSync(expected, 'utf8'),
        );
      expect(readdirSync(folder).filter((name) => name.startsWith('totals.jsonl.'))).toEqual([]);
    }
  },
  900_000,
);
