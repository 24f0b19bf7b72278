/** A run with `distinct` and `fold`, on a simulated disk: batches reach them out of order. */
import { memoryLock } from '../../../src/checkpoint/lock/memory-lock.js';
import {
  defineStage,
  distinct,
  fold,
  type PipelineEvent,
  PipelineExecutor,
  StateManager,
  silentLogger,
} from '../../../src/index.js';
import { jsonl, lowdbStorage } from '../../../src/node.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { manualClock } from '../../../src/testing/manual-clock.js';
import type { Ledger } from '../simulated-run.js';

const INPUT = '/data/in.jsonl';
export const OUTPUTS = ['/data/out.jsonl', '/data/totals.jsonl', '/data/labels.jsonl'] as const;
const SESSION = '01234567-89ab-4def-8123-456789abcdef';
const ROWS = 40;

type Row = {
  readonly n: number;
  /** Each value occurs several times, in batches far apart. */
  readonly id: number;
};

export interface KeyedRunOptions {
  /** A durable stage between `distinct` and the second fold. */
  readonly isPaid: boolean;
}

export function keyedDisk(): SimulatedDisk {
  const disk = new SimulatedDisk();
  const lines = Array.from({ length: ROWS }, (_, n) => `${JSON.stringify({ n, id: (n * 7) % 23 })}\n`);
  disk.put(INPUT, lines.join(''));
  disk.putDirectory('/state');
  return disk;
}

function stagesOf(ledger: Ledger, { isPaid }: KeyedRunOptions) {
  // The batches of a process end in another order than they began.
  const late = defineStage({
    name: 'late',
    concurrency: 3,
    process: async (rows: Row[], { batch: { index } }) => {
      for (let i = index % 3; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
      return rows;
    },
  });
  const totals = fold('totals', {
    key: ({ id }: Row) => `group ${id % 3}`,
    init: () => ({ rows: 0, last: -1 }),
    step: (total: { rows: number; last: number }, { n }: Row) => ({ rows: total.rows + 1, last: n }),
    to: jsonl(OUTPUTS[1]),
  });
  const once = distinct('once', ({ id }: Row) => id);
  const paid = defineStage({
    name: 'paid',
    durable: true,
    concurrency: 2,
    process: async (rows: Row[], { batch: { index } }) => {
      ledger.addInvocation('paid', index);
      await Promise.resolve();
      return rows.map((row) => ({ ...row, label: row.id * 2 }));
    },
  });
  const labels = fold('labels', {
    key: ({ id }: Row) => id % 5,
    init: () => [] as number[],
    step: (seen: number[], { id }: Row) => [...seen, id],
    to: jsonl(OUTPUTS[2]),
  });
  return isPaid ? [late, totals, once, paid, labels] : [late, totals, once, labels];
}

/** Runs one process on `disk`: starts the session, or resumes it. Resolves to how it ended. */
async function runKeyed(disk: SimulatedDisk, ledger: Ledger, options: KeyedRunOptions) {
  const lock = memoryLock();
  const storage = lowdbStorage('/state', {
    fileSystem: disk,
    acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
  });
  const stateManager = new StateManager(storage, { checkpointInterval: 8 });
  const observer = { next: (event: PipelineEvent) => ledger.addEvent(event) };
  const environment = {
    fileSystem: disk,
    clock: manualClock(),
    newSessionId: () => SESSION,
    logger: silentLogger,
  };
  const executor = new PipelineExecutor(stagesOf(ledger, options), stateManager, [observer], environment);
  const pipeline = {
    name: 'keyed',
    source: jsonl(INPUT),
    sink: jsonl(OUTPUTS[0]),
    options: { batchSize: 4 },
  };
  try {
    const stored = (await stateManager.listCheckpoints()).find((item) => item.sessionId === SESSION);
    if (stored?.state === 'COMPLETED') return 'completed';
    if (stored === undefined) await executor.execute(pipeline);
    else await executor.resume(SESSION, pipeline);
    return 'completed';
  } catch (error) {
    return error as Error;
  }
}

/** Runs processes until one completes the session: the fault occurs in the first only. */
export async function finishKeyed(
  disk: SimulatedDisk,
  ledger: Ledger,
  options: KeyedRunOptions,
): Promise<void> {
  for (let process = 1; process <= 4; process++) {
    const how = await runKeyed(disk, ledger, options);
    if (how === 'completed') return;
    if (process === 4) throw how;
  }
}

export const runKeyedOnce = runKeyed;
