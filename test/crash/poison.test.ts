/**
 * A batch that crashes the process every time.
 *
 * Pinned: attempts are counted across crashes. After three crashes the run fails and names the batch, or the batch goes to
 * the dead letters and the rest completes. A process that is killed while it makes progress quarantines no batch.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { freshFolder } from '../support/folders.js';

const CHILD = fileURLToPath(new URL('poison.child.mjs', import.meta.url));

type OutputLine = Record<string, unknown> & { type: string };

function runProcess(args: object): Promise<{ readonly lines: OutputLine[]; readonly signal: string | null }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CHILD, JSON.stringify(args)], (error, stdout) => {
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as OutputLine);
      resolve({ lines, signal: (error?.signal as string | undefined) ?? null });
    });
  });
}

async function crashUntilDecided(onPoison: string, concurrency: number) {
  const folder = freshFolder();
  const input = join(folder, 'in.jsonl');
  const output = join(folder, 'out.jsonl');
  writeFileSync(input, Array.from({ length: 200 }, (_, n) => `${JSON.stringify({ n })}\n`).join(''));
  const args = { input, output, state: join(folder, 'state'), poisonRow: 77, concurrency, onPoison };
  let sessionId: unknown = null;
  const attempts: unknown[] = [];
  for (let process = 1; process <= 8; process++) {
    const { lines, signal } = await runProcess({ ...args, sessionId });
    sessionId = lines.find((line) => line.sessionId !== undefined)?.sessionId ?? sessionId;
    attempts.push(...lines.filter((line) => line.type === 'crash').map((line) => line.attempt));
    if (signal === null) return { result: lines.at(-1) as OutputLine, process, output, attempts };
  }
  throw new Error('the batch was never quarantined');
}

test.each([1, 8])('the run fails, naming the batch (concurrency %i)', async (concurrency) => {
  const { result, process, attempts } = await crashUntilDecided('fail', concurrency);
  expect(process).toBe(4);
  expect(attempts).toHaveLength(3);
  expect(result.error).toMatchObject({ code: 'POISON_BATCH' });
  expect((result.error as { message: string }).message).toContain('Batch 7 (rows 70 to 79');
});

test('the batch goes to the dead letters, and the rest completes', async () => {
  const { result, output } = await crashUntilDecided('dead-letter', 4);
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
