/** A whole run, file to file, on a simulated disk, for the crash suites. */

import { memoryLock } from '../../src/checkpoint/lock/memory-lock.js';
import type { AcquireLock } from '../../src/checkpoint/storages/lowdb-storage.js';
import {
  type Delivery,
  defineStage,
  map,
  type PipelineEvent,
  PipelineExecutor,
  type PipelineLike,
  StateManager,
  silentLogger,
} from '../../src/index.js';
import { jsonl, lowdbStorage } from '../../src/node.js';
import type { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { manualClock } from '../../src/testing/manual-clock.js';

export const INPUT = '/data/in.jsonl';
export const OUTPUT = '/data/out.jsonl';
const SESSION = '01234567-89ab-4def-8123-456789abcdef';
const STATE = '/state';

/** The test's record over all processes: announced durable outputs and invocations. */
export class Ledger {
  readonly promised = new Set<string>();
  readonly violations: string[] = [];
  readonly delivered: (string | undefined)[] = [];
  invocations = 0;

  addInvocation(stage: string, batch: number): void {
    this.invocations++;
    const key = `${stage}:${batch}`;
    if (this.promised.has(key)) this.violations.push(`second invocation of ${key}`);
  }

  addEvent(event: PipelineEvent): void {
    if (event.type === 'batch.completed' && event.durable) this.promised.add(`${event.stage}:${event.batch}`);
  }
}

export interface SimulatedRunOptions {
  readonly rows?: number;
  readonly concurrency?: number;
  readonly checkpointInterval?: number;
  /** A path or a pattern. Default: one file. */
  readonly input?: string;
  /** The output is delivered: what was at the target goes to the ledger. */
  readonly delivers?: boolean;
  /** Default: one file. */
  readonly sink?: PipelineLike['sink'];
}

export const inputOf = (rows: number): string =>
  Array.from({ length: rows }, (_, n) => `${JSON.stringify({ n, text: `row ${n} é` })}\n`).join('');

function stagesOf(ledger: Ledger, { concurrency = 2 }: SimulatedRunOptions) {
  return [
    map('tidy', (row: { n: number; text: string }) => ({ ...row, text: row.text.toUpperCase() })),
    defineStage({
      name: 'paid',
      durable: true,
      concurrency,
      process: async (rows: { n: number; text: string }[], { batch }) => {
        ledger.addInvocation('paid', batch.index);
        await Promise.resolve();
        return rows.map((row) => ({ ...row, paid: row.n * 2 }));
      },
    }),
    map('last', (row: { n: number; paid: number }) => ({ n: row.n, paid: row.paid + 1 })),
  ];
}

/** Runs one process on `disk`: starts the session or resumes the stored one. Resolves to how it ended. */
export async function runProcess(
  disk: SimulatedDisk,
  ledger: Ledger,
  options: SimulatedRunOptions = {},
): Promise<'completed' | Error> {
  const stages = stagesOf(ledger, options);
  const storage = lowdbStorage(STATE, { fileSystem: disk, acquireLock: lockOf() });
  const stateManager = new StateManager(storage, { checkpointInterval: options.checkpointInterval ?? 8 });
  const executor = new PipelineExecutor(stages, stateManager, [{ next: (event) => ledger.addEvent(event) }], {
    fileSystem: disk,
    clock: manualClock(),
    newSessionId: () => SESSION,
    logger: silentLogger,
  });
  const source = jsonl(options.input ?? INPUT);
  const deliver = async ({ path }: Delivery) => {
    ledger.delivered.push(disk.text(path));
  };
  const pipelineOptions = { batchSize: 4, ...(options.delivers === true ? { deliver } : {}) };
  const sink = options.sink ?? jsonl(OUTPUT);
  const definition = { name: 'crash', source, sink, options: pipelineOptions };
  try {
    const stored = await stateManager.listCheckpoints();
    const known = stored.find((item) => item.sessionId === SESSION);
    if (known?.state === 'COMPLETED') return 'completed';
    if (known !== undefined) await executor.resume(SESSION, definition);
    else await executor.execute(definition);
    return 'completed';
  } catch (error) {
    return error as Error;
  }
}

/** Locks of one process. */
function lockOf(): AcquireLock {
  const lock = memoryLock();
  return ({ sessionId, handlers }) => lock(sessionId, handlers);
}
