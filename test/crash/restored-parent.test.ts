/**
 * I28: a parent machine is killed at random, in every state of its child, and restored from a snapshot of random age. Nothing is
 * lost, doubled, invoked twice once it was durable, and nothing hangs.
 *
 * 6 kills in `npm test`; 200: `XSTATE_PIPELINE_PARENT_KILLS=200 npx vitest run test/crash/restored-parent.test.ts`.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { freshFolder } from '../support/folders.js';
import { SEED } from '../support/seed.js';

const KILLS = Number(process.env.XSTATE_PIPELINE_PARENT_KILLS ?? 6);
const KILLS_A_RUN = 3;
const ROWS = 1_500;
/** Without a new line in the log. */
const HANG_MS = 60_000;
const program = fileURLToPath(new URL('parent.child.mjs', import.meta.url));

interface Entry {
  readonly call?: number;
  readonly durable?: number;
  readonly failed?: object;
}

/** @param killAfterMs undefined: it runs to its end. @returns the exit code; null when it was killed. */
function run(folder: string, snapshot: string | undefined, killAfterMs: number | undefined) {
  return new Promise<{ code: number | null; errors: string }>((resolve) => {
    const args = [program, folder, ...(snapshot === undefined ? [] : [snapshot])];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (text: Buffer) => {
      errors += text;
    });
    const log = join(folder, 'log.jsonl');
    const bytes = () => statSync(log, { throwIfNoEntry: false })?.size ?? 0;
    const kill = () => child.kill('SIGKILL');
    let timer: NodeJS.Timeout;
    const killIfIdle = (before: number) => {
      timer = setTimeout(() => (bytes() > before ? killIfIdle(bytes()) : kill()), HANG_MS);
    };
    if (killAfterMs === undefined) killIfIdle(bytes());
    else timer = setTimeout(kill, killAfterMs);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, errors });
    });
  });
}

const snapshotsOf = (folder: string) =>
  readdirSync(join(folder, 'snapshots'))
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => join(folder, 'snapshots', name));

/** Batches that were called after their output had been announced as durable. */
function secondInvocations(folder: string): number[] {
  const durable = new Set<number>();
  const again: number[] = [];
  for (const line of readFileSync(join(folder, 'log.jsonl'), 'utf8').trim().split('\n')) {
    const entry = JSON.parse(line) as Entry;
    if (entry.durable !== undefined) durable.add(entry.durable);
    if (entry.call !== undefined && durable.has(entry.call)) again.push(entry.call);
  }
  return again;
}

const random = seededRandom(SEED);
const runs = Array.from({ length: Math.ceil(KILLS / KILLS_A_RUN) }, (_, i) => i);

test.each(runs)(`seed ${SEED}, parent %i`, { timeout: HANG_MS * 10 }, async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, 'snapshots'));
  const rows = Array.from({ length: ROWS }, (_, n) => ({ n }));
  writeFileSync(join(folder, 'in.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  let kills = 0;
  for (let life = 0; ; life++) {
    const snapshots = snapshotsOf(folder);
    const snapshot = snapshots[Math.floor(random() * snapshots.length)];
    const { code, errors } = await run(
      folder,
      snapshot,
      life < KILLS_A_RUN ? 150 + random() * 700 : undefined,
    );
    if (code === null) {
      expect(life, `it hangs: ${errors}`).toBeLessThan(KILLS_A_RUN);
      kills++;
      continue;
    }
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    if (life >= KILLS_A_RUN || kills === 0) break;
  }
  const expected = rows.map(({ n }) => `${JSON.stringify({ n, label: `of ${n}` })}\n`).join('');
  const outputs = readdirSync(folder).filter((name) => name.startsWith('out'));
  expect(outputs).toEqual(['out.jsonl']);
  expect(readFileSync(join(folder, 'out.jsonl'), 'utf8')).toBe(expected);
  expect(secondInvocations(folder)).toEqual([]);
});
