/**
 * A killed run whose checkpoint is damaged in both generations resumes from its journal.
 *
 * Pinned: I26 (paid answers stay reachable without a checkpoint), I7, I8.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { SEED } from '../support/seed.js';
import { KilledRun } from './killed-run.js';

const KILLS = Number(process.env.XSTATE_PIPELINE_JOURNAL_KILLS ?? 4);
const STAGES = [
  { name: 'tidy', durable: false, concurrency: 0 },
  { name: 'paid', durable: true, concurrency: 4 },
  { name: 'label', durable: false, concurrency: 0 },
];

/** Damages every stored generation of the checkpoint. */
function damageCheckpoints(run: KilledRun, sessionId: string, random: () => number): void {
  const home = join(run.folder, 'state', sessionId);
  for (const name of readdirSync(home).filter((file) => file.startsWith('checkpoint'))) {
    const bytes = readFileSync(join(home, name));
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(join(home, name), bytes);
  }
}

const random = seededRandom(SEED);
const KILL_AFTER = Array.from({ length: KILLS }, () => 1 + Math.floor(random() * 200));

test.each(KILL_AFTER)(
  `killed after %i events, no durable batch is invoked again (seed ${SEED})`,
  async (killAfter) => {
    const run = new KilledRun(4_000, STAGES, 64);
    const killed = await run.runProcess(null, killAfter);
    const sessionId = killed.sessionId as string;
    damageCheckpoints(run, sessionId, random);

    const refused = await run.runProcess(sessionId);
    expect(refused.completed).toBe(false);
    expect(refused.stderr).toContain('fromJournal');

    const resumed = await run.runProcess(sessionId, undefined, undefined, { fromJournal: true });
    expect(resumed.completed, resumed.stderr).toBe(true);
    const invoked = new Set(resumed.invoked.map((line) => line.split(' ').slice(1, 3).join(' ')));
    expect(killed.durable.filter((name) => invoked.has(name))).toEqual([]);
    await run.runProcess(null, undefined, 'golden.jsonl');
    expect(run.output()).toBe(run.output('golden.jsonl'));
  },
  60_000,
);

test('an output that was removed: the session begins again, and journaled answers are used', async () => {
  const run = new KilledRun(4_000, STAGES, 64);
  const killed = await run.runProcess(null, 60);
  const sessionId = killed.sessionId as string;
  rmSync(join(run.folder, 'out.jsonl.part'));
  const resumed = await run.runProcess(sessionId, undefined, undefined, { fromJournal: true });
  expect(resumed.completed, resumed.stderr).toBe(true);
  expect(resumed.invoked.length).toBeLessThan(63);
  await run.runProcess(null, undefined, 'golden.jsonl');
  expect(run.output()).toBe(run.output('golden.jsonl'));
}, 60_000);
