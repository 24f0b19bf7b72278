/**
 * Pins what `crashTest` reports as a problem, on constructed process runs: a durable batch that is invoked again, in this
 * process or another (I8), a changed idempotency key, an announced session that is not stored.
 */
import { expect, test, vi } from 'vitest';
import { crashCase, secondInvocations } from '../../../src/testing/crash/crash-case.js';
import type { CrashFolder } from '../../../src/testing/crash/crash-folder.js';
import type { ProcessRun } from '../../../src/testing/crash/process-run.js';

const queue: ProcessRun[] = [];
vi.mock('../../../src/testing/crash/process-run.js', () => ({ runProcess: async () => queue.shift() }));

const ID = '00000000-0000-4000-8000-000000000000';

/** @param invoked batch, and attempt if it is not the first. */
function processRun(
  invoked: readonly (readonly [batch: number, attempt?: number])[],
  announced: readonly number[],
  key = 'a',
): ProcessRun {
  return {
    ...{ exitCode: undefined, operations: [], stderr: '', isHung: false },
    invocations: invoked.map(([batch, attempt = 1]) => ({
      ...{ stage: 's', batch, attempt, idempotencyKey: `${ID}:${key}` },
    })),
    events: announced.map((batch) => ({
      ...{
        type: 'batch.completed',
        stage: 's',
        sessionId: ID,
        at: 0,
        batch,
        durable: true,
        fromJournal: false,
      },
      ...{ rowsIn: 1, rowsOut: 1, attempt: 1, durationMs: 0 },
    })),
  };
}

test('another process invokes an announced batch again', () => {
  const promised = new Set<string>();
  const keys = new Map<string, string>();
  expect(secondInvocations(processRun([[0], [1]], [0]), promised, keys)).toEqual([]);
  expect(secondInvocations(processRun([[1], [2]], [1]), promised, keys)).toEqual([]);
  expect(secondInvocations(processRun([[1]], []), promised, keys)).toEqual([
    'stage "s" was invoked again for batch 1, whose output was durable',
  ]);
  expect(secondInvocations(processRun([[2]], [], 'b'), promised, keys)).toEqual([
    'batch 2 of stage "s" got a different idempotencyKey than before',
  ]);
});

test('one process makes an attempt twice; a retry is not a second attempt', () => {
  const found = (one: ProcessRun) => secondInvocations(one, new Set(), new Map());
  expect(found(processRun([[0], [1], [1, 2], [1, 3]], [0, 1]))).toEqual([]);
  expect(found(processRun([[0], [1], [0]], [0, 1]))).toEqual([
    'stage "s" was invoked twice for attempt 1 of batch 0',
  ]);
});

test('a session with announced batches is not stored', async () => {
  const folder = {
    session: async () => undefined,
    output: async () => ({}),
  } satisfies Partial<CrashFolder> as unknown as CrashFolder;
  const killed = async (announced: readonly number[]) => {
    queue.splice(0, queue.length, processRun([[0]], announced), { ...processRun([[0]], [0]), exitCode: 0 });
    const crashes = [{ atOperation: 9 }];
    const { problems } = await crashCase({ folder, crashes, timeoutMs: 1, output: (of) => of.output() });
    return problems;
  };
  // A session that announced nothing may be missing.
  expect(await killed([])).toEqual([]);
  expect(await killed([0])).toEqual([
    'the session is not stored, although batches of it were announced as durable',
  ]);
});
