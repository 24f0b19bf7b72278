/**
 * A batch that kills the process, again and again.
 *
 * Pinned: attempts are counted across crashes; after three deaths the batch is named and the run fails, or the batch is set
 * aside and everything else completes; a process that is killed, and gets on in between, is never held to be poisoned.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { freshFolder } from '../support/folders.js';

const CHILD = fileURLToPath(new URL('poison.child.mjs', import.meta.url));

type Told = Record<string, unknown> & { type: string };

function live(args: object): Promise<{ readonly told: Told[]; readonly signal: string | null }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CHILD, JSON.stringify(args)], (error, stdout) => {
      const told = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Told);
      resolve({ told, signal: (error?.signal as string | undefined) ?? null });
    });
  });
}

async function dieUntilJudged(onPoison: string, concurrency: number) {
  const folder = freshFolder();
  const input = join(folder, 'in.jsonl');
  const output = join(folder, 'out.jsonl');
  writeFileSync(input, Array.from({ length: 200 }, (_, n) => `${JSON.stringify({ n })}\n`).join(''));
  const args = { input, output, state: join(folder, 'state'), deadlyRow: 77, concurrency, onPoison };
  let sessionId: unknown = null;
  const attempts: unknown[] = [];
  for (let life = 1; life <= 8; life++) {
    const { told, signal } = await live({ ...args, sessionId });
    sessionId = told.find((line) => line.sessionId !== undefined)?.sessionId ?? sessionId;
    attempts.push(...told.filter((line) => line.type === 'dies').map((line) => line.attempt));
    if (signal === null) return { result: told.at(-1) as Told, life, output, attempts };
  }
  throw new Error('nobody ever judged it');
}

test.each([1, 8])('the run fails, naming the batch (concurrency %i)', async (concurrency) => {
  const { result, life, attempts } = await dieUntilJudged('fail', concurrency);
  expect(life).toBe(4);
  expect(attempts).toHaveLength(3);
  expect(result.error).toMatchObject({ code: 'POISON_BATCH' });
  expect((result.error as { message: string }).message).toContain('Batch 7 (rows 70 to 79');
});

test('it is set aside, and everything else completes', async () => {
  const { result, output } = await dieUntilJudged('dead-letter', 4);
  expect(result).toMatchObject({
    success: true,
    isComplete: false,
    metrics: { rowsOut: 190, rowsFailed: 10 },
  });
  const rows = readFileSync(output, 'utf8').trim().split('\n');
  expect(rows.map((row) => (JSON.parse(row) as { n: number }).n)).toEqual(
    Array.from({ length: 200 }, (_, n) => n).filter((n) => n < 70 || n > 79),
  );
  const dead = readFileSync(output.replace('.jsonl', '.dead-letter.jsonl'), 'utf8').trim().split('\n');
  expect(dead).toHaveLength(10);
  expect(JSON.parse(dead[0] as string)).toMatchObject({ batch: 7, row: 0, value: { n: 70 } });
});
