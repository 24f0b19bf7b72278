/**
 * Real processes, killed with SIGKILL and resumed by others.
 *
 * Pinned: I7 (byte-identical output after any sequence of kills), I8 (no process computes an announced durable output
 * again; an interrupted invocation gets the same idempotency key), I10 (the lock of a killed owner is free at once).
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type PipelineEvent, seededRandom } from 'xstate-pipeline';
import { freshFolder } from '../support/folders.js';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));
const SEED = Number(process.env.XSTATE_PIPELINE_SEED ?? Math.floor(Math.random() * 1e9));

interface StageSpec {
  readonly name: string;
  readonly durable: boolean;
  /** 0: a synchronous row stage. */
  readonly concurrency: number;
}

interface ProcessRun {
  readonly completed: boolean;
  readonly sessionId: string | null;
  readonly durable: readonly string[];
  readonly invoked: readonly string[];
  readonly stderr: string;
}

class KilledRun {
  readonly folder = freshFolder();
  readonly #file = (name: string) => join(this.folder, name);

  constructor(
    readonly rows: number,
    readonly stages: readonly StageSpec[],
    readonly batchSize: number,
  ) {
    const line = (n: number) => `${JSON.stringify({ n, text: `row ${n} — ünïcödé` })}\n`;
    writeFileSync(this.#file('in.jsonl'), Array.from({ length: rows }, (_, n) => line(n)).join(''));
    writeFileSync(this.#file('ledger'), '');
  }

  output(name = 'out.jsonl'): string {
    return readFileSync(this.#file(name), 'utf8');
  }

  /** Runs one process, killed after `killAfter` events, or never. */
  async runProcess(
    sessionId: string | null,
    killAfter = Number.POSITIVE_INFINITY,
    output = 'out.jsonl',
  ): Promise<ProcessRun> {
    const before = readFileSync(this.#file('ledger'), 'utf8').length;
    const args = {
      input: this.#file('in.jsonl'),
      output: this.#file(output),
      state: this.#file('state'),
      ledger: this.#file('ledger'),
      sessionId,
      batchSize: this.batchSize,
      stages: this.stages,
    };
    const child = spawn(process.execPath, [CHILD, JSON.stringify(args)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const durable: string[] = [];
    let count = 0;
    let completed = false;
    let id = sessionId;
    for await (const line of createInterface({ input: child.stdout })) {
      const event = parse(line);
      if (event === undefined) continue;
      id = event.sessionId;
      if (event.type === 'batch.completed' && event.durable) durable.push(`${event.stage} ${event.batch}`);
      if (event.type === 'pipeline.completed') completed = true;
      if (++count === killAfter) child.kill('SIGKILL');
    }
    const invoked = readFileSync(this.#file('ledger'), 'utf8').slice(before).split('\n').slice(0, -1);
    return { completed, sessionId: id, durable, invoked, stderr };
  }
}

/** Ignores a line that the kill cut short. */
function parse(line: string): PipelineEvent | undefined {
  try {
    return JSON.parse(line) as PipelineEvent;
  } catch {
    return undefined;
  }
}

async function killRepeatedly(
  run: KilledRun,
  kills: number,
  most: number,
  random: () => number,
): Promise<void> {
  const golden = await run.runProcess(null, undefined, 'golden.jsonl');
  expect(golden.completed, golden.stderr).toBe(true);
  const promised = new Set<string>();
  const keys = new Map<string, string>();
  let sessionId: string | null = null;
  for (let kill = 0; ; kill++) {
    const last = kill >= kills;
    const process = await run.runProcess(sessionId, last ? undefined : 1 + Math.floor(random() * most));
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
  expect(run.output()).toBe(run.output('golden.jsonl'));
}

test(`twenty kills at random moments of one run (seed ${SEED})`, async () => {
  const stages = [
    { name: 'tidy', durable: false, concurrency: 0 },
    { name: 'paid', durable: true, concurrency: 4 },
    { name: 'label', durable: false, concurrency: 0 },
  ];
  await killRepeatedly(new KilledRun(20_000, stages, 64), 20, 150, seededRandom(SEED));
}, 180_000);

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
