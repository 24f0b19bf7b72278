/**
 * Real processes, killed with SIGKILL and resumed by others.
 *
 * Pinned: I7 (byte-identical output after any sequence of kills), I8 (no process computes an announced durable output
 * again; an interrupted invocation gets the same idempotency key), I10 (the lock of a killed owner is free at once).
 */
import { describe, expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { SEED } from '../support/seed.js';
import { KilledRun } from './killed-run.js';

async function killRepeatedly(
  run: KilledRun,
  kills: number,
  most: number,
  random: () => number,
  output = 'out.jsonl',
  goldenOutput = 'golden.jsonl',
): Promise<void> {
  const golden = await run.runProcess(null, undefined, goldenOutput);
  expect(golden.completed, golden.stderr).toBe(true);
  const promised = new Set<string>();
  const keys = new Map<string, string>();
  let sessionId: string | null = null;
  for (let kill = 0; ; kill++) {
    const last = kill >= kills;
    const process = await run.runProcess(
      sessionId,
      last ? undefined : 1 + Math.floor(random() * most),
      output,
    );
    expect(process.stderr).toBe('');
    sessionId = process.sessionId;
    for (const line of process.invoked) {
      const [, stage, batch, key] = line.split(' ') as [string, string, string, string];
      const name = `${stage} ${batch}`;
      expect(promised.has(name), `second invocation of ${name} after kill ${kill}`).toBe(false);
      expect(keys.get(name) ?? key).toBe(key);
      keys.set(name, key);
    }
    for (const name of process.durable) promised.add(name);
    if (process.completed) break;
    expect(last, 'the last process, which is not killed, completes').toBe(false);
  }
  if (output === 'out.jsonl') expect(run.output()).toBe(run.output('golden.jsonl'));
}

test(`twenty kills at random moments of one run (seed ${SEED})`, async () => {
  const stages = [
    { name: 'tidy', durable: false, concurrency: 0 },
    { name: 'paid', durable: true, concurrency: 4 },
    { name: 'label', durable: false, concurrency: 0 },
  ];
  await killRepeatedly(new KilledRun(20_000, stages, 64), 20, 150, seededRandom(SEED));
}, 180_000);

/** `XSTATE_PIPELINE_KILLS=200` for a long campaign. */
const KILLS = Number(process.env.XSTATE_PIPELINE_KILLS ?? 8);

test(`${KILLS} kills of one run over forty compressed files (seed ${SEED})`, async () => {
  const stages = [
    { name: 'tidy', durable: false, concurrency: 0 },
    { name: 'paid', durable: true, concurrency: 4 },
  ];
  const run = new KilledRun(Math.max(4_000, KILLS * 300), stages, 64, 40);
  await killRepeatedly(run, KILLS, 100, seededRandom(SEED + 100));
}, 900_000);

test(`${KILLS} kills of one run whose output is split (seed ${SEED})`, async () => {
  const stages = [
    { name: 'tidy', durable: false, concurrency: 0 },
    { name: 'paid', durable: true, concurrency: 4 },
  ];
  const run = new KilledRun(Math.max(4_000, KILLS * 300), stages, 64);
  const template = '{key}/part-{n}.jsonl';
  await killRepeatedly(run, KILLS, 100, seededRandom(SEED + 200), `out/${template}`, `golden/${template}`);
  expect(run.outputs('out')).toEqual(run.outputs('golden'));
}, 900_000);

test(`${Math.ceil(KILLS / 2)} kills while the files of a split output are published (seed ${SEED})`, async () => {
  const stages = [{ name: 'tidy', durable: false, concurrency: 0 }];
  const run = new KilledRun(6_000, stages, 64);
  const template = '{key}/part-{n}.jsonl';
  const golden = await run.runProcess(null, undefined, `golden/${template}`);
  expect(golden.completed, golden.stderr).toBe(true);
  const random = seededRandom(SEED + 300);
  for (let kill = 0; kill < Math.ceil(KILLS / 2); kill++) {
    const output = `out${kill}/${template}`;
    const first = await run.runProcess(null, undefined, output, {}, 1 + Math.floor(random() * 90));
    const last = first.completed ? first : await run.runProcess(first.sessionId, undefined, output);
    expect(last.completed, last.stderr).toBe(true);
    expect(run.outputs(`out${kill}`)).toEqual(run.outputs('golden'));
  }
}, 900_000);

describe(`two to four kills, one to three stages, concurrency one to eight (seed ${SEED})`, () => {
  test.each([0, 1, 2, 3, 4, 5])(
    'run %i',
    async (run) => {
      const random = seededRandom(SEED + 1 + run);
      const stages = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, i) => ({
        name: `s${i}`,
        durable: random() < 0.5,
        concurrency: Math.floor(random() * 9),
      })).map((stage) => (stage.concurrency === 0 ? { ...stage, durable: false } : stage));
      const kills = 2 + Math.floor(random() * 3);
      await killRepeatedly(new KilledRun(2_000, stages, 32), kills, 120, random);
    },
    60_000,
  );
});
